"""Runs the node as a process between a camera process and a reader process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent

#: Frames of each camera's first second are sent but not counted: discovery, caches, clocks.
WARM_UP_S = 1.0

#: A profile that changes nothing: with it set, the package leaves Fast DDS as it comes.
STOCK_PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<profiles xmlns="http://www.eprosima.com">
  <participant profile_name="stock" is_default_profile="true"><rtps></rtps></participant>
</profiles>
"""


@dataclass(frozen=True)
class Scenario:
    """
    What is sent, and which outputs are read; `is_timed` runs the node with stopwatches.

    Sending begins `settle_s` after the camera is matched: DDS may take seconds for the reader.
    """

    model: Path
    cameras: int = 1
    rate_hz: float = 20.0
    duration_s: float = 10.0
    at_once: bool = False
    outputs: tuple[str, ...] = ('mask',)
    encoding: str = 'bgra8'
    is_timed: bool = False
    is_stock: bool = False
    settle_s: float = 4.0


@dataclass
class Outcome:
    """What a run gave; durations in seconds."""

    sent: int
    mask_s: np.ndarray
    publish_s: np.ndarray
    diagnostics: dict
    node_start_ns: int
    first_mask_ns: int
    memory_mib: dict
    stopwatch: dict = field(default_factory=dict)

    def total(self, counter):
        """Return a counter of the node's diagnostics, summed over the cameras."""
        return sum(int(d[counter]) for d in self.diagnostics.values() if counter in d)

    def engine_ms(self, key='engine_ms_p50'):
        """Return the engine's own time as the node reports it, over the last 200 frames."""
        return float(np.median([float(d[key]) for d in self.diagnostics.values() if key in d]))


@dataclass
class Transport:
    """What images take from the camera's process to the reader's with no node; in seconds."""

    reader_s: np.ndarray
    publish_s: np.ndarray


def run(scenario):
    """Run a scenario in a ROS domain of its own."""
    with _session(scenario) as session:
        return session.run()


def run_bare(scenario):
    """Run a scenario's cameras and a reader of their images, with no node between the two."""
    with _session(scenario) as session:
        return session.run_bare()


@contextmanager
def _session(scenario):
    with tempfile.TemporaryDirectory() as folder:
        session = _Session(scenario, Path(folder))
        try:
            yield session
        finally:
            session.kill()


class _Session:
    def __init__(self, scenario, folder):
        self.scenario = scenario
        self.stopwatch = folder / 'stopwatch.json'
        self.env = os.environ | {
            'ROS_DOMAIN_ID': str(1 + time.monotonic_ns() // 1000 % 100),
            'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
            'STOPWATCH_FILE': str(self.stopwatch),
        }
        # As from a user's shell: byte code is kept, and the ROS wheels find their libraries anew.
        self.env.pop('PYTHONDONTWRITEBYTECODE', None)
        if self.env.pop('_ROS_WHEELS_BOOTSTRAP_COMPLETE', None):
            self.env.pop('LD_LIBRARY_PATH')
        if scenario.is_stock:
            profile = folder / 'stock.xml'
            profile.write_text(STOCK_PROFILE)
            self.env['FASTRTPS_DEFAULT_PROFILES_FILE'] = str(profile)
        self.running = []

    def start(self, *command, **pipes):
        process = subprocess.Popen([sys.executable, *command], env=self.env, text=True, **pipes)
        self.running.append(process)
        return process

    def start_reader(self, *topics):
        command = [
            HERE / 'reader.py',
            '--cameras',
            str(self.scenario.cameras),
            '--topics',
            *topics,
        ]
        return self.start(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def start_camera(self):
        s = self.scenario
        frames = round(s.rate_hz * (s.duration_s + WARM_UP_S))
        command = [HERE / 'camera.py', '--cameras', str(s.cameras), '--frames', str(frames)]
        command += ['--rate', str(s.rate_hz), '--encoding', s.encoding]
        command += ['--settle', str(s.settle_s)]
        command += ['--at-once'] * s.at_once
        return self.start(*command, stdout=subprocess.PIPE)

    def start_node(self):
        s = self.scenario
        names = [f'camera{i}' for i in range(s.cameras)]
        values = [f'cameras:={names}', f'model:={s.model}']
        plain, timed = ['-m', 'unet_seg_ros.ros'], [HERE / 'timed_node.py']
        arguments = [a for value in values for a in ('-p', value)]
        arguments += ['--log-level', 'warn']
        return self.start(*(timed if s.is_timed else plain), '--ros-args', *arguments)

    def start_ends(self, *topics):
        """Return the reader of some topics and the camera, both ready."""
        ends = self.start_reader(*topics), self.start_camera()
        for process in ends:
            assert process.stdout.readline() == 'ready\n'
        return ends

    def sent_s(self, camera):
        """Wait until the camera has sent all, and return what its calls of publish took."""
        text, _ = camera.communicate(timeout=self.scenario.duration_s + 60)
        return np.array(_result(text)['publish_s'])

    def run_bare(self):
        reader, camera = self.start_ends('image_raw')
        publish_s = self.sent_s(camera)
        _, reader_s = _counted(_result(reader.communicate('')[0])['images'])
        return Transport(reader_s, publish_s)

    def run(self):
        reader, camera = self.start_ends(*(f'segmentation/{o}' for o in self.scenario.outputs))
        node_start_ns = time.monotonic_ns()
        node = self.start_node()
        publish_s = self.sent_s(camera)
        # The diagnostics that count the last frame come once a second.
        time.sleep(1.2)
        memory_mib = _memory_mib(node.pid)
        read = _result(reader.communicate('')[0])
        node.send_signal(signal.SIGINT)
        node.wait(timeout=20)
        first_mask_ns, mask_s = _counted(read['images'])
        return Outcome(
            sent=len(publish_s),
            mask_s=mask_s,
            publish_s=publish_s,
            diagnostics=read['diagnostics'],
            node_start_ns=node_start_ns,
            first_mask_ns=first_mask_ns,
            memory_mib=memory_mib,
            stopwatch=json.loads(self.stopwatch.read_text()) if self.scenario.is_timed else {},
        )

    def kill(self):
        for process in self.running:
            process.kill()
            process.wait()


def _result(text):
    # Fast DDS writes its own warnings to the standard output.
    return json.loads(text.splitlines()[-1])


def _counted(images):
    """Return when the first came [ns], and from stamp to arrival, less the first second [s]."""
    images = np.array(images, np.int64).reshape(-1, 3)
    is_counted = images[:, 1] >= images[:1, 1].sum() + WARM_UP_S * 1e9
    return int(images[:1, 2].sum()), (images[is_counted, 2] - images[is_counted, 1]) / 1e9


def _memory_mib(pid):
    text = Path(f'/proc/{pid}/smaps_rollup').read_text()
    text += Path(f'/proc/{pid}/status').read_text()
    kib = {line.split()[0]: int(line.split()[1]) for line in text.splitlines() if ' kB' in line}
    private = kib['Private_Clean:'] + kib['Private_Dirty:']
    return {
        name: amount / 1024
        for name, amount in (('rss', kib['Rss:']), ('private', private), ('peak', kib['VmHWM:']))
    }

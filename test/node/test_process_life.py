"""The node's process: it ends at once in every state, and a hundred lives leave nothing behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import rclpy
from lifecycle_msgs.msg import Transition
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException
from sensor_msgs.msg import Image
from support.child_processes import seconds_to_end, wait_until_it_rests
from support.graph import Graph, Lifecycle
from support.stage import picture, to_message

from unet_seg_ros.ros.process import executor_of
from unet_seg_ros.ros.segmentation_node import SegmentationNode

pytestmark = pytest.mark.ros

NODE = [sys.executable, '-m', 'unet_seg_ros.ros', '--ros-args']
WAY_TO = {
    'unconfigured': (),
    'inactive': (Transition.TRANSITION_CONFIGURE,),
    'active': (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE),
}
ROUND = (
    Transition.TRANSITION_CONFIGURE,
    Transition.TRANSITION_ACTIVATE,
    Transition.TRANSITION_DEACTIVATE,
    Transition.TRANSITION_CLEANUP,
)
NUM_ROUNDS = 100
# By when the heap has found its size, and the pools of OpenVINO and DDS have all their threads.
NUM_WARM_UP = 100
MOST_GROWTH_KB = 16


@pytest.fixture
def graph(ros_domain) -> Iterator[Graph]:
    graph = Graph(ros_domain)
    yield graph
    graph.close()


@pytest.fixture
def log(tmp_path) -> Path:
    return tmp_path / 'log.txt'


@pytest.fixture
def node(graph, known_model, log) -> Iterator[subprocess.Popen]:
    """Return the node's process, which waits to be told."""
    command = [*NODE, '-p', f'model:={known_model}', '-p', 'autostart:=false']
    with log.open('w') as file:
        process = subprocess.Popen(command, stderr=file)
    yield process
    process.kill()
    process.wait()


def let_frames_flow(graph: Graph) -> None:
    """Send a frame every few milliseconds, for as long as the peer spins, and wait for masks."""
    masks: list[Image] = []
    frame = to_message(picture())
    camera = graph.peer.create_publisher(Image, 'camera/image_raw', 1)
    graph.peer.create_subscription(Image, 'camera/segmentation/mask', masks.append, 1)
    graph.peer.create_timer(0.01, lambda: camera.publish(frame))
    graph.wait_until(lambda: len(masks) > 10, 'masks')


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize('state', WAY_TO)
def test_a_signal_ends_it_within_two_seconds(graph, node, log, state, number):
    lifecycle = Lifecycle(graph, '/segmentation_node')
    for transition in WAY_TO[state]:
        assert lifecycle.change(transition)
    if state == 'active':
        let_frames_flow(graph)
    assert seconds_to_end(node, number) < 2
    assert node.returncode == 0
    assert 'Traceback' not in log.read_text()


# Runs the node with an engine that does not come back from its first real frame.
HUNG_NODE = """
import sys, time
from unet_seg_ros.inference.openvino_backend import OpenVinoBackend
from unet_seg_ros.ros.__main__ import main
infer = OpenVinoBackend._infer
calls = []
def hang(self, images):
    calls.append(images)
    if len(calls) > 1:
        print('hangs', file=sys.stderr, flush=True)
        time.sleep({seconds})
    return infer(self, images)
OpenVinoBackend._infer = hang
sys.exit(main())
"""


@contextmanager
def node_in_a_frame(
    graph: Graph, model: Path, log: Path, seconds: float, before: str = ''
) -> Iterator[subprocess.Popen]:
    """Start a node and wait until a frame is in its engine, where it stays for some seconds."""
    program = before + HUNG_NODE.format(seconds=seconds)
    command = [sys.executable, '-c', program, '--ros-args', '-p', f'model:={model}']
    frame = to_message(picture())
    camera = graph.peer.create_publisher(Image, 'camera/image_raw', 1)
    graph.peer.create_subscription(Image, 'camera/segmentation/mask', lambda mask: None, 1)
    graph.peer.create_timer(0.01, lambda: camera.publish(frame))
    with log.open('w') as file, subprocess.Popen(command, stderr=file) as node:
        try:
            graph.wait_until(lambda: 'hangs' in log.read_text(), 'a frame in the engine')
            yield node
        finally:
            node.kill()


def said_after_the_frame(log: Path) -> list[str]:
    lines = log.read_text().partition('hangs')[2].splitlines()
    return [line for line in lines if line not in ('', 'hangs')]


@pytest.mark.parametrize('seconds', [0.2, 300])
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_while_a_frame_is_in_the_engine(graph, known_model, log, number, seconds):
    with node_in_a_frame(graph, known_model, log, seconds) as node:
        assert seconds_to_end(node, number) < 2
        assert node.returncode == 0
    assert not said_after_the_frame(log)


def test_an_impatient_second_interrupt_ends_it_at_once(graph, known_model, log):
    never_forced = 'from unet_seg_ros.ros import process\nprocess._FAREWELL_S = 300\n'
    with node_in_a_frame(graph, known_model, log, 300, never_forced) as node:
        graph.wait_until(lambda: graph.peer.count_subscribers('/camera/image_raw'), 'the node')
        node.send_signal(signal.SIGINT)
        graph.wait_until(lambda: not graph.peer.count_subscribers('/camera/image_raw'), 'its end')
        node.send_signal(signal.SIGINT)
        assert node.wait(timeout=20) == -signal.SIGINT
    assert not said_after_the_frame(log)


def test_it_ends_even_if_nothing_wakes_it(ros_domain, known_model):
    context = Context()
    rclpy.init(context=context, domain_id=ros_domain)
    node = SegmentationNode(context=context)
    executor = executor_of(node, node.crashed)
    ended = []

    def spin() -> None:
        with pytest.raises(ExternalShutdownException):
            executor.spin()
        ended.append(True)

    for _ in range(10):  # what a new node has to do
        executor.spin_once(timeout_sec=0.01)
    spinning = Thread(target=spin, daemon=True)
    spinning.start()
    wait_until_it_rests(spinning)
    # As rclpy's own thread does after a SIGTERM: the executor is not told.
    context.handle.shutdown()
    spinning.join(20)
    assert ended
    node.destroy_node()


def resources(pid: int) -> dict[str, int]:
    """Return a process's resident memory [kB], threads and open files."""
    lines = Path(f'/proc/{pid}/status').read_text().splitlines()
    fields = dict(line.split(':', 1) for line in lines)
    return {
        'memory_kb': int(fields['VmRSS'].split()[0]),
        'threads': int(fields['Threads']),
        'files': len(list(Path(f'/proc/{pid}/fd').iterdir())),
    }


@pytest.mark.timeout(300)
def test_a_hundred_rounds_leave_nothing_behind(graph, node):
    lifecycle = Lifecycle(graph, '/segmentation_node')
    used = []
    for _ in range(NUM_WARM_UP + NUM_ROUNDS):
        for transition in ROUND:
            assert lifecycle.change(transition)
        used.append(resources(node.pid))
    warm = used[NUM_WARM_UP:]
    # The fewest of ten rounds, for what a round holds may go a moment after its answer.
    files = [u['files'] for u in warm]
    assert min(files[-10:]) <= min(files[:10]), files
    threads = [u['threads'] for u in warm]
    # OpenVINO's pool has one thread more at some times than at others.
    assert min(threads[-10:]) <= min(threads[:10]) + 1, threads
    memory_kb = [u['memory_kb'] for u in warm]
    growth_kb = np.polyfit(np.arange(NUM_ROUNDS), memory_kb, 1)[0]
    assert growth_kb < MOST_GROWTH_KB, f'{growth_kb:.1f} kB a round: {memory_kb}'

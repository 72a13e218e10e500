"""One run of the demonstration: three processes over DDS, and what they leave behind."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unet_seg_ros.demo.processes import Child, ProcessError, ProcessGroup
from unet_seg_ros.demo.sources import DRIVE_RATE_HZ, Source

_START_TIMEOUT_S = 180.0
_STALL_TIMEOUT_S = 30.0
_WIND_UP_TIMEOUT_S = 60.0
_POLL_S = 0.1

# The node and the observer read the images; the first frame waits for both.
_READERS = 2

# A moment is kept about so many times.
_NUM_MOMENTS = 12

#: Told how many frames have been sent.
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Traces:
    """
    What a run leaves behind.

    Attributes
    ----------
    sent : list of (int, int)
        Stamp and steady time of sending [ns] of each image.
    observed : mapping
        The observer's ``observed.json``.
    folder : Path
        Holds the observer's pictures.

    """

    sent: list[tuple[int, int]]
    observed: Mapping[str, Any]
    folder: Path


class Session:
    """
    Runs source, node and observer until the source has sent all.

    Parameters
    ----------
    source : Source
        Where images come from.
    seconds : float
        How long it lasts.
    model : Path
        The model file.
    folder : Path
        An empty folder for what the processes write.
    is_scored : bool
        Whether the source's truth is compared with the masks.

    """

    def __init__(
        self,
        source: Source,
        seconds: float,
        model: Path,
        folder: Path,
        is_scored: bool,
    ) -> None:
        """Prepare; nothing is started yet."""
        self._source, self._seconds, self._model = source, seconds, model
        self._folder, self._is_scored = folder, is_scored
        self._log = folder / 'sent.csv'

    def run(self, domain: int, progress: Progress) -> Traces:
        """
        Run the processes to their end, in a ROS domain that they have to themselves.

        Raises
        ------
        ProcessError
            If one of them fails, or nothing moves any more.

        """
        environment = {
            **os.environ,
            'ROS_DOMAIN_ID': str(domain),
            'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
        }
        with ProcessGroup(self._folder) as group:
            node = group.start('segmentation node', self._node_command(), environment)
            observer = group.start('observer', self._observer_command(), environment)
            source = group.start('source', self._source_command(), environment)
            self._follow(group, source, progress)
            assert observer.process.stdin is not None
            observer.process.stdin.close()
            group.wait(observer, _WIND_UP_TIMEOUT_S)
            group.stop(node)
        return Traces(self._read_log(), self._read_observed(), self._folder)

    def _follow(self, group: ProcessGroup, source: Child, progress: Progress) -> None:
        num_sent, moved_s, patience_s = 0, time.monotonic(), _START_TIMEOUT_S
        while source.process.poll() is None:
            group.check()
            now = len(self._read_log())
            if now > num_sent:
                num_sent, moved_s, patience_s = now, time.monotonic(), _STALL_TIMEOUT_S
                progress(num_sent)
            if time.monotonic() - moved_s > patience_s:
                raise ProcessError(
                    f'no frame was sent for {patience_s:.0f} s, after {num_sent} of them: '
                    'the processes do not find each other, or one of them hangs'
                )
            time.sleep(_POLL_S)
        group.check()
        progress(len(self._read_log()))

    def _node_command(self) -> list[str]:
        topics = self._source.topics
        parameters = {
            'cameras': f'["{topics.camera}"]',
            f'{topics.camera}.image_topic': topics.image,
            'model': self._model,
            'diagnostics_period_s': 0.5,
        }
        arguments = [t for name, value in parameters.items() for t in ('-p', f'{name}:={value}')]
        return [*_python('unet_seg_ros.ros'), '--ros-args', *arguments]

    def _observer_command(self) -> list[str]:
        topics = self._source.topics
        options = {
            'camera': topics.camera,
            'image-topic': topics.image,
            'truth-topic': topics.truth if self._is_scored else '',
            'carla-tags': topics.carla_tags,
            'moment-every': max(1, round(self._seconds * DRIVE_RATE_HZ / _NUM_MOMENTS)),
            'output': self._folder,
        }
        return [*_python('unet_seg_ros.ros.observer'), *(f'--{k}={v}' for k, v in options.items())]

    def _source_command(self) -> list[str]:
        shared = ['--wait-for', str(_READERS), '--log', str(self._log)]
        return [*_python('unet_seg_ros.cli.main'), *self._source.command(self._seconds), *shared]

    def _read_log(self) -> list[tuple[int, int]]:
        if not self._log.exists():
            return []
        # The last line may be half written yet.
        lines = self._log.read_text().rpartition('\n')[0].splitlines()
        return [(int(stamp), int(steady)) for stamp, steady in (s.split(',') for s in lines)]

    def _read_observed(self) -> Mapping[str, Any]:
        observed: Mapping[str, Any] = json.loads((self._folder / 'observed.json').read_text())
        return observed


def _python(module: str) -> list[str]:
    return [sys.executable, '-m', module]

"""
The observer: receives what the node publishes beside the truth, scores it and keeps pictures.

A process of its own, started by the demo. It reads until its standard input ends, waits for what
is still under way, writes ``observed.json`` and goes.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import cast

import cv2
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from unet_seg_ros.core.class_sets import ROAD_CLASSES
from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.core.errors import UserError
from unet_seg_ros.core.metrics import ConfusionMatrix
from unet_seg_ros.core.pixels import RawFrame
from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.recordings.palette import Palette
from unet_seg_ros.ros.album import Album, View
from unet_seg_ros.ros.conversion import to_frame
from unet_seg_ros.ros.messages import stamp_ns
from unet_seg_ros.ros.source import ros_node

RESULT = 'observed.json'

# Masks are counted, so that none of them may be lost where this process is short of time.
_QOS = QoSProfile(depth=20)
_MASK_QOS = QoSProfile(depth=200)

# Frames of which some part has not come yet; a dropped frame stays here until it is displaced.
_MAX_INCOMPLETE = 40

# The end: so long nothing new may come, and so long the node's last diagnostics are waited for.
_QUIET_S = 0.5
_PATIENCE_S = 4.0


class Observer:
    """
    Brings together what belongs to one stamp, and examines it beside the receiving thread.

    Parameters
    ----------
    node : Node
        The node that owns the subscriptions.
    options : Namespace
        The command line's.
    examiner : ThreadPoolExecutor
        One thread.

    """

    def __init__(
        self, node: Node, options: argparse.Namespace, examiner: ThreadPoolExecutor
    ) -> None:
        """Subscribe to the node's topics; the source's follow with `subscribe_to_source`."""
        self.arrivals: list[tuple[int, int]] = []
        self.diagnostics: dict[str, dict[str, str]] = {}
        self.matrix = ConfusionMatrix(ROAD_CLASSES.table)
        self.num_scored = 0
        self.examinations: list[Future[None]] = []
        self.last_image_s = self.last_diagnostics_s = 0.0
        self._node, self._options, self._examiner = node, options, examiner
        self._album = Album(options.output, options.moment_every)
        self._palette = Palette(CARLA_TAGS[options.carla_tags])
        self._incomplete: dict[int, dict[str, Image]] = {}
        self._kinds = {'image', 'mask', 'overlay'} | ({'truth'} if options.truth_topic else set())
        self._outputs = {k: f'{options.camera}/segmentation/{k}' for k in ('mask', 'overlay')}
        for kind, topic in self._outputs.items():
            qos = _MASK_QOS if kind == 'mask' else _QOS
            node.create_subscription(Image, topic, partial(self._receive, kind), qos)
        node.create_subscription(DiagnosticArray, '/diagnostics', self._note, _QOS)

    def sees_node(self) -> bool:
        """Return whether the node's publishers are there."""
        return all(self._node.count_publishers(topic) for topic in self._outputs.values())

    def subscribe_to_source(self) -> None:
        """Subscribe to the images and the truth, which tells the source that all is ready."""
        topics = {'image': self._options.image_topic, 'truth': self._options.truth_topic}
        for kind, topic in topics.items():
            if kind in self._kinds:
                self._node.create_subscription(Image, topic, partial(self._receive, kind), _QOS)

    def write(self, path: Path) -> None:
        """
        Write what was observed, once all is examined.

        Raises
        ------
        FrameError
            If an image could not be read.

        """
        for examination in self.examinations:
            examination.result()
        result = {
            'masks': self.arrivals,
            'diagnostics': self.diagnostics,
            'confusion': self.matrix.counts.tolist(),
            'num_scored': self.num_scored,
        }
        path.write_text(json.dumps(result))

    def _receive(self, kind: str, message: Image, info: Mapping[str, int]) -> None:
        self.last_image_s = time.monotonic()
        stamp = stamp_ns(message.header.stamp)
        if kind == 'mask':
            # When DDS had it, told on the system's clock: a callback may come late, because this
            # process also receives pictures and scores them.
            age_ns = time.time_ns() - info['received_timestamp']
            self.arrivals.append((stamp, time.monotonic_ns() - age_ns))
        parts = self._incomplete.setdefault(stamp, {})
        parts[kind] = message
        if parts.keys() == self._kinds:
            del self._incomplete[stamp]
            self.examinations.append(self._examiner.submit(self._examine, stamp, parts))
        elif len(self._incomplete) > _MAX_INCOMPLETE:
            del self._incomplete[min(self._incomplete)]

    def _note(self, message: DiagnosticArray) -> None:
        self.last_diagnostics_s = time.monotonic()
        for status in message.status:
            values = {pair.key: pair.value for pair in status.values}
            self.diagnostics[status.name] = {'message': status.message, **values}

    def _examine(self, stamp: int, parts: dict[str, Image]) -> None:
        mask = to_frame(parts['mask']).pixels()
        truth = self._read_truth(to_frame(parts['truth'])) if 'truth' in parts else None
        if truth is not None:
            self.matrix.update(truth, mask)
            self.num_scored += 1
        image, overlay = (to_frame(parts[kind]).bgr() for kind in ('image', 'overlay'))
        self._album.add(View(stamp, image, overlay, mask, truth))

    def _read_truth(self, frame: RawFrame) -> ByteArray:
        classes = ROAD_CLASSES.labels(self._options.carla_tags).classes
        return cast(ByteArray, cv2.LUT(self._palette.read(frame.pixels()), classes))


def _observe(options: argparse.Namespace) -> None:
    is_over = threading.Event()

    def await_end() -> None:
        sys.stdin.read()
        is_over.set()

    # A daemon, because a read of a standard input that stays open cannot be called off.
    threading.Thread(target=await_end, daemon=True).start()
    with ros_node('observer') as node, ThreadPoolExecutor(1) as examiner:
        observer = Observer(node, options, examiner)
        executor = SingleThreadedExecutor()
        executor.add_node(node)

        def spin_until(condition: Callable[[], bool]) -> None:
            while not condition():
                executor.spin_once(timeout_sec=0.05)

        spin_until(lambda: observer.sees_node() or is_over.is_set())
        observer.subscribe_to_source()
        spin_until(is_over.is_set)
        over_s = time.monotonic()
        spin_until(lambda: time.monotonic() - max(observer.last_image_s, over_s) > _QUIET_S)
        spin_until(
            lambda: (
                observer.last_diagnostics_s > over_s + _QUIET_S
                or time.monotonic() > over_s + _PATIENCE_S
            )
        )
        observer.write(options.output / RESULT)


def main(argv: list[str] | None = None) -> int:
    """Observe as the command line says; 1 if an image could not be read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--camera', required=True)
    parser.add_argument('--image-topic', required=True)
    parser.add_argument('--truth-topic', default='')
    parser.add_argument('--carla-tags', type=int, default=29)
    parser.add_argument('--moment-every', type=int, default=40)
    parser.add_argument('--output', type=Path, required=True)
    try:
        _observe(parser.parse_args(argv))
    except UserError as e:
        sys.stderr.write(f'{e}\n')
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == '__main__':
    sys.exit(main())

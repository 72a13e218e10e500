"""The segmentation node with a stopwatch on each stage; writes what it took when it ends."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import defaultdict
from functools import wraps
from pathlib import Path

marks_ns = {'interpreter': time.monotonic_ns()}
durations_s = defaultdict(list)


def mark(name):
    marks_ns.setdefault(name, time.monotonic_ns())


import rclpy  # noqa: E402

mark('import rclpy')

from unet_seg_ros.core import segmenter  # noqa: E402
from unet_seg_ros.core.backend import Backend  # noqa: E402
from unet_seg_ros.core.newest import NewestSlots  # noqa: E402
from unet_seg_ros.core.pixels import RawFrame  # noqa: E402
from unet_seg_ros.inference.openvino_backend import OpenVinoBackend  # noqa: E402
from unet_seg_ros.ros import camera, node_process, outputs, segmentation_node, worker  # noqa: E402
from unet_seg_ros.ros.interrupts import Interrupts  # noqa: E402

mark('import the package')


def timed(function, stage, after=''):
    """Return the function with its duration noted, and the moment after its first call."""

    @wraps(function)
    def timing(*args, **kwargs):
        start_s = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            durations_s[stage].append(time.perf_counter() - start_s)
            mark(after or stage)

    return timing


def since_s(stamp, now_s=None):
    """Return the time since a stamp of the steady clock."""
    now_s = time.monotonic() if now_s is None else now_s
    return now_s - stamp.sec - stamp.nanosec / 1e9


def time_stages():
    for owner, name, stage in (
        (Backend, '__init__', 'read contract'),
        (OpenVinoBackend, '_open', 'open engine'),
        (segmenter.Segmenter, 'warm_up', 'first inference'),
        (RawFrame, 'bgr', 'decode and resize'),
        (Backend, 'infer', 'infer'),
        (camera.CameraChannel, 'is_watched', 'look for readers'),
        (segmentation_node, 'declare_parameters', 'declare parameters'),
        (segmentation_node.SegmentationNode, '_create_cameras', 'create publishers'),
        (segmentation_node.SegmentationNode, 'on_activate', 'activate'),
        (rclpy, 'init', 'rclpy.init'),
    ):
        setattr(owner, name, timed(getattr(owner, name), stage))
    outputs.OUTPUTS = tuple((n, e, timed(f, f'make {n}')) for n, e, f in outputs.OUTPUTS)
    time_arrival()
    time_publish()
    time_own_work()


def time_arrival():
    put, take = NewestSlots.put, NewestSlots.take

    def timed_put(self, name, arrival):
        mark('first frame')
        durations_s['receive'].append(since_s(arrival.message.header.stamp, arrival.time_s))
        return put(self, name, arrival)

    def timed_take(self):
        items = take(self)
        for _, arrival in items:
            durations_s['wait for the worker'].append(time.monotonic() - arrival.time_s)
        return items

    NewestSlots.put, NewestSlots.take = timed_put, timed_take


def time_publish():
    from rclpy.lifecycle import LifecyclePublisher

    publish = LifecyclePublisher.publish

    def timed_publish(self, message):
        start_s = time.perf_counter()
        publish(self, message)
        name = self.topic_name.rsplit('/', 1)[-1]
        durations_s[f'publish {name}'].append(time.perf_counter() - start_s)
        if name == 'mask':
            durations_s['stamp to published'].append(since_s(message.header.stamp))
        mark(f'first {name}')

    LifecyclePublisher.publish = timed_publish


def time_own_work():
    segment = worker.SegmentationWorker._segment

    def elsewhere_s():
        return sum(sum(d) for s, d in durations_s.items() if s == 'infer' or 'publish ' in s)

    def timed_segment(self, batch):
        num_before, before_s = len(durations_s['infer']), elsewhere_s()
        start_s = time.perf_counter()
        segment(self, batch)
        spent_s = time.perf_counter() - start_s
        if len(durations_s['infer']) > num_before:
            durations_s['own work'].append(spent_s - (elsewhere_s() - before_s))

    worker.SegmentationWorker._segment = timed_segment


def main():
    output = Path(os.environ['STOPWATCH_FILE'])
    time_stages()
    status = node_process.run_node(Interrupts())
    output.write_text(json.dumps({'marks_ns': marks_ns, 'durations_s': durations_s}))
    return status


if __name__ == '__main__':
    sys.exit(main())

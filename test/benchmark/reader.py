"""The benchmark's reader process: notes when each image came, until its standard input ends."""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

from unet_seg_ros.ros.messages import stamp_ns
from unet_seg_ros.ros.shared_memory import prepare


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--cameras', type=int, required=True)
    parser.add_argument('--topics', nargs='+', required=True, help='below each camera; timed: [0]')
    options = parser.parse_args()
    images, diagnostics, is_over = [], {}, threading.Event()

    def note_image(camera, message):
        images.append((camera, stamp_ns(message.header.stamp), time.monotonic_ns()))

    def note_diagnostics(message):
        for status in message.status:
            diagnostics[status.name] = {pair.key: pair.value for pair in status.values}

    def wait_for_end():
        sys.stdin.read()
        is_over.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    prepare()
    rclpy.init()
    node = rclpy.create_node('benchmark_reader')
    for i in range(options.cameras):
        for topic in options.topics:
            # What is not timed is left serialised, to take little of the cores.
            is_timed = topic == options.topics[0]
            callback = (lambda m, i=i: note_image(i, m)) if is_timed else (lambda m: None)
            node.create_subscription(
                Image, f'camera{i}/{topic}', callback, qos_profile_sensor_data, raw=not is_timed
            )
    node.create_subscription(DiagnosticArray, '/diagnostics', note_diagnostics, 10)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    print('ready', flush=True)
    while not is_over.is_set():
        executor.spin_once(timeout_sec=0.1)
    rclpy.shutdown()
    print(json.dumps({'images': images, 'diagnostics': diagnostics}))


if __name__ == '__main__':
    main()

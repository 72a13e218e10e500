"""The benchmark's camera process: images of 1280x720, stamped on the steady clock when sent."""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import rclpy
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from unet_seg_ros.ros.messages import image_message, to_stamp
from unet_seg_ros.ros.shared_memory import prepare

CHANNELS = {'bgra8': 4, 'bgr8': 3, 'mono8': 1}


def scene(channels):
    """Return a picture neither flat nor noise, uint8 [720, 1280], or [720, 1280, channels]."""
    y, x = np.mgrid[0:720, 0:1280]
    planes = [(x // 5 + y // (3 + c)) % 256 for c in range(channels)]
    return np.squeeze(np.stack(planes, axis=-1)).astype(np.uint8)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--cameras', type=int, required=True)
    parser.add_argument('--rate', type=float, required=True, help='of each camera [Hz]')
    parser.add_argument('--frames', type=int, required=True, help='of each camera')
    parser.add_argument('--encoding', choices=CHANNELS, required=True)
    parser.add_argument('--at-once', action='store_true', help='not evenly apart')
    parser.add_argument('--settle', type=float, default=0.0, help='wait for all to be matched [s]')
    options = parser.parse_args()
    message = image_message(scene(CHANNELS[options.encoding]), options.encoding, Header())
    prepare()
    rclpy.init()
    node = rclpy.create_node('benchmark_camera')
    publishers = [
        node.create_publisher(Image, f'camera{i}/image_raw', qos_profile_sensor_data)
        for i in range(options.cameras)
    ]
    print('ready', flush=True)
    while not all(p.get_subscription_count() for p in publishers):
        time.sleep(0.01)
    time.sleep(options.settle)
    publish_s = []
    first_s = time.monotonic()
    for frame in range(options.frames):
        for i, publisher in enumerate(publishers):
            share = 0 if options.at_once else i / options.cameras
            due_s = first_s + (frame + share) / options.rate
            time.sleep(max(0.0, due_s - time.monotonic()))
            start_ns = time.monotonic_ns()
            message.header.stamp = to_stamp(start_ns)
            publisher.publish(message)
            publish_s.append((time.monotonic_ns() - start_ns) / 1e9)
    # What was sent last must still reach the node.
    time.sleep(0.5)
    rclpy.shutdown()
    print(json.dumps({'publish_s': publish_s}))


if __name__ == '__main__':
    main()

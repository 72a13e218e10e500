"""Recordings made for a test: folders of images, bags of both storages."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

_TYPES = get_typestore(Stores.ROS2_JAZZY)

IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED = 'sensor_msgs/msg/CompressedImage'
STORAGES = {'mcap': StoragePlugin.MCAP, 'sqlite3': StoragePlugin.SQLITE3}


def _made(kind: str, *fields: Any) -> Any:
    return _TYPES.types[kind](*fields)


def header(stamp_ns: int, frame_id: str = 'front_optical') -> Any:
    stamp = _made('builtin_interfaces/msg/Time', *divmod(stamp_ns, 10**9))
    return _made('std_msgs/msg/Header', stamp, frame_id)


def image(pixels: np.ndarray, encoding: str, stamp_ns: int, padding: int = 0) -> Any:
    """Return an image message whose rows end with some bytes of 77."""
    height, width = pixels.shape[:2]
    rows = pixels.reshape(height, -1)
    data = np.pad(rows, ((0, 0), (0, padding)), constant_values=77)
    step = data.shape[1]
    return _made(IMAGE, header(stamp_ns), height, width, encoding, 0, step, data.reshape(-1))


def compressed(pixels: np.ndarray, stamp_ns: int, ending: str = 'png') -> Any:
    """Return a compressed image message, lossless unless it is a jpg."""
    data = cv2.imencode(f'.{ending}', pixels)[1].reshape(-1)
    return _made(COMPRESSED, header(stamp_ns), ending, data)


def camera_info(height: int, width: int, focal_px: float, stamp_ns: int) -> Any:
    """Return the camera information of an ideal pinhole camera."""
    k = np.array([focal_px, 0, width / 2, 0, focal_px, height / 2, 0, 0, 1], np.float64)
    p = np.insert(k.reshape(3, 3), 3, 0, axis=1).reshape(-1)
    roi = _made('sensor_msgs/msg/RegionOfInterest', 0, 0, 0, 0, False)
    sizes = (height, width, 'plumb_bob', np.zeros(5), k, np.eye(3).reshape(-1), p)
    return _made('sensor_msgs/msg/CameraInfo', header(stamp_ns), *sizes, 1, 2, roi)


def text(words: str) -> Any:
    return _made('std_msgs/msg/String', words)


def write_bag(path: Path, storage: str, messages: Iterable[tuple[str, int, Any]]) -> Path:
    """Write messages, each with its topic and its time of recording [ns]."""
    with Writer(path, version=9, storage_plugin=STORAGES[storage]) as writer:
        connections: dict[str, Any] = {}
        for topic, recorded_ns, message in messages:
            kind = message.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=_TYPES)
            writer.write(connections[topic], recorded_ns, _TYPES.serialize_cdr(message, kind))
    return path


def write_folder(path: Path, images: Iterable[np.ndarray]) -> Path:
    """Write images as 1.png, 2.png ..."""
    path.mkdir()
    for index, pixels in enumerate(images, 1):
        cv2.imwrite(str(path / f'{index}.png'), pixels)
    return path


def write_image(path: Path, pixels: np.ndarray) -> Path:
    """Write one image, lossless where its ending allows it, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Above 100: lossless WebP.
    assert cv2.imwrite(str(path), pixels, [cv2.IMWRITE_WEBP_QUALITY, 101])
    return path


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)

"""The node between a camera and a reader of another DDS vendor, Cyclone DDS without ROS."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

import numpy as np
import pytest
import support
from support.stage import picture

pytestmark = [
    pytest.mark.ros,
    pytest.mark.skipif(
        find_spec('cyclonedds') is None, reason='no wheel of cyclonedds for this machine'
    ),
]

NUM_FRAMES = 20
NODE = [sys.executable, '-m', 'unet_seg_ros.ros', '--ros-args']
PEER = Path(support.__file__).with_name('foreign_dds.py')


class ForeignPeer:
    """The process on Cyclone DDS: frames in, masks out."""

    def __init__(self, domain: int, reliability: str) -> None:
        topics = 'rt/camera/image_raw', 'rt/camera/segmentation/mask'
        self.process = subprocess.Popen(
            [sys.executable, str(PEER), str(domain), reliability, *topics],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._masks: Queue[dict] = Queue()
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self._masks.put(json.loads(line))

    def publish(self, number: int, bgr: np.ndarray) -> None:
        frame = {
            'stamp': [number, 500_000_000],
            'frame_id': f'frame {number}',
            'height': bgr.shape[0],
            'width': bgr.shape[1],
            'encoding': 'bgr8',
            'step': bgr.shape[1] * 3,
            'data': bgr.tobytes().hex(),
        }
        self.process.stdin.write(json.dumps(frame) + '\n')
        self.process.stdin.flush()

    def mask(self, timeout_s: float, number: int = 0) -> dict | None:
        """Return the next mask, if one comes in time, of the frames from a number on."""
        try:
            while (mask := self._masks.get(timeout=timeout_s))['stamp'][0] < number:
                pass
        except Empty:
            return None
        return mask


@pytest.fixture(params=['reliable', 'best_effort'])
def peer(request, ros_domain, known_model) -> Iterator[ForeignPeer]:
    """Return a foreign peer that the node serves."""
    node = subprocess.Popen([*NODE, '-p', f'model:={known_model}'])
    peer = ForeignPeer(ros_domain, request.param)
    yield peer
    for process in (node, peer.process):
        process.kill()
        process.communicate()


def test_frames_of_a_foreign_camera_reach_a_foreign_reader_as_masks(peer: ForeignPeer):
    # Discovery has no event here: the first frame is sent again until its mask comes.
    for _ in range(120):
        peer.publish(0, picture())
        if peer.mask(timeout_s=0.5):
            break
    else:
        pytest.fail('waited in vain for the first mask')
    inner = np.s_[5::12, 5::12]
    for number in range(1, NUM_FRAMES + 1):
        image = picture(seed=number)
        peer.publish(number, image)
        mask = peer.mask(timeout_s=20, number=1)
        assert mask is not None, f'waited in vain for mask {number}'
        pixels = np.frombuffer(bytes.fromhex(mask.pop('data')), np.uint8).reshape(48, 96)
        np.testing.assert_array_equal(pixels[inner], (image[..., 0] // 64)[inner])
        assert mask == {
            'stamp': [number, 500_000_000],
            'frame_id': f'frame {number}',
            'height': 48,
            'width': 96,
            'encoding': 'mono8',
            'step': 96,
        }
    assert peer.mask(timeout_s=0.5, number=1) is None

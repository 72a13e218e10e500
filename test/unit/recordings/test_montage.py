from __future__ import annotations

import numpy as np

from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.recordings.montage import montage

TAGS = CARLA_TAGS[23]


def frame(blue, tag, size=(80, 160)):
    image = np.zeros((*size, 3), np.uint8)
    image[..., 0] = blue
    return image, np.full(size, tag, np.uint8)


def test_each_image_is_above_its_labels():
    picture = montage([frame(10, 7), frame(20, 255)], TAGS)
    assert picture.shape == (2 * 160, 2 * 320, 3)
    assert picture[80, [100, 400]].tolist() == [[10, 0, 0], [20, 0, 0]]
    # Road in BGR, and white where nothing counts.
    assert picture[240, [100, 400]].tolist() == [[128, 64, 128], [255, 255, 255]]


def test_four_are_in_a_row_and_the_last_is_filled():
    picture = montage([frame(10 * i, 7) for i in range(1, 6)], TAGS)
    assert picture.shape == (2 * 320, 4 * 320, 3)
    assert picture[320 + 80, 100].tolist() == [50, 0, 0]
    assert not picture[320:, 320:].any()


def test_frames_of_other_sizes_keep_their_aspect():
    picture = montage([frame(10, 7), frame(20, 8, (40, 40))], TAGS)
    assert picture.shape == (2 * 320, 2 * 320, 3)
    assert picture[300, 400].tolist() == [20, 0, 0]
    assert not picture[320:, :320].any()

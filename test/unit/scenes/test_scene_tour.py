"""Drives one after another."""

from __future__ import annotations

import numpy as np
import pytest

from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.scenes import HELD_OUT_LAYOUTS, Drive, PinholeCamera
from unet_seg_ros.scenes.tour import Tour

CAMERA = PinholeCamera(ImageSize(45, 80))
LAYOUTS = HELD_OUT_LAYOUTS[:2]


def test_layouts_come_in_turn_and_then_the_next_seed():
    tour = Tour(LAYOUTS, 7, 2, CAMERA, 20.0)
    expected = [(layout, seed, i) for seed in (7, 8) for layout in LAYOUTS for i in (0, 1)]
    for index, (layout, seed, place) in enumerate(expected):
        frame, direct = tour.frame(index), Drive(layout, seed, CAMERA).frame(place)
        np.testing.assert_array_equal(frame.image, direct.image)
        np.testing.assert_array_equal(frame.tags, direct.tags)


def test_without_legs_it_stays_where_it_is():
    frame = Tour(LAYOUTS, 7, 0, CAMERA, 20.0).frame(1000)
    np.testing.assert_array_equal(
        frame.image, Drive(LAYOUTS[0], 7, CAMERA, rate_hz=20.0).frame(1000).image
    )


def test_a_slower_camera_moves_further_between_frames():
    slow, fast = Tour(LAYOUTS, 7, 0, CAMERA, 10.0), Tour(LAYOUTS, 7, 0, CAMERA, 20.0)
    np.testing.assert_array_equal(slow.frame(5).tags, fast.frame(10).tags)


def test_an_unknown_layout_is_refused_at_once():
    with pytest.raises(ConfigurationError, match='atlantis'):
        Tour([*LAYOUTS, 'atlantis'], 0, 2, CAMERA, 20.0)

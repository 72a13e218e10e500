"""Palette-coloured semantic images: exact both ways, for every tag table."""

from __future__ import annotations

import numpy as np
import pytest

from unet_seg_ros.core.classes import CARLA_TAGS, ClassTable, PixelClass
from unet_seg_ros.core.errors import FrameError
from unet_seg_ros.recordings.palette import Palette


@pytest.fixture(params=CARLA_TAGS)
def tags(request) -> ClassTable:
    return CARLA_TAGS[request.param]


@pytest.fixture
def tags_hw(tags):
    return np.random.default_rng(0).integers(0, len(tags), (31, 17), np.uint8)


def test_paint_gives_the_colours_of_the_table(tags, tags_hw):
    bgra = Palette(tags).paint(tags_hw)
    assert bgra.shape == (31, 17, 4)
    np.testing.assert_array_equal(bgra[..., 2::-1], tags.palette_rgb[tags_hw])
    assert (bgra[..., 3] == 255).all()


def test_read_gives_the_tags_back(tags, tags_hw):
    palette = Palette(tags)
    np.testing.assert_array_equal(palette.read(palette.paint(tags_hw)), tags_hw)


def test_read_ignores_alpha(tags, tags_hw):
    palette = Palette(tags)
    bgra = palette.paint(tags_hw)
    bgra[..., 3] = 0
    np.testing.assert_array_equal(palette.read(bgra), tags_hw)


def test_read_takes_a_view_with_padded_rows(tags, tags_hw):
    palette = Palette(tags)
    wide = np.zeros((31, 20, 4), np.uint8)
    wide[:, :17] = palette.paint(tags_hw)
    np.testing.assert_array_equal(palette.read(wide[:, :17]), tags_hw)


def test_any_other_colour_is_refused(tags):
    palette = Palette(tags)
    known = {c.color for c in tags.classes}
    colors = [tuple(c) for c in np.random.default_rng(1).integers(0, 256, (2000, 3)).tolist()]
    near = [(r, g, b ^ 1) for r, g, b in known]
    for color in {*colors, *near} - known:
        bgra = np.array([[[*color[::-1], 255]]], np.uint8)
        with pytest.raises(FrameError, match='1 of 1 pixels have colours outside the palette'):
            palette.read(bgra)


def test_any_other_colour_does_not_count_on_request(tags, tags_hw):
    palette = Palette(tags)
    bgra = palette.paint(tags_hw)
    # One bit beside the table's colours, so that some share their hash with one of the table.
    bgra[:7, :, 0] ^= 1
    expected = tags_hw.copy()
    expected[:7] = 255
    np.testing.assert_array_equal(palette.read(bgra, ignore_unknown=True), expected)


def test_tags_of_one_colour_are_refused():
    same = ClassTable((PixelClass(0, 'a', (1, 2, 3)), PixelClass(1, 'b', (1, 2, 3))))
    with pytest.raises(ValueError, match='share a colour'):
        Palette(same)

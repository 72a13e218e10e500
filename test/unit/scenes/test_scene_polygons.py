from __future__ import annotations

import numpy as np
import pytest

from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.scenes.camera import PinholeCamera, View
from unet_seg_ros.scenes.canvas import Canvas, LitPicture
from unet_seg_ros.scenes.polygons import NEAR_M, Polygons, clip_near


def _view(height: int = 100, width: int = 200) -> View:
    camera = PinholeCamera(ImageSize(height, width))
    return View(camera, np.array([0.0, 0.0, 1.5]), 0.0, 0.0, 0.0)


def test_cutting_keeps_what_is_before_the_lens() -> None:
    square = np.array([[-1.0, 0, 5], [1, 0, 5], [1, 0, -5], [-1, 0, -5]])

    rest = clip_near(square)

    assert rest[:, 2].min() == pytest.approx(NEAR_M)
    assert rest[:, 2].max() == 5.0
    assert len(rest) == 4


def test_cutting_leaves_nothing_of_what_is_behind() -> None:
    assert clip_near(np.array([[0.0, 0, -1], [1, 0, -1], [1, 1, -2]])).shape == (0, 3)


def test_ground_fills_the_rows_that_its_distance_gives() -> None:
    view = _view()
    # From under the camera to 10 m ahead: seen from the bottom up to 1.5 / 10 of the focal length.
    strip = np.array([[-5.0, 50, 0], [10, 50, 0], [10, -50, 0], [-5, -50, 0]])
    canvas = Canvas(view)

    Polygons(view, strip, [4], [(10.0, 20.0, 30.0, 1.0)]).fill(canvas.pixels)

    column = canvas.pixels[:, 100]
    first = int(np.argmax(column[:, 3] == 1))
    assert first == pytest.approx(50 + 100 * 1.5 / 10, abs=1)
    assert (column[first:] == (10, 20, 30, 1)).all()
    assert not column[:first].any()


def test_a_narrow_line_keeps_its_width() -> None:
    view = _view(720, 1280)
    line = np.array([[8.0, 0.1, 0], [20, 0.1, 0], [20, -0.1, 0], [8, -0.1, 0]])
    canvas = Canvas(view)

    Polygons(view, line, [4], [(0.0, 0.0, 0.0, 24.0)], thin=True).fill(canvas.pixels)

    drawn = np.count_nonzero(canvas.pixels[..., 3])
    corners = view.to_pixels(view.to_camera(line))
    x, y = corners.T
    area = 0.5 * abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))
    assert drawn == pytest.approx(area, rel=0.1)


def test_a_wall_writes_one_tag_and_stays_within_its_outline() -> None:
    view = _view()
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (8, 8, 4), np.uint8)
    picture[..., 3] = 3
    outline = np.array([[20.3, 10.6], [90.2, 30.4], [90.2, 60.1], [20.3, 80.7]])
    canvas = Canvas(view)
    canvas.pixels[..., 3] = 10

    to_image = np.array([[10.0, 0, 20], [0, 9, 10], [0, 0, 1]])
    canvas.wall(outline, to_image, LitPicture(picture, (1.0, 1.0, 1.0, 3.0)))

    assert set(np.unique(canvas.pixels[..., 3])) == {3, 10}
    rows, columns = np.nonzero(canvas.pixels[..., 3] == 3)
    assert (columns.min(), columns.max()) == (20, 90)
    assert (rows.min(), rows.max()) == (11, 81)

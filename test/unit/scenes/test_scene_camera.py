from __future__ import annotations

import numpy as np
import pytest

from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.scenes import PinholeCamera
from unet_seg_ros.scenes.camera import View

SIZE = ImageSize(height=720, width=1280)


@pytest.mark.parametrize(
    ('fov_deg', 'focal_px'), [(90.0, 640.0), (60.0, 640.0 * 3**0.5), (120.0, 640.0 / 3**0.5)]
)
def test_matrix_follows_the_field_of_view_as_carla_has_it(fov_deg: float, focal_px: float) -> None:
    matrix = PinholeCamera(SIZE, horizontal_fov_deg=fov_deg).matrix

    expected = [[focal_px, 0, 640], [0, focal_px, 360], [0, 0, 1]]
    np.testing.assert_allclose(matrix, expected, rtol=1e-12)


@pytest.mark.parametrize(
    'wrong', [{'horizontal_fov_deg': 180.0}, {'height_m': 0.0}, {'pitch_deg': 60.0}]
)
def test_a_camera_that_cannot_be_drawn_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        PinholeCamera(SIZE, **wrong)


def _view(pitch_deg: float = 0.0, yaw_deg: float = 0.0, roll_deg: float = 0.0) -> View:
    angles = np.radians([yaw_deg, pitch_deg, roll_deg])
    return View(PinholeCamera(SIZE), np.array([0.0, 0.0, 1.6]), *angles.tolist())


def test_a_point_straight_ahead_is_in_the_middle_of_the_picture() -> None:
    view = _view()

    pixel = view.to_pixels(view.to_camera(np.array([10.0, 0.0, 1.6])))

    # The middle of the picture lies between two pixels.
    np.testing.assert_allclose(pixel, [639.5, 359.5])


def test_left_is_left_and_below_is_below() -> None:
    view = _view()

    column, row = view.to_pixels(view.to_camera(np.array([10.0, 2.0, 0.0])))

    assert column == pytest.approx(639.5 - 640 * 2.0 / 10.0)
    assert row == pytest.approx(359.5 + 640 * 1.6 / 10.0)


def test_looking_up_moves_the_scene_down() -> None:
    ahead = np.array([10.0, 0.0, 1.6])

    level, up = (v.to_pixels(v.to_camera(ahead))[1] for v in (_view(), _view(pitch_deg=5.0)))

    assert up == pytest.approx(level + 640 * np.tan(np.radians(5.0)))


def test_turning_left_moves_the_scene_to_the_right() -> None:
    view = _view(yaw_deg=5.0)

    assert view.to_pixels(view.to_camera(np.array([10.0, 0.0, 1.6])))[0] > 639.5


def test_axes_stay_at_right_angles_however_the_camera_leans() -> None:
    axes = _view(pitch_deg=7.0, yaw_deg=130.0, roll_deg=-4.0).axes

    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1.0)

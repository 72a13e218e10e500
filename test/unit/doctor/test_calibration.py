"""What is said of a CameraInfo: whether it can be true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from unet_seg_ros.core.calibration import Calibration
from unet_seg_ros.core.finding import Level
from unet_seg_ros.core.rectangle import Rectangle
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.doctor.calibration import check_calibration

SIZE = ImageSize(720, 1280)


def calibration(fx=640.0, fy=640.0, cx=640.0, cy=360.0) -> Calibration:
    k = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    return Calibration(size=SIZE, k=k, p=np.hstack([k, np.zeros((3, 1))]))


def test_a_true_calibration_is_told_by_its_field_of_view():
    finding = check_calibration('camera', calibration(), SIZE)
    assert finding.level is Level.OK
    assert finding.what == 'camera_info: 1280x720 px, sees 90 by 59 degrees'


@pytest.mark.parametrize(
    'wrong',
    [
        # CARLA's native publisher before late 2025: wrong by a factor of hundreds.
        {'fx': 640 * 300.0, 'fy': 640 * 300.0},
        {'fx': 640 / 300.0, 'fy': 640 / 300.0},
        {'fx': -640.0},
        {'fy': 0.0},
        {'fx': np.nan},
        {'fy': 1500.0},
        {'cx': 0.0, 'cy': 0.0},
        {'cx': 6400.0},
    ],
)
def test_a_k_that_cannot_be_true(wrong):
    finding = check_calibration('camera', calibration(**wrong), SIZE)
    assert finding.level is Level.FAIL
    assert finding.what.startswith('camera_info has a K with ')
    assert finding.remedy


@pytest.mark.parametrize(('fx', 'level'), [(14_000.0, Level.OK), (16_000.0, Level.FAIL)])
def test_a_telephoto_lens_is_no_mistake(fx, level):
    assert check_calibration('camera', calibration(fx, fx), SIZE).level is level


@pytest.mark.parametrize('factor', [0.5, 0.75, 1.25, 1.5])
def test_a_k_of_another_size(factor):
    wrong = calibration(*(value * factor for value in (640, 640, 640, 360)))
    finding = check_calibration('camera', wrong, SIZE)
    assert finding.level is Level.FAIL
    other = f'{1280 * factor:.0f}x{720 * factor:.0f} px'
    assert finding.what.startswith(f'camera_info has a K for {other}, by its principal point')


@pytest.mark.parametrize(
    'cropped',
    [{'cy': 200.0}, {'cx': 400.0}, {'cx': 560.0, 'cy': 280.0}, {'cx': 700.0, 'cy': 400.0}],
)
def test_a_principal_point_beside_the_middle_is_no_mistake(cropped):
    assert check_calibration('camera', calibration(**cropped), SIZE).level is Level.OK


def test_zeros_mean_not_calibrated():
    unknown = replace(calibration(), k=np.zeros((3, 3)))
    assert check_calibration('camera', unknown, SIZE).level is Level.WARN


def test_none_came():
    assert check_calibration('camera', None, SIZE).level is Level.WARN


def test_its_size_is_that_of_the_images():
    finding = check_calibration('camera', calibration(), ImageSize(360, 640))
    assert finding.level is Level.FAIL
    assert 'is for 1280x720 px, the images are 640x360 px' in finding.what
    binned = replace(calibration(), binning=(2, 2))
    assert check_calibration('camera', binned, ImageSize(360, 640)).level is Level.OK
    part = replace(calibration(), roi=Rectangle(0, 200, 1280, 500))
    assert check_calibration('camera', part, ImageSize(500, 1280)).level is Level.OK

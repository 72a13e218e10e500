"""What is said of a camera and its images, by what was heard of it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from unet_seg_ros.core.finding import Level
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.doctor.camera import (
    check_ego_mask,
    check_frame,
    check_image,
    check_output,
    check_publishers,
    check_rate,
    check_region,
)

SIZE = ImageSize(720, 1280)


def test_rate():
    finding = check_rate('camera', [1.0, 1.1, 1.2, 1.5], 3)
    assert finding.level is Level.OK
    assert finding.what == '6.0 images/s arrive, the longest gap is 300 ms'
    assert check_rate('camera', [1.0], 3).level is Level.WARN
    assert check_rate('camera', [], 3).level is Level.FAIL


def test_an_image_that_the_node_drops():
    assert check_image('camera', '8x8 px bgr8', '').level is Level.OK
    finding = check_image('camera', '8x8 px 32FC1', 'cannot be read')
    assert finding.level is Level.FAIL
    assert finding.what == 'images are 8x8 px 32FC1, which the node drops: cannot be read'


def test_readers():
    assert check_output('output', 2).level is Level.OK
    assert check_output('output', 0).level is Level.SKIP


@pytest.mark.parametrize(
    ('frame_id', 'info_frame_id', 'told'),
    [
        ('front', 'front', []),
        ('front', None, []),
        ('front', 'base_link', ["images are in frame front, camera_info is in 'base_link'"]),
        ('front', '', ["images are in frame front, camera_info is in ''"]),
        ('', 'front', ['images have no frame_id']),
    ],
)
def test_frames(frame_id, info_frame_id, told):
    findings = check_frame('camera', frame_id, info_frame_id)
    assert [f.level for f in findings] == [Level.WARN] * len(told)
    assert [f.what.partition(': ')[0] for f in findings] == told


def test_a_topic_of_two_cameras():
    assert check_publishers('camera', '/image', 1) == []
    (finding,) = check_publishers('camera', '/image', 2)
    assert finding.level is Level.WARN


@pytest.mark.parametrize(
    ('region', 'levels'),
    [
        ((), []),
        ([0, 0, 0, 0], []),
        ([0, 180, 1280, 540], [Level.OK]),
        ([0, 181, 1280, 540], [Level.FAIL]),
        ([1, 0, 1280, 720], [Level.FAIL]),
        ([1280, 720, 1, 1], [Level.FAIL]),
    ],
)
def test_a_region_must_lie_in_the_image(region, levels):
    assert [f.level for f in check_region('camera', region, SIZE)] == levels


@pytest.mark.parametrize(
    ('shape', 'rows', 'level', 'told'),
    [
        ((720, 1280), 180, Level.OK, 'hides 25% of the images'),
        ((361, 640, 3), 90, Level.OK, 'hides 25% of the images'),
        ((480, 640), 100, Level.WARN, 'is 640x480 px, the images are 1280x720 px'),
        ((720, 1280), 0, Level.WARN, 'hides nothing'),
        ((720, 1280), 720, Level.FAIL, 'hides the whole image'),
    ],
)
def test_an_ego_mask_belongs_to_the_images(shape, rows, level, told, tmp_path):
    mask = np.zeros(shape, np.uint8)
    mask[:rows] = 1
    cv2.imwrite(str(tmp_path / 'ego.png'), mask)
    finding = check_ego_mask('camera', tmp_path / 'ego.png', SIZE)
    assert finding.level is level
    assert told in finding.what


def test_an_ego_mask_that_is_gone(tmp_path):
    assert check_ego_mask('camera', tmp_path / 'none.png', SIZE).level is Level.FAIL

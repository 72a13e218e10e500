"""Encodings that are not ours; a stand-in plays cv_bridge, which no wheel brings."""

from __future__ import annotations

import importlib
import sys

import numpy as np
import pytest
from sensor_msgs.msg import Image

from unet_seg_ros.core.errors import FrameError
from unet_seg_ros.ros.conversion import to_frame

pytestmark = pytest.mark.ros

STAND_IN = """
import numpy as np
class CvBridgeError(TypeError):
    pass
class CvBridge:
    def imgmsg_to_cv2(self, message, encoding):
        if message.encoding == 'bad':
            raise CvBridgeError('unknown encoding')
        if message.encoding == 'short':
            np.ndarray(shape=(2, 3), dtype=np.uint8, buffer=bytes(message.data))
        assert encoding == 'bgr8'
        return np.full((message.height, message.width, 3), 7, np.uint8)
"""


@pytest.fixture
def cv_bridge(tmp_path, monkeypatch):
    """Install a stand-in for cv_bridge below a prefix and return that prefix."""
    site = tmp_path / 'lib' / 'site-packages'
    site.mkdir(parents=True)
    (site / 'cv_bridge.py').write_text(STAND_IN)
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()
    yield tmp_path
    sys.modules.pop('cv_bridge', None)


def message(encoding: str) -> Image:
    return Image(encoding=encoding, height=2, width=3, step=6)


def test_without_cv_bridge_the_encoding_is_named():
    with pytest.raises(FrameError, match=r"'bayer_rggb16'.*cv_bridge"):
        to_frame(message('bayer_rggb16'))


def test_a_cv_bridge_of_the_sourced_ros_is_used(cv_bridge, monkeypatch):
    monkeypatch.setenv('AMENT_PREFIX_PATH', f'/opt/elsewhere:{cv_bridge}')
    frame = to_frame(message('bayer_rggb16'))
    np.testing.assert_array_equal(frame.bgr(), np.full((2, 3, 3), 7))


@pytest.mark.parametrize(
    ('encoding', 'says'), [('bad', 'unknown encoding'), ('short', 'buffer is too small')]
)
def test_its_refusal_drops_the_frame(cv_bridge, monkeypatch, encoding, says):
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(cv_bridge))
    with pytest.raises(FrameError, match=f"'{encoding}': cv_bridge refuses it: {says}"):
        to_frame(message(encoding))


def test_a_cv_bridge_from_anywhere_else_is_not_trusted(cv_bridge, monkeypatch):
    monkeypatch.setenv('AMENT_PREFIX_PATH', '/opt/elsewhere')
    with pytest.raises(FrameError, match='without cv_bridge'):
        to_frame(message('bayer_rggb16'))
    assert 'cv_bridge' not in sys.modules

import numpy as np
import pytest

from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.size import ImageSize


def test_text_is_width_by_height_and_reads_back():
    size = ImageSize(height=720, width=1280)
    assert str(size) == '1280x720'
    assert ImageSize.parse('1280x720') == size
    assert size.cv == (1280, 720)


def test_of_an_array_is_its_leading_axes():
    assert ImageSize.of(np.zeros((3, 5, 4), np.uint8)) == ImageSize(3, 5)
    assert ImageSize.of(np.zeros((3, 5), np.uint8)) == ImageSize(3, 5)


@pytest.mark.parametrize('text', ['', '640', '0x5', '6x', '-6x5', '6.0x5', '6x5x4'])
def test_anything_else_is_refused(text):
    with pytest.raises(ConfigurationError, match='WIDTHxHEIGHT'):
        ImageSize.parse(text)

import numpy as np
import pytest

from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.rectangle import Rectangle
from unet_seg_ros.core.size import ImageSize


def test_users_write_x_y_width_height():
    region = Rectangle.from_numbers([10, 20, 300, 40])
    assert region == Rectangle(x=10, y=20, width=300, height=40)
    assert region.size == ImageSize(height=40, width=300)
    assert (region.columns, region.rows) == ((10, 300), (20, 40))
    assert str(region) == '300x40 at 10,20'
    assert Rectangle.from_numbers([]) is None


@pytest.mark.parametrize('numbers', [[1, 2, 3], [-1, 0, 4, 4], [0, 0, 0, 4], [0, 0, 4, 0]])
def test_anything_else_is_refused_in_one_line(numbers):
    with pytest.raises(ConfigurationError, match='write x, y, width and height') as error:
        Rectangle.from_numbers(numbers)
    assert '\n' not in str(error.value)


def test_its_pixels_are_a_view():
    image = np.arange(60, dtype=np.uint8).reshape(6, 10)
    part = Rectangle(2, 1, 3, 4).of_image(image)
    np.testing.assert_array_equal(part, image[1:5, 2:5])
    assert part.base is not None

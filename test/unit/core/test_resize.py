import numpy as np

from unet_seg_ros.core.resize import resize_ids, resize_image
from unet_seg_ros.core.size import ImageSize


def test_ids_are_never_mixed():
    ids = np.array([[0, 3], [3, 0]], np.uint8)
    large = resize_ids(ids, ImageSize(7, 5))
    assert large.shape == (7, 5)
    assert set(np.unique(large)) == {0, 3}


def test_ids_enlarged_by_a_whole_factor_stay_where_they_were():
    ids = np.arange(12, dtype=np.uint8).reshape(3, 4)
    expected = np.repeat(np.repeat(ids, 5, axis=0), 5, axis=1)
    np.testing.assert_array_equal(resize_ids(ids, ImageSize(15, 20)), expected)


def test_the_wanted_size_is_returned_as_it_is():
    image = np.zeros((4, 6, 3), np.uint8)
    assert resize_image(image, ImageSize(4, 6)) is image
    assert resize_ids(image[..., 0], ImageSize(4, 6)).base is image


def test_images_are_mixed_and_keep_their_channels():
    image = np.zeros((2, 2, 4), np.uint8)
    image[:, 1] = 200
    wide = resize_image(image, ImageSize(2, 4))
    assert wide.shape == (2, 4, 4)
    np.testing.assert_array_equal(wide[0, :, 0], [0, 50, 150, 200])

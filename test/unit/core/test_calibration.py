import numpy as np
import pytest

from unet_seg_ros.core.calibration import Calibration
from unet_seg_ros.core.rectangle import Rectangle
from unet_seg_ros.core.size import ImageSize

FULL = ImageSize(720, 1280)
K = np.array([[900.0, 0, 640], [0, 910, 360], [0, 0, 1]])
#: A right stereo camera, whose last column is a baseline in pixels.
P = np.array([[880.0, 0, 630, -105], [0, 880, 350, 0], [0, 0, 1, 0]])

#: A point in front of the camera [m].
POINT = np.array([1.5, -0.75, 6.0])


def calibration(**more) -> Calibration:
    return Calibration(size=FULL, k=K, p=P, **more)


def projected(c: Calibration) -> tuple[np.ndarray, np.ndarray]:
    """Return where K and P see the point [px]."""
    by_k, by_p = c.k @ POINT, c.p @ [*POINT, 1]
    return by_k[:2] / by_k[2], by_p[:2] / by_p[2]


def test_the_whole_image_at_its_own_size_keeps_it_as_it_is():
    c = calibration(binning=(2, 2), roi=Rectangle(100, 60, 800, 600))
    assert c.image_size == ImageSize(300, 400)
    assert c.of_window(Rectangle(0, 0, 400, 300), ImageSize(300, 400)) is c


def test_half_the_size_is_half_of_every_number():
    half = calibration().of_window(Rectangle.of(FULL), ImageSize(360, 640))
    np.testing.assert_allclose(half.k, [[450, 0, 320], [0, 455, 180], [0, 0, 1]])
    np.testing.assert_allclose(half.p, [[440, 0, 315, -52.5], [0, 440, 175, 0], [0, 0, 1, 0]])
    assert half.size == half.image_size == ImageSize(360, 640)


def test_a_part_moves_the_principal_point_only():
    part = calibration().of_window(Rectangle(200, 100, 640, 360), ImageSize(360, 640))
    np.testing.assert_allclose(part.k, [[900, 0, 440], [0, 910, 260], [0, 0, 1]])
    np.testing.assert_allclose(part.p, [[880, 0, 430, -105], [0, 880, 250, 0], [0, 0, 1, 0]])


@pytest.mark.parametrize('binning', [(0, 0), (1, 1), (2, 3)])
@pytest.mark.parametrize('roi', [None, Rectangle(120, 60, 600, 480)])
@pytest.mark.parametrize('output', [ImageSize(77, 130), ImageSize(400, 300)])
def test_a_point_is_seen_where_the_output_shows_it(binning, roi, output):
    c = calibration(binning=binning, roi=roi)
    window = Rectangle(10, 20, c.image_size.width - 30, c.image_size.height - 25)
    seen = c.of_window(window, output)
    assert seen.image_size == seen.size == output
    for full, there in zip(projected(c), projected(seen), strict=True):
        # By hand: full resolution, then the sensor's part, its pixels, our part, its scale.
        image = (full - ([roi.x, roi.y] if roi else [0, 0])) / np.maximum(binning, 1)
        part = image - [window.x, window.y]
        np.testing.assert_allclose(
            there, part * [output.width / window.width, output.height / window.height]
        )


def test_a_camera_without_calibration_stays_without():
    c = Calibration(size=FULL, k=np.zeros((3, 3)), p=np.zeros((3, 4)))
    scaled = c.of_window(Rectangle(4, 4, 100, 100), ImageSize(50, 50))
    assert not scaled.k.any()
    assert not scaled.p.any()

"""The pixel formats of ``sensor_msgs/Image``, decoded without cv_bridge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, cast

import cv2
import numpy as np

from unet_seg_ros.core.errors import FrameError
from unet_seg_ros.core.size import ByteArray, ImageSize


class _Format(NamedTuple):
    """How an encoding's bytes lie, and the OpenCV codes that make it BGR and RGB."""

    #: Bytes per pixel in a row.
    num_bytes: int
    to_bgr: int | None
    to_rgb: int | None
    #: Neighbours that share their colour: width and height are multiples of theirs.
    cell: ImageSize = ImageSize(1, 1)
    #: The least width and height [px].
    smallest: int = 1
    #: Rows of bytes for every two rows of pixels.
    num_rows: int = 2

    @property
    def is_mosaic(self) -> bool:
        """Whether a pixel's colour stands in its neighbours too."""
        return self.cell != (1, 1) or self.smallest > 1


def _bayer(to_bgr: int, to_rgb: int) -> _Format:
    # OpenCV interpolates in 3x3 pixels and leaves anything smaller black.
    return _Format(1, to_bgr, to_rgb, smallest=3)


def _nv(to_bgr: int, to_rgb: int) -> _Format:
    return _Format(1, to_bgr, to_rgb, cell=ImageSize(2, 2), num_rows=3)


_YUV422 = ImageSize(1, 2)
_UYVY = _Format(2, cv2.COLOR_YUV2BGR_UYVY, cv2.COLOR_YUV2RGB_UYVY, _YUV422)
_YUYV = _Format(2, cv2.COLOR_YUV2BGR_YUY2, cv2.COLOR_YUV2RGB_YUY2, _YUV422)

# YUV is BT.601 in video range, as OpenCV, cv_bridge and UVC cameras have it.
# ROS names a Bayer pattern by its first two rows, OpenCV by the second pixel of the second row
# and the one behind it: rggb is BG.
_FORMATS = {
    'bgr8': _Format(3, None, cv2.COLOR_BGR2RGB),
    'rgb8': _Format(3, cv2.COLOR_RGB2BGR, None),
    'bgra8': _Format(4, cv2.COLOR_BGRA2BGR, cv2.COLOR_BGRA2RGB),
    'rgba8': _Format(4, cv2.COLOR_RGBA2BGR, cv2.COLOR_RGBA2RGB),
    'mono8': _Format(1, cv2.COLOR_GRAY2BGR, cv2.COLOR_GRAY2RGB),
    'mono16': _Format(2, cv2.COLOR_GRAY2BGR, cv2.COLOR_GRAY2RGB),
    'bayer_rggb8': _bayer(cv2.COLOR_BayerBG2BGR, cv2.COLOR_BayerBG2RGB),
    'bayer_bggr8': _bayer(cv2.COLOR_BayerRG2BGR, cv2.COLOR_BayerRG2RGB),
    'bayer_gbrg8': _bayer(cv2.COLOR_BayerGR2BGR, cv2.COLOR_BayerGR2RGB),
    'bayer_grbg8': _bayer(cv2.COLOR_BayerGB2BGR, cv2.COLOR_BayerGB2RGB),
    'uyvy': _UYVY,
    'yuv422': _UYVY,
    'yuyv': _YUYV,
    'yuv422_yuy2': _YUYV,
    'nv12': _nv(cv2.COLOR_YUV2BGR_NV12, cv2.COLOR_YUV2RGB_NV12),
    'nv21': _nv(cv2.COLOR_YUV2BGR_NV21, cv2.COLOR_YUV2RGB_NV21),
}

#: The names are those of ``sensor_msgs/image_encodings``; nv12 is Isaac ROS's.
ENCODINGS = tuple(_FORMATS)

#: Those that keep every byte as it is, which ids and colours of label images need.
LABEL_ENCODINGS = ('bgr8', 'rgb8', 'bgra8', 'rgba8', 'mono8')


@dataclass(frozen=True, slots=True)
class RawFrame:
    """
    An image as its message describes it, without a copy.

    Attributes
    ----------
    data : ndarray
        uint8 [step * height or more], the message's bytes.
    encoding : str
        The name of the pixel format, such as ``bgra8``.
    size : ImageSize
        Height and width [px].
    step : int
        Bytes from the start of one row to the next; more than a row's own bytes means padding.
    is_bigendian : bool
        Whether the high byte of a 16-bit pixel comes first.

    """

    data: ByteArray
    encoding: str
    size: ImageSize
    step: int
    is_bigendian: bool = False

    def pixels(self) -> ByteArray:
        """
        Return the pixels in the encoding's own channel order, without padding and uncopied.

        Of 16-bit pixels the high byte is taken: the range of the type is mapped, whatever an
        image makes of it.

        Returns
        -------
        ndarray
            uint8 [H, W, C]; [H, W] for mono and Bayer; [H * 3 / 2, W] for nv12 and nv21, the
            colours below the brightness. A view into `data`.

        Raises
        ------
        FrameError
            If the encoding is not one of `ENCODINGS`, or the sizes contradict each other.

        """
        if self.encoding not in _FORMATS:
            raise FrameError(
                f'encoding {self.encoding!r} cannot be read; send one of {", ".join(ENCODINGS)}'
            )
        layout = _FORMATS[self.encoding]
        self._check_size(layout)
        num_rows = self.size.height * layout.num_rows // 2
        row_bytes = self.size.width * layout.num_bytes
        if self.step < row_bytes or len(self.data) < self.step * num_rows:
            raise FrameError(
                f'image of {self.size} px {self.encoding} needs a step of {row_bytes} '
                f'bytes and {num_rows} rows of it; got step {self.step}, {len(self.data)} bytes'
            )
        rows = self.data[: self.step * num_rows].reshape(num_rows, self.step)[:, :row_bytes]
        if self.encoding == 'mono16':
            return rows[:, (0 if self.is_bigendian else 1) :: 2]
        return rows if layout.num_bytes == 1 else rows.reshape(num_rows, self.size.width, -1)

    def _check_size(self, layout: _Format) -> None:
        height, width = self.size
        if height == 0 or width == 0:
            raise FrameError(f'image of {self.size} px is empty')
        if min(self.size) < layout.smallest:
            raise FrameError(
                f'image of {self.size} px {self.encoding} is too small to interpolate its '
                f'colours: send at least {layout.smallest}x{layout.smallest} px'
            )
        if height % layout.cell.height or width % layout.cell.width:
            raise FrameError(
                f'image of {self.size} px {self.encoding}: every {layout.cell} px share their '
                'colour, so send a multiple of that'
            )

    def bgr(self, resize: Callable[[ByteArray], ByteArray] = lambda image: image) -> ByteArray:
        """
        Return the image as BGR.

        Parameters
        ----------
        resize : callable, optional
            Applied before the colours are converted, because a smaller image converts faster;
            after it where neighbours share their colour, as in Bayer and YUV images.

        Returns
        -------
        ndarray
            uint8 [H, W, 3]; a view of `data` where nothing had to be changed.

        Raises
        ------
        FrameError
            As `pixels` does.

        """
        pixels = self.pixels()
        layout = _FORMATS[self.encoding]
        if layout.is_mosaic:
            return resize(_convert(pixels, layout.to_bgr))
        return _convert(resize(pixels), layout.to_bgr)

    def rgb(self) -> ByteArray:
        """Return the image as RGB; shape and errors as those of `bgr`."""
        pixels = self.pixels()
        return _convert(pixels, _FORMATS[self.encoding].to_rgb)

    @classmethod
    def from_bgr(cls, image_hwc: ByteArray) -> RawFrame:
        """Return a frame that holds a BGR image, uint8 [H, W, 3]."""
        size = ImageSize.of(image_hwc)
        data = np.ascontiguousarray(image_hwc).reshape(-1)
        return cls(data, 'bgr8', size, size.width * 3)


def _convert(image: ByteArray, code: int | None) -> ByteArray:
    return image if code is None else cast(ByteArray, cv2.cvtColor(image, code))

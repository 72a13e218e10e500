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
    """Channels of an encoding, and the OpenCV codes that make it BGR and RGB."""

    channels: int
    to_bgr: int | None
    to_rgb: int | None


_FORMATS = {
    'bgr8': _Format(3, None, cv2.COLOR_BGR2RGB),
    'rgb8': _Format(3, cv2.COLOR_RGB2BGR, None),
    'bgra8': _Format(4, cv2.COLOR_BGRA2BGR, cv2.COLOR_BGRA2RGB),
    'rgba8': _Format(4, cv2.COLOR_RGBA2BGR, cv2.COLOR_RGBA2RGB),
    'mono8': _Format(1, cv2.COLOR_GRAY2BGR, cv2.COLOR_GRAY2RGB),
}

ENCODINGS = tuple(_FORMATS)


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
        Bytes from the start of one row to the next; more than width * channels means padding.

    """

    data: ByteArray
    encoding: str
    size: ImageSize
    step: int

    def pixels(self) -> ByteArray:
        """
        Return the pixels in the encoding's own channel order, without padding and uncopied.

        Returns
        -------
        ndarray
            uint8 [H, W, C], or [H, W] for mono8; a view into `data`.

        Raises
        ------
        FrameError
            If the encoding is not one of `ENCODINGS`, or the sizes contradict each other.

        """
        if self.encoding not in _FORMATS:
            raise FrameError(
                f'encoding {self.encoding!r} cannot be read; send one of {", ".join(ENCODINGS)}'
            )
        channels = _FORMATS[self.encoding].channels
        height, width = self.size
        if height == 0 or width == 0:
            raise FrameError(f'image of {self.size} px is empty')
        if self.step < width * channels or len(self.data) < self.step * height:
            raise FrameError(
                f'image of {self.size} px {self.encoding} needs a step of {width * channels} '
                f'bytes and {height} rows of it; got step {self.step}, {len(self.data)} bytes'
            )
        rows = self.data[: self.step * height].reshape(height, self.step)
        pixels = rows[:, : width * channels]
        return pixels if channels == 1 else pixels.reshape(height, width, channels)

    def bgr(self, resize: Callable[[ByteArray], ByteArray] = lambda image: image) -> ByteArray:
        """
        Return the image as BGR.

        Parameters
        ----------
        resize : callable, optional
            Applied before the colours are converted, because a smaller image converts faster.

        Returns
        -------
        ndarray
            uint8 [H, W, 3]; a view of `data` where nothing had to be changed.

        Raises
        ------
        FrameError
            As `pixels` does.

        """
        image = resize(self.pixels())
        return _convert(image, _FORMATS[self.encoding].to_bgr)

    def rgb(self) -> ByteArray:
        """Return the image as RGB; shape and errors as those of `bgr`."""
        image = self.pixels()
        return _convert(image, _FORMATS[self.encoding].to_rgb)

    @classmethod
    def from_bgr(cls, image_hwc: ByteArray) -> RawFrame:
        """Return a frame that holds a BGR image, uint8 [H, W, 3]."""
        size = ImageSize.of(image_hwc)
        data = np.ascontiguousarray(image_hwc).reshape(-1)
        return cls(data, 'bgr8', size, size.width * 3)


def _convert(image: ByteArray, code: int | None) -> ByteArray:
    return image if code is None else cast(ByteArray, cv2.cvtColor(image, code))

"""Image sizes as a named type, so that height and width are never swapped."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from unet_seg_ros.core.errors import ConfigurationError


class ImageSize(NamedTuple):
    """
    The size of an image in pixels, in the order of numpy's leading axes.

    Attributes
    ----------
    height, width : int
        Rows and columns [px].
    """

    height: int
    width: int

    def __str__(self) -> str:
        """Return the size as users write it, ``WIDTHxHEIGHT``."""
        return f'{self.width}x{self.height}'

    @property
    def cv(self) -> tuple[int, int]:
        """The size in OpenCV's order, (width, height)."""
        return self.width, self.height

    @classmethod
    def of(cls, image: npt.NDArray[Any]) -> ImageSize:
        """Return the size of an image array of shape [H, W] or [H, W, C]."""
        return cls(int(image.shape[0]), int(image.shape[1]))

    @classmethod
    def parse(cls, text: str) -> ImageSize:
        """
        Read a size written as ``WIDTHxHEIGHT``.

        Raises
        ------
        ConfigurationError
            If the text is not two positive whole numbers with an x between them.

        """
        match = re.fullmatch(r'([1-9]\d*)x([1-9]\d*)', text.strip().lower())
        if match is None:
            raise ConfigurationError(f'size {text!r}: write it as WIDTHxHEIGHT, such as 256x128')
        return cls(height=int(match[2]), width=int(match[1]))


#: Pixels in uint8: an image [H, W, C], a class map [H, W] or a mask [H, W].
ByteArray = npt.NDArray[np.uint8]

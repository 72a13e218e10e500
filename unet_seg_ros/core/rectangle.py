"""Parts of images as a named type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from unet_seg_ros.core.axis import Span
from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.size import ByteArray, ImageSize


class Rectangle(NamedTuple):
    """
    A part of an image in pixels.

    Attributes
    ----------
    x, y : int
        Column and row of its first pixel [px].
    width, height : int
        Columns and rows [px].

    """

    x: int
    y: int
    width: int
    height: int

    def __str__(self) -> str:
        """Return ``WIDTHxHEIGHT at X,Y``."""
        return f'{self.size} at {self.x},{self.y}'

    @property
    def size(self) -> ImageSize:
        """Its size [px]."""
        return ImageSize(self.height, self.width)

    @property
    def columns(self) -> Span:
        """Its columns [px]."""
        return Span(self.x, self.width)

    @property
    def rows(self) -> Span:
        """Its rows [px]."""
        return Span(self.y, self.height)

    @classmethod
    def of(cls, size: ImageSize) -> Rectangle:
        """Return the whole of an image."""
        return cls(0, 0, size.width, size.height)

    @classmethod
    def from_numbers(cls, numbers: Sequence[int]) -> Rectangle | None:
        """
        Read a region of interest as users give it.

        Parameters
        ----------
        numbers : sequence of int
            x, y, width, height [px]; empty for no region.

        Raises
        ------
        ConfigurationError
            If they are not four, or not a part of any image.

        """
        if not numbers:
            return None
        if len(numbers) != 4 or min(numbers) < 0 or 0 in numbers[2:]:
            raise ConfigurationError(
                f'region {list(numbers)}: write x, y, width and height in pixels, such as '
                '[0, 180, 1280, 540], or nothing for the whole image'
            )
        return cls(*numbers)

    def of_image(self, image: ByteArray) -> ByteArray:
        """Return these pixels of an image [H, W] or [H, W, C], a view of it."""
        return image[self.y : self.y + self.height, self.x : self.x + self.width]

    def divided(self, stride: int) -> Rectangle:
        """Return it in an image that has every `stride`-th pixel of each axis."""
        return Rectangle(*(number // stride for number in self))

"""One axis of an image: which pixel of the network lies under each pixel of the output."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Span(NamedTuple):
    """
    Some pixels of an axis in a row.

    Attributes
    ----------
    start, length : int
        The first of them, and how many they are [px].

    """

    start: int
    length: int


class Axis(NamedTuple):
    """
    The output's pixels that show the region.

    Attributes
    ----------
    start : int
        The first of them [px].
    source : ndarray
        intp [their number], the network's pixel under the centre of each [px].

    """

    start: int
    source: npt.NDArray[np.intp]

    @classmethod
    def of(cls, num_pixels: int, window: Span, region: Span, inner: Span) -> Axis:
        """
        Compare centres in whole numbers, which no rounding can move over a border.

        Parameters
        ----------
        num_pixels : int
            The length of the output [px].
        window, region : Span
            What of the camera's image the output shows, and what of it is segmented.
        inner : Span
            Where the region lies in the network's input.

        """
        # The centres from the region's start on, in parts of 1 / (2 * num_pixels) camera pixels.
        centres = (2 * np.arange(num_pixels) + 1) * window.length
        centres += (window.start - region.start) * 2 * num_pixels
        end = region.length * 2 * num_pixels
        inside = np.flatnonzero((centres >= 0) & (centres < end))
        start = int(inside[0]) if inside.size else 0
        return cls(start, inner.start + centres[inside] * inner.length // end)

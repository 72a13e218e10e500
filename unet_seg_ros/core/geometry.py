"""Which pixels of the camera, the network and the output lie over one another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, cast

import cv2
import numpy as np
import numpy.typing as npt

from unet_seg_ros.core.contract import FITS, PROBABILITY_STRIDE
from unet_seg_ros.core.errors import ConfigurationError, FrameError
from unet_seg_ros.core.rectangle import Rectangle
from unet_seg_ros.core.resize import resize_ids, resize_image
from unet_seg_ros.core.size import ByteArray, ImageSize

#: Output sizes that have a name; any other is WIDTHxHEIGHT.
OUTPUTS = ('camera', 'network')

#: The value beside a letterboxed image: near the mean of photographs, so that it is nearly the
#: zero with which the normalised network pads its borders (ImageNet's mean is 124, 116, 104).
PADDING = 114


@dataclass(frozen=True, slots=True, kw_only=True)
class GeometryOptions:
    """
    What users choose for a camera.

    Attributes
    ----------
    region : Rectangle, optional
        The part of the camera's image that is segmented [px]; None for all of it.
    fit : str
        One of `FITS`.
    output : str
        Size of what is published: ``camera``, all of the camera's image; ``WIDTHxHEIGHT``, the
        same scaled; ``network``, the region alone at the size the network had it in, where no
        class is resized.

    Raises
    ------
    ConfigurationError
        If the fit or the output is not one of these.

    """

    region: Rectangle | None = None
    fit: str = 'stretch'
    output: str = 'camera'

    def __post_init__(self) -> None:
        """Check them."""
        if self.fit not in FITS:
            raise ConfigurationError(f'fit {self.fit!r} is not one of {", ".join(FITS)}')
        if self.output not in OUTPUTS:
            try:
                ImageSize.parse(self.output)
            except ConfigurationError:
                raise ConfigurationError(
                    f'output size {self.output!r}: write {" or ".join(OUTPUTS)}, or a size as '
                    'WIDTHxHEIGHT, such as 640x360'
                ) from None


class Geometry:
    """
    The way from one camera's image into the network and from there to the output.

    Every pixel of the output takes the class of that pixel of the network which lies under its
    centre.

    Parameters
    ----------
    options : GeometryOptions
        What the user chose.
    camera, network : ImageSize
        Sizes of the camera's image and of the network's input [px].

    Attributes
    ----------
    region : Rectangle
        The part of the camera's image that is segmented [px].
    inner : Rectangle
        Where the region lies in the network's input [px]; with ``letterbox`` on multiples of the
        probabilities' stride, so that these are cut out exactly too.
    window : Rectangle
        The part of the camera's image that the output shows [px].
    output : ImageSize
        The size of the output [px].
    visible : Rectangle
        The pixels of the output whose centres lie in the region; the others are outside.

    Raises
    ------
    FrameError
        If the region reaches out of the camera's image.

    """

    def __init__(self, options: GeometryOptions, camera: ImageSize, network: ImageSize) -> None:
        """Lay them over one another."""
        self.camera, self.network = camera, network
        self.region = options.region or Rectangle.of(camera)
        if (
            self.region.x + self.region.width > camera.width
            or self.region.y + self.region.height > camera.height
        ):
            raise FrameError(
                f'region {self.region} reaches out of the image of {camera} px: choose a region '
                'inside it'
            )
        is_letterbox = options.fit == 'letterbox'
        self.inner = (
            _letterbox(self.region.size, network) if is_letterbox else Rectangle.of(network)
        )
        if options.output == 'network':
            self.window, self.output = self.region, self.inner.size
        else:
            self.window = Rectangle.of(camera)
            self.output = camera if options.output == 'camera' else ImageSize.parse(options.output)
        columns = _Axis.along(1, self)
        rows = _Axis.along(0, self)
        self.visible = Rectangle(columns.start, rows.start, len(columns.source), len(rows.source))
        self._columns, self._rows = columns.source, rows.source
        self._is_plain = self.inner == Rectangle.of(network) and self.visible == Rectangle.of(
            self.output
        )

    def to_network(self, image_hwc: ByteArray) -> ByteArray:
        """
        Bring a camera's image to the network's input.

        Parameters
        ----------
        image_hwc : ndarray
            uint8 [H, W, C] or [H, W] of the camera's size, in any channel order.

        Returns
        -------
        ndarray
            uint8 of the network's size, the region resized as `resize_image` does, `PADDING`
            beside it; the input itself or a view of it if it already has that size.

        """
        return self._padded(
            resize_image(self.region.of_image(image_hwc), self.inner.size), PADDING
        )

    def labels_to_network(self, labels_hw: ByteArray, outside: int) -> ByteArray:
        """
        Bring the labels of a camera's image to where `to_network` brings its pixels.

        Parameters
        ----------
        labels_hw : ndarray
            uint8 [H, W] of the camera's size.
        outside : int
            The label beside the region.

        Returns
        -------
        ndarray
            uint8 of the network's size; the input itself or a view of it if it already has that
            size.

        """
        return self._padded(resize_ids(self.region.of_image(labels_hw), self.inner.size), outside)

    def _padded(self, region: ByteArray, value: int) -> ByteArray:
        if self.inner.size == self.network:
            return region
        padded = np.full((*self.network, *region.shape[2:]), value, np.uint8)
        self.inner.of_image(padded)[...] = region
        return padded

    def ids_to_output(
        self, ids_hw: ByteArray, outside: int, out: ByteArray | None = None
    ) -> ByteArray:
        """
        Bring a class map, a mask or colours of the network's size to the output, unmixed.

        Parameters
        ----------
        ids_hw : ndarray
            uint8 [h, w] or [h, w, C] of the network's size.
        outside : int
            The value of pixels outside of the region.
        out : ndarray, optional
            Of the result's shape, to be filled with it.

        Returns
        -------
        ndarray
            uint8 of the output's size: `out` where it was given; the input itself if nothing had
            to be changed.

        """
        if self._is_plain:
            return resize_ids(ids_hw, self.output, out)
        canvas = self._outside(ids_hw, outside, out)
        wide = np.take(ids_hw, self._columns, axis=1)
        self.visible.of_image(canvas)[...] = np.take(wide, self._rows, axis=0)
        return canvas

    def probability_to_output(
        self, probability_hw: ByteArray, out: ByteArray | None = None
    ) -> ByteArray:
        """
        Bring the network's probabilities to the output, bilinear; they are 0 outside the region.

        Parameters
        ----------
        probability_hw : ndarray
            uint8 [h/4, w/4], h and w of the network's size.
        out : ndarray, optional
            Of the result's shape, to be filled with it.

        Returns
        -------
        ndarray
            uint8 [H, W] of the output's size: `out` where it was given.

        """
        if self._is_plain:
            return _enlarge(probability_hw, self.output, out)
        canvas = self._outside(probability_hw, 0, out)
        if self.visible.width and self.visible.height:
            inner = self.inner.divided(PROBABILITY_STRIDE).of_image(probability_hw)
            _enlarge(inner, self.visible.size, self.visible.of_image(canvas))
        return canvas

    def camera_to_output(self, image: ByteArray) -> ByteArray:
        """
        Bring the camera's image itself to the output, bilinear.

        Parameters
        ----------
        image : ndarray
            uint8 [H, W, C] or [H, W] of the camera's size.

        Returns
        -------
        ndarray
            uint8 of the output's size; the input or a view of it if it already has that size.

        """
        return resize_image(self.window.of_image(image), self.output)

    def _outside(self, source: ByteArray, value: int, out: ByteArray | None) -> ByteArray:
        if out is None:
            return np.full((*self.output, *source.shape[2:]), value, np.uint8)
        out.fill(value)
        return out


#: A node has a few cameras, and each of them a size that seldom changes.
geometry_of = lru_cache(maxsize=64)(Geometry)


class NetworkInput(NamedTuple):
    """
    How whole images come to a network.

    Attributes
    ----------
    size : ImageSize
        The size of its input [px].
    fit : str
        One of `FITS`.

    """

    size: ImageSize
    fit: str = 'stretch'

    def geometry(self, camera: ImageSize) -> Geometry:
        """Return the way of an image of that size."""
        return geometry_of(GeometryOptions(fit=self.fit), camera, self.size)


class _Axis(NamedTuple):
    """The output's pixels of one axis that lie in the region, and what the network has there."""

    start: int
    source: npt.NDArray[np.intp]

    @classmethod
    def along(cls, axis: int, geometry: Geometry) -> _Axis:
        """Compare centres in whole numbers, which no rounding can move over a border."""
        num_pixels = geometry.output[axis]
        window_start, window_length = _extent(geometry.window, axis)
        region_start, region_length = _extent(geometry.region, axis)
        inner_start, inner_length = _extent(geometry.inner, axis)
        # The centres from the region's start on, in parts of 1 / (2 * num_pixels) camera pixels.
        centres = (2 * np.arange(num_pixels) + 1) * window_length
        centres += (window_start - region_start) * 2 * num_pixels
        end = region_length * 2 * num_pixels
        inside = np.flatnonzero((centres >= 0) & (centres < end))
        start = int(inside[0]) if inside.size else 0
        return cls(start, inner_start + centres[inside] * inner_length // end)


def _extent(part: Rectangle, axis: int) -> tuple[int, int]:
    return (part.x, part.width) if axis == 1 else (part.y, part.height)


def _letterbox(region: ImageSize, network: ImageSize) -> Rectangle:
    """Return the largest centred rectangle of the region's aspect, on multiples of the stride."""
    scale = min(network.height / region.height, network.width / region.width)

    def length(pixels: int) -> int:
        return max(round(pixels * scale / PROBABILITY_STRIDE), 1) * PROBABILITY_STRIDE

    width, height = length(region.width), length(region.height)
    x, y = (
        (free // 2) // PROBABILITY_STRIDE * PROBABILITY_STRIDE
        for free in (network.width - width, network.height - height)
    )
    return Rectangle(x, y, width, height)


def _enlarge(image_hw: ByteArray, size: ImageSize, out: ByteArray | None) -> ByteArray:
    return cast(ByteArray, cv2.resize(image_hw, size.cv, out, interpolation=cv2.INTER_LINEAR))

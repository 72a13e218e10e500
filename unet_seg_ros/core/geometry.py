"""Which pixels of the camera, the network and the output lie over one another."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import NamedTuple, cast

import cv2
import numpy as np

from unet_seg_ros.core.axis import Axis
from unet_seg_ros.core.contract import PROBABILITY_STRIDE
from unet_seg_ros.core.errors import FrameError
from unet_seg_ros.core.rectangle import Rectangle
from unet_seg_ros.core.resize import resize_ids, resize_image
from unet_seg_ros.core.size import ByteArray, ImageSize

#: The value beside a letterboxed image: near the mean of photographs, so that it is nearly the
#: zero with which the normalised network pads its borders (ImageNet's mean is 124, 116, 104).
PADDING = 114


class Geometry:
    """
    The way from one camera's image into the network and from there to the output.

    Every pixel of the output takes the class of that pixel of the network which lies under its
    centre.

    Parameters
    ----------
    camera, network : ImageSize
        Sizes of the camera's image and of the network's input [px].
    region : Rectangle, optional
        The part of the camera's image that is segmented [px]; None for all of it.
    fit : str
        One of `contract.FITS`.
    output : str
        Size of what is published: ``camera``, all of the camera's image; ``WIDTHxHEIGHT``, the
        same scaled; ``network``, the region alone at the size the network had it in, where no
        class is resized.

    Attributes
    ----------
    camera, network : ImageSize
        As above.
    region : Rectangle
        The part of the camera's image that is segmented [px].
    inner : Rectangle
        Where the region lies in the network's input [px]; with ``letterbox`` on multiples of the
        probabilities' stride, so that these are cut out exactly too.
    window : Rectangle
        The part of the camera's image that the output shows [px].
    output : ImageSize
        The size of the output [px].

    Raises
    ------
    FrameError
        If the camera's image is empty, or the region reaches out of it.
    ConfigurationError
        If the output is none of these.

    """

    def __init__(
        self,
        camera: ImageSize,
        network: ImageSize,
        region: Rectangle | None = None,
        fit: str = 'stretch',
        output: str = 'camera',
    ) -> None:
        """Lay them over one another; the pixels themselves are found when first asked for."""
        if 0 in camera:
            raise FrameError(f'image of {camera} px is empty')
        whole = Rectangle.of(camera)
        self.camera, self.network, self.region = camera, network, region or whole
        if (
            self.region.x + self.region.width > camera.width
            or self.region.y + self.region.height > camera.height
        ):
            raise FrameError(
                f'region {self.region} reaches out of the image of {camera} px: choose a region '
                'inside it'
            )
        is_letterbox = fit == 'letterbox'
        self.inner = (
            _letterbox(self.region.size, network) if is_letterbox else Rectangle.of(network)
        )
        if output == 'network':
            self.window, self.output = self.region, self.inner.size
        else:
            self.window = whole
            self.output = camera if output == 'camera' else ImageSize.parse(output)

    @cached_property
    def visible(self) -> Rectangle:
        """The pixels of the output whose centres lie in the region; the others are outside."""
        return Rectangle(
            self._columns.start,
            self._rows.start,
            len(self._columns.source),
            len(self._rows.source),
        )

    @cached_property
    def _columns(self) -> Axis:
        parts = (self.window.columns, self.region.columns, self.inner.columns)
        return Axis.of(self.output.width, *parts)

    @cached_property
    def _rows(self) -> Axis:
        parts = (self.window.rows, self.region.rows, self.inner.rows)
        return Axis.of(self.output.height, *parts)

    @cached_property
    def _is_plain(self) -> bool:
        return self.inner == Rectangle.of(self.network) and self.visible == Rectangle.of(
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
        wide = np.take(ids_hw, self._columns.source, axis=1)
        self.visible.of_image(canvas)[...] = np.take(wide, self._rows.source, axis=0)
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
        One of `contract.FITS`.

    """

    size: ImageSize
    fit: str = 'stretch'

    def geometry(self, camera: ImageSize) -> Geometry:
        """Return the way of an image of that size."""
        return geometry_of(camera, self.size, fit=self.fit)


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

"""From camera frames to their masks: resize, infer, enlarge. Knows no ROS."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import cast

import cv2
import numpy as np

from unet_seg_ros.core.backend import Backend, Prediction
from unet_seg_ros.core.classes import UNKNOWN_ID
from unet_seg_ros.core.contract import FITS, ModelContract
from unet_seg_ros.core.errors import ConfigurationError, FrameError
from unet_seg_ros.core.geometry import Geometry, geometry_of
from unet_seg_ros.core.pixels import RawFrame
from unet_seg_ros.core.rectangle import Rectangle
from unet_seg_ros.core.size import ByteArray, ImageSize
from unet_seg_ros.core.unknown import UnknownPixels

#: Output sizes that have a name; any other is WIDTHxHEIGHT.
OUTPUTS = ('camera', 'network')

#: The greatest width or height of an output [px]: beyond it no machine's memory is safe.
MAX_OUTPUT_PX = 16384


class ResultRenderer:
    """
    The look-up tables of a model's classes, made once.

    Parameters
    ----------
    contract : ModelContract
        The model's contract.
    overlay_opacity : float
        Share of the class colour in an overlay, 0 to 1.

    """

    def __init__(self, contract: ModelContract, overlay_opacity: float = 0.5) -> None:
        """Make the tables."""
        self.overlay_opacity = overlay_opacity
        self.groups = tuple(contract.groups)
        self.palette_rgb = contract.table.palette_rgb
        self.drivable = np.zeros(256, np.uint8)
        self.drivable[list(contract.table.ids_of(contract.drivable))] = 255
        # A class of black, such as `other`, leaves the picture untinted.
        self.untinted = np.where(self.palette_rgb.any(axis=1), np.uint8(0), np.uint8(255))


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraOptions:
    """
    How the frames of one camera are segmented.

    Attributes
    ----------
    region : Rectangle, optional
        The part of the camera's image that is segmented [px]; None for all of it.
    fit : str
        One of `contract.FITS`; empty for the one that the model was trained with.
    output : str
        One of `OUTPUTS`, or a size as WIDTHxHEIGHT; see `Geometry`.
    unknown : UnknownPixels
        Decides of which pixels nothing is said.

    Raises
    ------
    ConfigurationError
        If the fit or the output is not one of these.

    """

    region: Rectangle | None = None
    fit: str = ''
    output: str = 'camera'
    unknown: UnknownPixels = field(default_factory=UnknownPixels)

    def __post_init__(self) -> None:
        """Check them."""
        if self.fit not in ('', *FITS):
            raise ConfigurationError(f'fit {self.fit!r} is not one of {", ".join(FITS)}')
        if self.output not in OUTPUTS:
            self._check_size()

    def _check_size(self) -> None:
        try:
            is_possible = max(ImageSize.parse(self.output)) <= MAX_OUTPUT_PX
        except ConfigurationError:
            is_possible = False
        if not is_possible:
            raise ConfigurationError(
                f'output size {self.output!r}: write {" or ".join(OUTPUTS)}, or a size as '
                f'WIDTHxHEIGHT, such as 640x360, of at most {MAX_OUTPUT_PX} px a side'
            )

    def geometry(self, camera: ImageSize, contract: ModelContract) -> Geometry:
        """
        Return the way of an image of that size through a model.

        Raises
        ------
        FrameError
            If the image is empty, or the region reaches out of it.

        """
        fit = self.fit or contract.fit
        return geometry_of(camera, contract.input_size, self.region, fit, self.output)


@dataclass(frozen=True)
class Segmentation:
    """
    The result for one frame; each picture is computed when asked for, at the output's size.

    A picture is drawn into `out` where that is given, an array of its shape.

    Attributes
    ----------
    frame : RawFrame
        The camera's frame.
    geometry : Geometry
        Which pixels of the frame, the network and the output lie over one another.
    unknown : UnknownPixels
        Decides of which pixels nothing is said.
    class_ids : ndarray
        uint8 [h, w] at the network's size.
    probability : ndarray
        uint8 [h/4, w/4], of the winning class, 0 to 255 for 0 to 1.
    group_probability : ndarray
        uint8 [G, h/4, w/4], likewise for the renderer's groups.
    inference_s : float
        What the engine took for the batch that held it [s].

    """

    frame: RawFrame
    geometry: Geometry
    unknown: UnknownPixels
    class_ids: ByteArray
    probability: ByteArray
    group_probability: ByteArray
    inference_s: float
    renderer: ResultRenderer

    def mask(self, out: ByteArray | None = None) -> ByteArray:
        """Return the class ids, uint8 [H, W]; 255 where nothing is known."""
        mask = self.geometry.ids_to_output(self.class_ids, UNKNOWN_ID, out)
        # Never in place without `out`: the mask may be the class ids themselves.
        unknown = self._unknown
        return mask if unknown is None else cast(ByteArray, cv2.bitwise_or(mask, unknown, out))

    def drivable_mask(self, out: ByteArray | None = None) -> ByteArray:
        """Return 255 where a vehicle may drive and 0 elsewhere, uint8 [H, W]."""
        drivable = self.geometry.ids_to_output(self._look_up(self.renderer.drivable), 0, out)
        if self._unknown is not None:
            cv2.subtract(drivable, self._unknown, drivable)
        return drivable

    def confidence(self, out: ByteArray | None = None) -> ByteArray:
        """Return the winning class's probability, 0 to 255 for 0 to 1, uint8 [H, W]."""
        return self.unknown.confidence(self.geometry, self.probability, out)

    def probability_of(self, group: str, out: ByteArray | None = None) -> ByteArray:
        """Return the probability of a group of classes, 0 to 255 for 0 to 1, uint8 [H, W]."""
        probability = self.group_probability[self.renderer.groups.index(group)]
        return self.unknown.confidence(self.geometry, probability, out)

    def color_mask(self, out: ByteArray | None = None) -> ByteArray:
        """Return the class colours, uint8 [H, W, 3] in RGB; black where nothing is known."""
        # OpenCV's colour map: indexing the palette takes numpy twenty times as long.
        palette = self.renderer.palette_rgb[:, np.newaxis]
        colors = cast(ByteArray, cv2.applyColorMap(self.class_ids, palette))
        colors = self.geometry.ids_to_output(colors, 0, out)
        if self._unknown is not None:
            cv2.copyTo(np.zeros_like(colors), self._unknown, colors)
        return colors

    def overlay(self, out: ByteArray | None = None) -> ByteArray:
        """Return the camera's image tinted with the class colours, uint8 [H, W, 3] in RGB."""
        share = self.renderer.overlay_opacity
        image = np.ascontiguousarray(self.geometry.camera_to_output(self.frame.rgb()))
        blended = cv2.addWeighted(image, 1.0 - share, self.color_mask(), share, 0.0, out)
        untinted = self.geometry.ids_to_output(self._look_up(self.renderer.untinted), 255)
        if self._unknown is not None:
            cv2.bitwise_or(untinted, self._unknown, untinted)
        return cast(ByteArray, cv2.copyTo(image, untinted, blended))

    @cached_property
    def _unknown(self) -> ByteArray | None:
        """The pixels of the region of which nothing is said; None if there are none."""
        return None if self.unknown.is_off else self.unknown.mask(self.confidence())

    def _look_up(self, table: ByteArray) -> ByteArray:
        return cast(ByteArray, cv2.LUT(self.class_ids, table))


class Segmenter:
    """
    Segments camera frames of any size with an open backend.

    Parameters
    ----------
    backend : Backend
        The engine, open for as long as the segmenter is used.
    overlay_opacity : float
        Share of the class colour in an overlay, 0 to 1.

    """

    def __init__(self, backend: Backend, overlay_opacity: float = 0.5) -> None:
        """Make the look-up tables."""
        self.backend = backend
        self.renderer = ResultRenderer(backend.contract, overlay_opacity)

    def warm_up(self) -> Prediction:
        """Run every batch size once on grey pictures, so that the first frames are not slow."""
        grey = np.full((1, *self.backend.contract.input_size, 3), 127, np.uint8)
        for size in range(2, self.backend.options.max_batch + 1):
            self.backend.infer(np.repeat(grey, size, axis=0))
        return self.backend.infer(grey)

    def segment(self, frame: RawFrame, options: CameraOptions | None = None) -> Segmentation:
        """
        Segment one frame.

        Raises
        ------
        FrameError
            If the frame cannot be read.
        EngineError
            If the engine fails.

        """
        (result,) = self.segment_batch([(frame, options or CameraOptions())])
        if isinstance(result, FrameError):
            raise result
        return result

    def segment_batch(
        self, batch: Sequence[tuple[RawFrame, CameraOptions]]
    ) -> list[Segmentation | FrameError]:
        """
        Segment frames of several cameras at once.

        Returns
        -------
        list of Segmentation or FrameError
            One for each frame, in their order; an error for a frame that cannot be read, which
            does not touch the others.

        Raises
        ------
        EngineError
            If the engine fails.

        """
        inputs = [self._input(frame, options) for frame, options in batch]
        images = [read[1] for read in inputs if not isinstance(read, FrameError)]
        answers = iter(self._infer(images))
        return [
            read
            if isinstance(read, FrameError)
            else Segmentation(frame, read[0], options.unknown, *next(answers), self.renderer)
            for (frame, options), read in zip(batch, inputs, strict=True)
        ]

    def _input(
        self, frame: RawFrame, options: CameraOptions
    ) -> tuple[Geometry, ByteArray] | FrameError:
        try:
            geometry = options.geometry(frame.size, self.backend.contract)
            return geometry, frame.bgr(geometry.to_network)
        except FrameError as e:
            return e

    def _infer(
        self, images: list[ByteArray]
    ) -> list[tuple[ByteArray, ByteArray, ByteArray, float]]:
        """Return what the network says of each image, and what the engine took for all."""
        if not images:
            return []
        batch = images[0][np.newaxis] if len(images) == 1 else np.stack(images)
        start = time.perf_counter()
        found = self.backend.infer(batch)
        inference_s = time.perf_counter() - start
        return [
            (found.class_ids[i], found.confidence[i], found.group_probability[i], inference_s)
            for i in range(len(images))
        ]

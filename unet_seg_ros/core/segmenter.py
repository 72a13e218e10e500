"""From a camera frame to its masks: resize, infer, enlarge. Knows no ROS."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from unet_seg_ros.core.backend import Backend, Prediction
from unet_seg_ros.core.contract import ModelContract
from unet_seg_ros.core.pixels import RawFrame
from unet_seg_ros.core.resize import resize_ids, resize_image
from unet_seg_ros.core.size import ByteArray, ImageSize


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
        self.palette_rgb = contract.table.palette_rgb
        self.drivable = np.zeros(256, np.uint8)
        self.drivable[list(contract.table.ids_of(contract.drivable))] = 255
        # A class of black, such as `other`, leaves the picture untinted.
        self.untinted = np.where(self.palette_rgb.any(axis=1), np.uint8(0), np.uint8(255))


@dataclass(frozen=True)
class Segmentation:
    """
    The result for one frame; each picture is computed when asked for, at the camera's size.

    A picture is drawn into `out` where that is given, an array of its shape.

    Attributes
    ----------
    frame : RawFrame
        The camera's frame.
    class_ids : ndarray
        uint8 [h, w] at the network's size.
    probability : ndarray
        uint8 [h/4, w/4], of the winning class, 0 to 255 for 0 to 1.
    inference_s : float
        What the engine took [s].

    """

    frame: RawFrame
    class_ids: ByteArray
    probability: ByteArray
    inference_s: float
    renderer: ResultRenderer

    def mask(self, out: ByteArray | None = None) -> ByteArray:
        """Return the class ids, uint8 [H, W]."""
        return resize_ids(self.class_ids, self.frame.size, out)

    def drivable_mask(self, out: ByteArray | None = None) -> ByteArray:
        """Return 255 where a vehicle may drive and 0 elsewhere, uint8 [H, W]."""
        return resize_ids(self._look_up(self.renderer.drivable), self.frame.size, out)

    def confidence(self, out: ByteArray | None = None) -> ByteArray:
        """Return the winning class's probability, 0 to 255 for 0 to 1, uint8 [H, W]."""
        size = self.frame.size.cv
        enlarged = cv2.resize(self.probability, size, out, interpolation=cv2.INTER_LINEAR)
        return cast(ByteArray, enlarged)

    def color_mask(self, out: ByteArray | None = None) -> ByteArray:
        """Return the class colours, uint8 [H, W, 3] in RGB."""
        # OpenCV's colour map: indexing the palette takes numpy twenty times as long.
        palette = self.renderer.palette_rgb[:, np.newaxis]
        colors = cast(ByteArray, cv2.applyColorMap(self.class_ids, palette))
        return resize_ids(colors, self.frame.size, out)

    def overlay(self, out: ByteArray | None = None) -> ByteArray:
        """Return the camera's image tinted with the class colours, uint8 [H, W, 3] in RGB."""
        share = self.renderer.overlay_opacity
        image = self.frame.rgb()
        blended = cv2.addWeighted(image, 1.0 - share, self.color_mask(), share, 0.0, out)
        untinted = resize_ids(self._look_up(self.renderer.untinted), self.frame.size)
        return cast(ByteArray, cv2.copyTo(image, untinted, blended))

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
        """Run once on a grey picture, so that the first frame is not the slow one."""
        size = self.backend.contract.input_size
        return self.backend.infer(np.full((1, *size, 3), 127, np.uint8))

    def segment(self, frame: RawFrame) -> Segmentation:
        """
        Segment one frame.

        Raises
        ------
        FrameError
            If the frame cannot be read.
        EngineError
            If the engine fails.

        """
        size: ImageSize = self.backend.contract.input_size
        image = frame.bgr(lambda pixels: resize_image(pixels, size))
        start = time.perf_counter()
        prediction = self.backend.infer(image[np.newaxis])
        inference_s = time.perf_counter() - start
        return Segmentation(
            frame,
            prediction.class_ids[0],
            prediction.confidence[0],
            inference_s,
            self.renderer,
        )

"""Images of two cameras, which arrive when they please, paired by the tick's frame number."""

from __future__ import annotations

import time
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from unet_seg_ros.collect.options import ServerError


class SensorImage(Protocol):
    """What is used of ``carla.Image``: BGRA bytes, and the tick at which they were drawn."""

    frame: int
    width: int
    height: int
    raw_data: Any


class ImagePairs:
    """
    Two queues that the cameras' threads fill, emptied tick by tick.

    Attributes
    ----------
    rgb, semantic : SimpleQueue
        Give their `put` to the cameras' `listen`.
    """

    def __init__(self) -> None:
        """Begin with empty queues."""
        self.rgb: SimpleQueue[SensorImage] = SimpleQueue()
        self.semantic: SimpleQueue[SensorImage] = SimpleQueue()

    def take(self, frame: int, timeout_s: float) -> tuple[SensorImage, SensorImage]:
        """
        Wait for both images of one tick; those of earlier ticks are dropped.

        Raises
        ------
        ServerError
            If one does not come in time, or a later one comes in its place.

        """
        deadline = time.monotonic() + timeout_s
        return (
            _image_of(frame, 'RGB', self.rgb, deadline),
            _image_of(frame, 'semantic', self.semantic, deadline),
        )


def _image_of(
    frame: int, camera: str, images: SimpleQueue[SensorImage], deadline: float
) -> SensorImage:
    while True:
        try:
            image = images.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty:
            raise ServerError(
                f'the image of frame {frame} of the {camera} camera did not come in time; '
                'a slow server needs a longer --timeout'
            ) from None
        if image.frame == frame:
            return image
        if image.frame > frame:
            raise ServerError(
                f'the image of frame {frame} of the {camera} camera is lost: {image.frame} came'
            )

"""What the player plays, and how."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PlayOptions:
    """
    What is played, and how.

    Attributes
    ----------
    path : Path
        A folder of images, or a rosbag2.
    topic : str or None
        The bag's topic, where it has several with images.
    camera : str
        Name of the camera; its topics are ``<camera>/image_raw`` and, from a bag that has it,
        ``<camera>/camera_info``.
    rate_hz : float or None
        Frames per second; None for the recording's own, 20 for a folder, which has none.
    speed : float
        How much faster than that.
    start_s, duration_s : float
        The part of the recording that is played [s].
    loop : bool
        Whether to begin that part again at its end.
    seconds : float
        Where it ends at the latest, loops and all [s].
    clock : bool
        Whether to publish ``/clock``, for nodes with ``use_sim_time``. Stamps are then the
        recording's own; in a loop, and after a jump, they go on as if it were one long recording.
        Without it each stamp is the time of sending.
    label_tags : int or None
        Number of CARLA tags (13, 23 or 29) that a folder's labels use; they are then published
        too, coloured, on `semantic_topic`.
    readers : int
        Subscriptions that the image must have before the first frame is sent; the labels must
        then have one.
    log : Path or None
        Where to note what was sent, see `SentLog`.

    """

    path: Path
    topic: str | None = None
    camera: str = 'camera'
    rate_hz: float | None = None
    speed: float = 1.0
    start_s: float = 0.0
    duration_s: float = math.inf
    loop: bool = False
    seconds: float = math.inf
    clock: bool = False
    label_tags: int | None = None
    readers: int = 0
    log: Path | None = None

    @property
    def image_topic(self) -> str:
        """Topic of the images."""
        return f'{self.camera}/image_raw'

    @property
    def info_topic(self) -> str:
        """Topic of the camera information, where a bag has it; its header is the image's."""
        return f'{self.camera}/camera_info'

    @property
    def semantic_topic(self) -> str:
        """Topic of the palette-coloured labels."""
        return f'{self.camera}/semantic_segmentation/image'

"""What a training learns from or is scored on: a recording, or scenes to be rendered."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from unet_seg_ros.core.classes import TAG_TABLES
from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.recordings.recording import HALF_STEP_S

_SCENE_TAGS = 29
_SCENE_SIZE = ImageSize(height=720, width=1280)


@dataclass(frozen=True)
class Source:
    """
    Labelled frames: either a recording or rendered scenes.

    Attributes
    ----------
    name : str
        How scores and the model card call it.
    licence : str
        The licence of the frames, or that they have none.
    folder : str
        Path of a recording, a labelled folder or a rosbag2, relative to the data root.
    tags : int or str
        The tag table of its labels: 13, 23, 29 or camvid. It has no default, for every id of an
        older table is one of the newest, and mostly another thing there.
    images, labels : str
        Its sub-folders or topics, where their names do not tell which hold images and labels.
    form : str
        The form of its labels, ``ids``, ``red`` or ``palette``; ``auto`` to tell by the pixels.
    only : tuple of str
        Where the recording keeps some tags only, their names; other pixels may be anything else.
    ignore_unknown, skip_unpaired : bool
        Let labels that are not in the table not count, and leave images without labels out,
        instead of refusing the recording.
    tolerance_s : float
        How far apart the stamps of a bag's image and labels may be [s].
    sequences, exclude : tuple of str
        Patterns such as ``Town0[1-4]*``: the recording's sequences to take, and those to leave.
    decoded : ImageSize or None
        Decoded frames are kept no larger than this [px]: for recordings that would fill the disk.
        What is larger is resized twice then, and only once on the vehicle.
    layouts : str
        Instead of a folder: which street layouts to render, ``training`` or ``held_out``.
    count : int
        How many scenes to render.
    size : ImageSize
        Their size [px].
    seed : int
        The first scene's seed; each further one adds 1.
    share : float
        How often a sample is drawn from here, relative to the other sources.
    window, bonnet : float
        Share of its samples that are cut to a window, and that get a bonnet, 0 to 1.
    flip : bool
        Mirror half of its samples.
    gentle_end : float
        Share of the training, at its end, in which its samples are augmented mildly only.

    """

    name: str
    licence: str
    folder: str = ''
    tags: int | str = ''
    images: str = ''
    labels: str = ''
    form: Literal['auto', 'ids', 'red', 'palette'] = 'auto'
    only: tuple[str, ...] = ()
    ignore_unknown: bool = False
    skip_unpaired: bool = False
    tolerance_s: float = HALF_STEP_S
    sequences: tuple[str, ...] = ('*',)
    exclude: tuple[str, ...] = ()
    decoded: ImageSize | None = None
    layouts: Literal['', 'training', 'held_out'] = ''
    count: int = 0
    size: ImageSize = _SCENE_SIZE
    seed: int = 0
    share: float = 1.0
    window: float = 0.15
    bonnet: float = 0.0
    flip: bool = True
    gentle_end: float = 0.15

    def __post_init__(self) -> None:
        """Refuse a source that is neither or both, or whose numbers make no sense."""
        if bool(self.folder) == bool(self.layouts):
            raise self._refused('give either folder or layouts')
        if self.layouts and self.count < 1:
            raise self._refused('layouts need a count of 1 or more')
        if self.table not in TAG_TABLES:
            tables = ', '.join(map(str, TAG_TABLES))
            raise self._refused(f'tags {self.tags!r}: name its tag table, one of {tables}')
        if not 0 < self.share < math.inf:
            raise self._refused('share must be a number above 0')
        for key in ('window', 'bonnet', 'gentle_end'):
            if not 0.0 <= getattr(self, key) <= 1.0:
                raise self._refused(f'{key} must be 0 to 1')

    @property
    def table(self) -> int | str:
        """The tag table of its labels; rendered scenes have the newest."""
        return _SCENE_TAGS if self.layouts else self.tags

    def _refused(self, why: str) -> ConfigurationError:
        return ConfigurationError(f'source {self.name}: {why}')

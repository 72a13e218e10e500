"""Where the demonstration's images come from, as commands of ``unet-seg``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from unet_seg_ros.core.class_sets import ROAD_CLASSES
from unet_seg_ros.core.classes import ClassTable
from unet_seg_ros.core.size import ImageSize

#: Rate of the rendered drive.
DRIVE_RATE_HZ = 20.0

# Two cores that also segment and score draw some frames in more than their 50 ms; with so many
# drawn before the start 20 s go by at full rate. They take 0.7 GB.
_NUM_AHEAD = 200

# Seeds of each layout: other towns, other weather.
_NUM_SEEDS = 2


@dataclass(frozen=True)
class Topics:
    """
    Where a source's images are found.

    Attributes
    ----------
    camera : str
        The camera's name for the node.
    image, truth : str
        Topics of the images and of the palette-coloured truth, '' if there is none.
    carla_tags : int
        The tag table of the truth.

    """

    camera: str
    image: str
    truth: str
    carla_tags: int


@dataclass(frozen=True)
class Recording:
    """
    A recording to play.

    Attributes
    ----------
    path : Path
        A folder of images or a rosbag2.
    topic : str or None
        The bag's topic, if it has several with images.
    carla_tags : int or None
        The tag table of the folder's labels; None to play no labels.
    """

    path: Path
    topic: str | None = None
    carla_tags: int | None = None

    def command(self, seconds: float) -> list[str]:
        """Return the verb of ``unet-seg`` and its options."""
        command = ['play', str(self.path), '--seconds', str(seconds)]
        command += ['--topic', self.topic] if self.topic else []
        return command + (['--carla-tags', str(self.carla_tags)] if self.carla_tags else [])

    @property
    def topics(self) -> Topics:
        """The topics that the player uses."""
        truth = 'camera/semantic_segmentation/image' if self.carla_tags else ''
        return Topics('camera', 'camera/image_raw', truth, self.carla_tags or 29)

    def why_unscored(self, table: ClassTable) -> str:
        """Return why masks of such classes cannot be scored; '' if they can."""
        if self.carla_tags is None:
            return 'the recording is played without labels'
        return _why_other_classes(table)

    def __str__(self) -> str:
        """Return what the figures are headed with."""
        return f'Recording {"/".join(self.path.parts[-2:])}'


@dataclass(frozen=True)
class RenderedDrive:
    """
    A rendered drive through some layouts, each with two seeds.

    Attributes
    ----------
    layouts, seed : tuple of str, int
        The layouts, and the first of the seeds; see `scenes`.
    size : ImageSize
        Of the images [px].
    is_held_out : bool
        Whether the shipped model was trained without these layouts.

    """

    layouts: tuple[str, ...]
    seed: int
    size: ImageSize
    is_held_out: bool

    def command(self, seconds: float) -> list[str]:
        """Return the verb of ``unet-seg`` and its options."""
        num_frames = max(1, round(seconds * DRIVE_RATE_HZ))
        num_legs = _NUM_SEEDS * len(self.layouts)
        options = {'seed': self.seed, 'size': self.size, 'rate': DRIVE_RATE_HZ}
        options |= {'frames': num_frames, 'leg': -(-num_frames // num_legs), 'ahead': _NUM_AHEAD}
        values = [text for name, value in options.items() for text in (f'--{name}', str(value))]
        return ['drive', '--layouts', *self.layouts, *values]

    @property
    def topics(self) -> Topics:
        """The topics that the drive publisher uses."""
        prefix = '/carla/ego_vehicle'
        return Topics(
            'rgb_front',
            f'{prefix}/rgb_front/image',
            f'{prefix}/semantic_segmentation_front/image',
            29,
        )

    def why_unscored(self, table: ClassTable) -> str:
        """Return why masks of such classes cannot be scored; '' if they can."""
        return _why_other_classes(table)

    def __str__(self) -> str:
        """Return what the figures are headed with."""
        known = 'not ' if not self.is_held_out else ''
        seeds = ' and '.join(str(self.seed + i) for i in range(_NUM_SEEDS))
        return (
            f'Rendered scenes {self.size}, {known}held out of training: '
            f'{", ".join(self.layouts)}, seeds {seeds}'
        )


Source: TypeAlias = Recording | RenderedDrive


def _why_other_classes(table: ClassTable) -> str:
    if table.names == ROAD_CLASSES.table.names:
        return ''
    return f'the truth has the classes {", ".join(ROAD_CLASSES.table.names)}, the model others'

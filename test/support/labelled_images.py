"""Labelled images made for a test: one tiny frame, and a drive of four."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from support.recordings import noise, write_image
from unet_seg_ros.core.classes import CARLA_TAGS

TAGS = CARLA_TAGS[23]
IDS = np.array([[0, 6, 7, 8], [7, 7, 0, 0]], np.uint8)
#: Blue, green and red differ, so a swapped order shows.
IMAGE = np.stack([IDS, 10 + IDS, 200 + IDS], axis=-1)

#: Height and width of each frame of the drive: `noise` and `tags_of` with its number as the seed.
SIZES = [(6, 8), (6, 8), (4, 4), (6, 8)]


def write_pairs(path: Path, *pairs: tuple[str, str]) -> None:
    """Write for each folder of images, and that of its labels, a pair."""
    for images, labels in pairs:
        write_image(path / images / '1.png', IMAGE)
        write_image(path / labels / '1.png', IDS)


def tags_of(size: tuple[int, int], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, len(TAGS), size, np.uint8)


def write_drive(path: Path) -> Path:
    for number, size in enumerate(SIZES):
        write_image(path / 'rgb' / f'{number}.png', noise(*size, 3, seed=number))
        write_image(path / 'label' / f'{number}.png', tags_of(size, number))
    return path

"""What the check of a GPU measures, the most important first, and the pictures that it shows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from unet_seg_ros.core.resize import resize_image
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.scenes import HELD_OUT_LAYOUTS, PinholeCamera, still


@dataclass(frozen=True)
class Cell:
    """One network in one precision, and how many images it gets at once."""

    base_channels: int
    size: ImageSize
    num_images: int
    precision: str

    @property
    def network(self):
        return f'{self.base_channels} channels, {self.size}'

    @property
    def file_name(self):
        return f'unet{self.base_channels}_{self.size}_{self.precision}.onnx'

    @property
    def name(self):
        return f'{self.network}, {self.precision}, batch {self.num_images}'


# What a vehicle would deploy comes first: time may end the list anywhere.
SIZES = (ImageSize(256, 512), ImageSize(512, 1024))
BASE_CHANNELS = (32, 64, 16)
PRECISIONS = ('fp16', 'int8', 'fp32')
NUM_IMAGES = (1, 6)


def plan():
    """Return all cells, the most important first."""
    order = product(SIZES, BASE_CHANNELS, PRECISIONS, NUM_IMAGES)
    return [Cell(base, size, num, precision) for size, base, precision, num in order]


def rehearsal_plan():
    """Return cells that a CPU is through with in seconds."""
    order = (('fp16', 1), ('fp16', 2), ('int8', 1), ('fp32', 1))
    return [Cell(4, ImageSize(32, 64), num, precision) for precision, num in order]


def picture(size):
    """Return a rendered street as uint8 [H, W, 3]."""
    street = still(HELD_OUT_LAYOUTS[0], 0, PinholeCamera(ImageSize(360, 640)))
    return resize_image(street.image, size)


def pictures(size, num_images):
    """Return one and the same street so many times, as uint8 [N, H, W, 3]."""
    return np.repeat(picture(size)[np.newaxis], num_images, axis=0)

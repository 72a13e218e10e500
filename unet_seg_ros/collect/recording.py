"""The folder that is written: a sub-folder per drive, and recording.json that tells of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from unet_seg_ros.collect.pairing import SensorImage
from unet_seg_ros.collect.plan import DrivePlan
from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.core.errors import ConfigurationError, RecordingError
from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.recordings.labels import decode_labels
from unet_seg_ros.recordings.recording import ABOUT


class Recording:
    """
    Drives as <town>_<n>/rgb/NNNNNN.png with <town>_<n>/label/NNNNNN.png, which hold tag ids.

    Files appear complete or not at all, and recording.json is true after each frame.

    Parameters
    ----------
    output : Path
        The folder.
    about : mapping
        What holds for all drives, its 'tags' the number of tags.
    append : bool
        Add to the drives that the folder holds.

    Raises
    ------
    ConfigurationError
        If the folder holds something else, or drives of another kind, or any without `append`.

    """

    def __init__(self, output: Path, about: Mapping[str, Any], *, append: bool) -> None:
        """Read what is there; nothing is written yet."""
        self.output = output
        self.drives = _earlier_drives(output, about, append)
        self._about = about
        self._drive: dict[str, Any] = {}

    @property
    def num_frames(self) -> int:
        """Frames of the present drive."""
        return int(self._drive['frames'])

    def begin(self, plan: DrivePlan, **facts: int) -> None:
        """Begin a drive; its folder is made with its first frame."""
        names = (f'{plan.town}_{n}' for n in count())
        name = next(name for name in names if not (self.output / name).exists())
        self._drive = {'name': name, **asdict(plan), **facts, 'frames': 0, 'jumps': []}

    def mark_jump(self) -> None:
        """Note that the next frame does not follow the last one: the vehicle is another."""
        self._drive['jumps'].append(self.num_frames)

    def add(self, rgb: SensorImage, semantic: SensorImage) -> None:
        """
        Write the next frame, its image last: a frame exists where its image does.

        Raises
        ------
        RecordingError
            If a tag is none of the table's, or a file cannot be written.

        """
        folder = self.output / self._drive['name']
        image = np.ascontiguousarray(_pixels_bgra(rgb)[..., :3])
        # Only the red channel holds the tag.
        tags = np.ascontiguousarray(_pixels_bgra(semantic)[..., 2])
        decode_labels(tags, CARLA_TAGS[self._about['tags']])
        file = f'{self.num_frames:06}.png'
        _write(folder / 'label' / file, cv2.imencode('.png', tags)[1].tobytes())
        _write(folder / 'rgb' / file, cv2.imencode('.png', image)[1].tobytes())
        if not self.num_frames:
            self.drives.append(self._drive)
        self._drive['frames'] += 1
        self._write_about()

    def _write_about(self) -> None:
        told = {
            **self._about,
            'towns': sorted({drive['town'] for drive in self.drives}),
            'weathers': sorted({drive['weather'] for drive in self.drives}),
            'drives': self.drives,
        }
        _write(self.output / ABOUT, (json.dumps(told, indent=1) + '\n').encode())


def _pixels_bgra(image: SensorImage) -> ByteArray:
    """Return a view of an image's pixels, uint8 [H, W, 4]."""
    return np.frombuffer(image.raw_data, np.uint8).reshape(image.height, image.width, 4)


def _earlier_drives(output: Path, about: Mapping[str, Any], append: bool) -> list[dict[str, Any]]:
    try:
        if not output.exists() or not any(output.iterdir()):
            return []
        told = json.loads((output / ABOUT).read_text())
        drives: list[dict[str, Any]] = told['drives']
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise ConfigurationError(
            f'--output {output}: neither an empty folder nor a recording; take another'
        ) from e
    if not append:
        raise ConfigurationError(
            f'--output {output}: holds a recording of {len(drives)} drives; '
            'take another folder, or --append to add to it'
        )
    for key, value in about.items():
        if told.get(key) != value:
            raise ConfigurationError(
                f'--append: {key} is {value}, but {told.get(key)} in {output}; take another folder'
            )
    return drives


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f'.{path.name}.part')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        part.replace(path)
    except OSError as e:
        raise RecordingError(f'{path}: cannot be written: {e.strerror}') from e

"""Labelled frames from the sources of a recipe, held in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import cv2

from unet_seg_ros import scenes
from unet_seg_ros.core.classes import CARLA_TAGS, ROAD_CLASSES
from unet_seg_ros.core.errors import RecordingError
from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.recordings.folder import LabelledFolder
from unet_seg_ros.training.recipe import Source

#: An image, uint8 [H, W, 3] in BGR order, and its class ids, uint8 [H, W].
LabelledImage = tuple[ByteArray, ByteArray]

#: Told of progress: what is done, how many of how many.
Progress = Callable[[str, int, int], None]


def load_source(
    source: Source, data_root: Path, cache: Path, progress: Progress
) -> list[LabelledImage]:
    """
    Load all frames of a source, labels in the ids of ``ROAD_CLASSES``.

    Parameters
    ----------
    source : Source
        A folder, or scenes to be rendered.
    data_root : Path
        Where relative folders start.
    cache : Path
        Where rendered scenes are kept for the next time, as folders of images and labels.
    progress : callable
        Called before each frame.

    Raises
    ------
    RecordingError
        If the folder is missing, empty or not in a known form.

    """
    path = data_root / source.folder if source.folder else _rendered(source, cache, progress)
    tags = CARLA_TAGS[source.tags]
    try:
        folder = LabelledFolder(path, tags)
    except RecordingError as e:
        raise RecordingError(f'source {source.name}: {e}; see --data-root') from e
    classes = ROAD_CLASSES.from_tags(tags)
    frames: list[LabelledImage] = []
    # The cache may hold more scenes than this recipe asks for.
    count = source.count or len(folder)
    for i in range(count):
        progress(f'loading {source.name}', i, count)
        image, ids = folder[i]
        frames.append((image, classes[ids]))
    return frames


def _rendered(source: Source, cache: Path, progress: Progress) -> Path:
    folder = cache / f'scenes-{_fingerprint(source)}'
    names = scenes.TRAINING_LAYOUTS if source.layouts == 'training' else scenes.HELD_OUT_LAYOUTS
    for i in range(source.count):
        image_path = folder / 'rgb' / f'{i:06}.png'
        if image_path.is_file():
            continue
        progress(f'rendering {source.name}', i, source.count)
        camera = scenes.PinholeCamera(source.size)
        frame = scenes.still(names[i % len(names)], source.seed + i, camera)
        # The image comes last: where it is, its label is too.
        _write(folder / 'label' / f'{i:06}.png', frame.tags)
        _write(image_path, frame.image)
    return folder


def _write(path: Path, pixels: ByteArray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded = cv2.imencode('.png', pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1]
    part = path.with_suffix('.part')
    part.write_bytes(encoded.tobytes())
    part.replace(path)


def _fingerprint(source: Source) -> str:
    """Hash what decides a scene's pixels: the request and the renderer's own source files."""
    digest = hashlib.sha256(f'{source.layouts} {source.size} {source.seed}'.encode())
    for path in sorted(Path(scenes.__file__).parent.rglob('*.py')):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]

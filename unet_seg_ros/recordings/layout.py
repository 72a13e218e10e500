"""The layouts of image folders: which names images and labels have, and which belong together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from unet_seg_ros.core.errors import RecordingError
from unet_seg_ros.recordings.sequences import natural_order
from unet_seg_ros.recordings.storage import bags_in, holds_bags

#: Sub-folders of images and of labels, as recordings that people share name them, in lower case.
IMAGE_FOLDERS = ('rgb', 'image', 'images', 'camerargb', 'camera_rgb')
LABEL_FOLDERS = (
    'label',
    'labels',
    'labelids',
    'semantic',
    'semantics',
    'semantic_segmentation',
    'seg',
    'segmentation',
    'segmentation_images',
    'cameraseg',
    'camera_seg',
    'camerasemseg',
    'mask',
    'masks',
)
#: Ends of the names of images and of labels, which tell them apart where both lie in one folder
#: and may differ where each has a folder of its own.
IMAGE_SUFFIXES = ('_img', '_image', '_rgb')
LABEL_SUFFIXES = ('_labelIds', '_label', '_semantic', '_seg')

#: Endings of image files, and those of them that keep a label as it was written.
IMAGE_ENDINGS = ('.bmp', '.jpeg', '.jpg', '.png', '.webp')
LABEL_ENDINGS = ('.png', '.bmp')

# How deep below the given folder a layout is looked for: a data set, a town, a drive.
_DEPTH = 3

# Made by file systems, for their administrator alone.
_SYSTEM_FOLDERS = ('lost+found',)


@dataclass(frozen=True)
class ImageFolder:
    """
    Images and labels of one drive.

    Attributes
    ----------
    images, label_files : sequence of Path
        In natural order.
    label_hint : str
        Where labels would be looked for, with ``{}`` for the key.
    place : Path
        The folder that holds those of images and of labels, or both kinds of files.
    is_plain : bool
        Whether the images lie in no known layout, as photos and plots do.

    """

    images: Sequence[Path]
    label_files: Sequence[Path]
    label_hint: str
    place: Path
    is_plain: bool = False

    def labels(self) -> dict[str, Path]:
        """
        Return the label files by the key that they share with their image, see `key_of_image`.

        Raises
        ------
        RecordingError
            If two have one key, or their kind of file does not keep what was written.

        """
        files = self.label_files
        exact = [f for f in files if f.suffix.lower() in LABEL_ENDINGS]
        if files and not exact:
            raise RecordingError(
                f'{files[0]}: labels must be PNG or BMP; {files[0].suffix} does not keep ids and '
                'colours as they were'
            )
        found: dict[str, Path] = {}
        for path in exact:
            other = found.setdefault(_without(path.stem, LABEL_SUFFIXES), path)
            if other != path:
                raise RecordingError(
                    f'{path}: {other.name} may be the labels of the same image; keep one of them'
                )
        return found


class FolderNames(NamedTuple):
    """
    What is looked for.

    Attributes
    ----------
    images, labels : str or None
        Names of the sub-folders, where they are none of the known ones or several are there.
    with_labels : bool
        Whether labels are looked for at all.

    """

    images: str | None = None
    labels: str | None = None
    with_labels: bool = True


def key_of_image(path: Path) -> str:
    """Return what an image's name shares with that of its labels."""
    return _without(path.stem, IMAGE_SUFFIXES)


def find_folders(path: Path, names: FolderNames) -> list[ImageFolder]:
    """
    Return the image folders at or below a path, in natural order.

    Parameters
    ----------
    path : Path
        A folder in a known layout, one that holds such folders, or plain images.
    names : FolderNames
        What is looked for.

    Raises
    ------
    RecordingError
        If there is no such folder or no image in it, a folder in it cannot be read, images lie
        both in a folder and below it, or several sub-folders may be meant.

    """
    try:
        if not path.is_dir():
            raise RecordingError(f'recording {path}: no such folder')
        found = _found(path, names, _DEPTH)
        has_bags = not found and bool(bags_in(path))
    except OSError as e:
        raise RecordingError(f'{e.filename or path}: cannot be read: {e.strerror}') from e
    # Beside drives, images without a layout are plots and the like.
    found = [folder for folder in found if not folder.is_plain] or found
    _refuse_nested(found)
    if found:
        return found
    if has_bags:
        raise RecordingError(holds_bags(path))
    endings = ', '.join(IMAGE_ENDINGS)
    wanted = f'{names.images}/ with images' if names.images else f'image in it ({endings})'
    raise RecordingError(f'recording {path}: no {wanted}')


def _found(
    path: Path, names: FolderNames, depth: int, in_labels: bool = False
) -> list[ImageFolder]:
    folders = _folders(path)
    image_folder = _chosen(path, folders, names.images, IMAGE_FOLDERS, 'images')
    beside = None if names.images or in_labels else _beside(path)
    found = [beside] if beside is not None and not (beside.is_plain and image_folder) else []
    if image_folder is not None:
        label_folder = None
        if names.with_labels:
            label_folder = _chosen(path, folders, names.labels, LABEL_FOLDERS, 'labels')
        labels = label_folder or path / (names.labels or 'label')
        found += _paired(path, image_folder, labels)
        known = (*IMAGE_FOLDERS, *LABEL_FOLDERS)
        read = (image_folder, label_folder)
        folders = [f for f in folders if f.name.lower() not in known and f not in read]
    for folder in folders if depth else []:
        # What lies in a folder of labels is no image, unless a folder of images is in it.
        is_label = in_labels or folder.name.lower() in LABEL_FOLDERS
        found += _found(folder, names, depth - 1, is_label)
    return found


def _refuse_nested(found: Sequence[ImageFolder]) -> None:
    outer: dict[Path, ImageFolder] = {}
    for folder in sorted(found, key=lambda f: len(f.place.parts)):
        above = [outer[p] for p in (folder.place, *folder.place.parents) if p in outer]
        if above:
            first, second = above[0].images[0].parent, folder.images[0].parent
            raise RecordingError(
                f'images both in {first} and in {second}, which is below it or its layout; '
                'move one of them, or read each as a recording of its own'
            )
        outer[folder.place] = folder


def _chosen(
    path: Path, folders: Sequence[Path], name: str | None, known: Sequence[str], what: str
) -> Path | None:
    if name is not None:
        return path / name if (path / name).is_dir() else None
    found = [f for f in folders if f.name.lower() in known]
    if len(found) > 1:
        names = ', '.join(f'{f.name}/' for f in found)
        raise RecordingError(f'recording {path}: {names} may all hold {what}; name one of them')
    return found[0] if found else None


def _paired(place: Path, images: Path, labels: Path) -> Iterator[ImageFolder]:
    """Pair two folders, and their sub-folders of one name where the images lie in such."""
    files = _files(images)
    if files:
        label_files = _files(labels) if labels.is_dir() else []
        yield ImageFolder(files, label_files, f'{labels}/{{}}.png', place)
    for folder in _folders(images):
        if not (files and folder.name.lower() in LABEL_FOLDERS):
            yield from _paired(place / folder.name, folder, labels / folder.name)


def _beside(path: Path) -> ImageFolder | None:
    """Find images and labels that lie beside each other, or images alone."""
    files = _files(path)
    labels = [f for f in files if f.stem.endswith(LABEL_SUFFIXES)]
    images = [f for f in files if f.stem.endswith(IMAGE_SUFFIXES)]
    images = images or [f for f in files if f not in labels]
    hint = f'{path}/{{}}_labelIds.png' if labels else 'rgb/ with label/, or _img with _labelIds'
    return ImageFolder(images, labels, hint, path, is_plain=not labels) if images else None


def _folders(path: Path) -> list[Path]:
    # Images are told by their names: to ask the disk about each of thousands would take long.
    other = (f for f in path.iterdir() if f.suffix.lower() not in IMAGE_ENDINGS)
    return _sorted(f for f in other if f.name not in _SYSTEM_FOLDERS and f.is_dir())


def _files(path: Path) -> list[Path]:
    return _sorted(f for f in path.iterdir() if f.suffix.lower() in IMAGE_ENDINGS)


def _sorted(paths: Iterable[Path]) -> list[Path]:
    # What begins with a dot was made by a file manager or a notebook.
    shown = (path for path in paths if not path.name.startswith('.'))
    return sorted(shown, key=lambda path: natural_order(path.name))


def _without(stem: str, suffixes: Sequence[str]) -> str:
    return next((stem.removesuffix(s) for s in suffixes if stem.endswith(s)), stem)

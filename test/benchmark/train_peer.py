"""
Measures our trainer against milesial/Pytorch-UNet's on the same network, frames and machine.

Takes the reader's own checkout of the peer, leaves it as it is, and writes a page of markdown.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import machine
import numpy as np
import train_peer_page as page
from train_peer_sides import NUM_CLASSES, Task, run_ours, run_peer

from unet_seg_ros.cli.options import positive_number, tag_table
from unet_seg_ros.core.class_sets import ROAD_CLASSES
from unet_seg_ros.core.classes import TAG_TABLES
from unet_seg_ros.core.errors import UserError
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.recordings.recording import open_recording
from unet_seg_ros.training.unet import check_input_size


def measure(options):
    """Run the three trainings, one after the other, and return the page."""
    revision, about = revision_of(options.peer), machine.describe()
    learned, scored = (
        open_recording(options.data / part, TAG_TABLES[options.tags]) for part in ('train', 'val')
    )
    size = ImageSize.of(learned[0][0])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        task = Task(options.peer, options.data, options.tags, size, options.minutes, folder)
        check_input_size(size, task.recipe.network.depth)
        write_for_peer(learned, task)
        outcomes = {
            page.PEER: in_own_process(run_peer, task, False),
            page.OURS: in_own_process(run_ours, task),
            page.PEER_AMP: in_own_process(run_peer, task, True),
        }
    about.append(f'- Frames of {size}: {len(learned)} to learn from, {len(scored)} to score on')
    return page.write(outcomes, options.minutes, revision, about)


def revision_of(peer):
    """Return the checkout's revision, `-dirty` if it was changed."""
    for part in ('train.py', 'unet/unet_model.py', 'utils/data_loading.py'):
        if not (peer / part).is_file():
            raise SystemExit(f'--peer {peer}: no checkout of milesial/Pytorch-UNet (no {part})')
    command = ['git', '-C', peer, 'describe', '--always', '--dirty', '--abbrev=12', '--exclude=*']
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() or 'unknown'


def write_for_peer(recording, task):
    """Write the frames as the peer wants them: images, and masks whose values are class ids."""
    class_of = ROAD_CLASSES.labels(task.tags).classes
    images, masks = task.folder / 'data' / 'imgs', task.folder / 'data' / 'masks'
    images.mkdir(parents=True)
    masks.mkdir()
    found = set()
    for i, (image, tags) in enumerate(recording):
        found.update(np.unique(class_of[tags]).tolist())
        cv2.imwrite(str(images / f'{i:06}.png'), image)
        cv2.imwrite(str(masks / f'{i:06}.png'), class_of[tags])
    # The peer numbers the values that it finds, and has no pixels that do not count.
    if found != set(range(NUM_CLASSES)):
        raise SystemExit(
            f'--data {task.data}: the training labels give the class ids {sorted(found)}; '
            f'the peer needs each of 0 to {NUM_CLASSES - 1}, and no other'
        )


def in_own_process(function, *arguments):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context('spawn')) as pool:
        return pool.submit(function, *arguments).result()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--peer', type=Path, required=True, help='a checkout of Pytorch-UNet')
    parser.add_argument('--data', type=Path, required=True, help='labelled: train and val in it')
    parser.add_argument('--tags', type=tag_table, default=23, help='tag table of its labels')
    parser.add_argument('--minutes', type=positive_number, default=5.0, help='for each training')
    parser.add_argument('--output', type=Path, required=True, help='the markdown file to write')
    options = parser.parse_args()
    options.peer, options.data = options.peer.resolve(), options.data.resolve()
    # All on the CPU, and nothing is left in the checkout, not even byte code.
    os.environ.update(CUDA_VISIBLE_DEVICES='', PYTHONDONTWRITEBYTECODE='1')
    try:
        text = measure(options)
    except UserError as e:
        raise SystemExit(str(e)) from e
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text)
    print(f'wrote {options.output}')


if __name__ == '__main__':
    main()

"""Networks that learn, in a second or two, streets as plain as flags; needs torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from unet_seg_ros.training.checkpoint import Trained
from unet_seg_ros.training.export import export
from unet_seg_ros.training.frames import SourceFrames
from unet_seg_ros.training.network import PixelNetwork
from unet_seg_ros.training.recipe import NetworkSpec, Recipe, recipe_from_dict

PRECISIONS = ('fp32', 'fp16', 'int8')


def street(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return an image [48, 96, 3] and its tags, of CARLA's 23: road, line, sidewalk, the rest."""
    rng = np.random.default_rng(seed)
    tags = np.zeros((48, 96), np.uint8)
    tags[20:] = 8
    left, right = rng.integers(8, 24), rng.integers(70, 88)
    tags[20:, left:right] = 7
    tags[20:, 44:50] = 6
    colors = np.zeros((256, 3), np.uint8)
    colors[[0, 6, 7, 8]] = (200, 120, 60), (80, 220, 240), (70, 70, 70), (140, 150, 170)
    return colors[tags] + rng.integers(0, 24, (48, 96, 3), dtype=np.uint8), tags


def street_recipe(spec: NetworkSpec) -> Recipe:
    source = {'name': 'streets', 'folder': 'streets', 'tags': 23, 'licence': 'none needed'}
    network = {'base_channels': spec.base_channels, 'depth': spec.depth}
    network |= {'batch_norm': spec.batch_norm, 'skips': spec.skips}
    return recipe_from_dict(
        {'name': 'tiny', 'input': '96x48', 'network': network}
        | {'sources': [source], 'validation': [source]}
    )


class Streets:
    """Stands for a recording; an index is a seed."""

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return street(index)


def street_frames(recipe: Recipe, seeds: Sequence[int]) -> SourceFrames:
    labels = recipe.class_set.labels(23)
    return SourceFrames(recipe.sources[0], Streets(), seeds, labels)


@lru_cache
def trained_network(spec: NetworkSpec, num_steps: int = 80) -> Trained:
    """Return a network after some steps of Adam; nobody may change it, for it is kept."""
    torch.manual_seed(0)
    recipe = street_recipe(spec)
    labels = recipe.class_set.labels(23)
    network = PixelNetwork(recipe.network, len(labels.table))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for step in range(num_steps):
        frames = [street(seed) for seed in range(step, step + 4)]
        logits = network(torch.from_numpy(np.stack([image for image, _ in frames])))
        truth = torch.from_numpy(np.stack([labels.classes[tags] for _, tags in frames])).long()
        loss = torch.nn.functional.cross_entropy(logits, truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    seen = {'name': 'streets', 'frames': num_steps, 'sequences': []}
    seen['classes'] = list(labels.table.names)
    data = {'training': [seen], 'validation': [seen]}
    return Trained(network.eval(), recipe, passes=3, steps=num_steps, data=data)


@lru_cache
def _model_files(spec: NetworkSpec) -> Mapping[str, bytes]:
    trained = trained_network(spec)
    with TemporaryDirectory() as folder:
        paths = {precision: Path(folder) / f'{precision}.onnx' for precision in PRECISIONS}
        export(trained, paths, {'streets': street_frames(trained.recipe, range(1000, 1006))})
        return {precision: path.read_bytes() for precision, path in paths.items()}


def write_model_files(spec: NetworkSpec, folder: Path) -> Mapping[str, Path]:
    """Write a model file of each precision, exported, and so checked, on six streets."""
    paths = {precision: folder / f'{precision}.onnx' for precision in PRECISIONS}
    for precision, path in paths.items():
        path.write_bytes(_model_files(spec)[precision])
    return paths

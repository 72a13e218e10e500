"""A training recipe: all that decides what a training gives, read from one YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from unet_seg_ros.core.classes import CARLA_TAGS, ROAD_CLASSES
from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.training.plain import build, to_plain

_SCENE_SIZE = ImageSize(height=720, width=1280)


@dataclass(frozen=True)
class NetworkSpec:
    """
    The shape of the U-Net.

    Attributes
    ----------
    base_channels : int
        Channels of the first level.
    depth : int
        Number of poolings.
    batch_norm : bool
        Train with batch norms, which fold away on export.

    """

    base_channels: int = 16
    depth: int = 4
    batch_norm: bool = True


@dataclass(frozen=True)
class Source:
    """
    Labelled frames: either a folder or rendered scenes.

    Attributes
    ----------
    name : str
        How scores and the model card call it.
    licence : str
        The licence of the frames, or that they have none.
    folder : str
        Path of a labelled folder, relative to the data root.
    tags : int
        The CARLA tag table of the folder's labels: 13, 23 or 29.
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

    """

    name: str
    licence: str
    folder: str = ''
    tags: int = 29
    layouts: Literal['', 'training', 'held_out'] = ''
    count: int = 0
    size: ImageSize = _SCENE_SIZE
    seed: int = 0
    share: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a source that is neither or both, or whose numbers make no sense."""
        if bool(self.folder) == bool(self.layouts):
            raise ConfigurationError(f'source {self.name}: give either folder or layouts')
        if self.layouts and self.count < 1:
            raise ConfigurationError(f'source {self.name}: layouts need a count of 1 or more')
        if self.tags not in CARLA_TAGS:
            raise ConfigurationError(
                f'source {self.name}: tags {self.tags}: there are tables of '
                f'{", ".join(map(str, CARLA_TAGS))} tags'
            )
        if self.share <= 0:
            raise ConfigurationError(f'source {self.name}: share must be above 0')


@dataclass(frozen=True)
class Recipe:
    """
    What to train on and how.

    Attributes
    ----------
    name : str
        The model's name.
    input : ImageSize
        The size [px] that images are resized to.
    sources, validation : tuple of Source
        What is learned from, and what scores are taken on after each pass.
    network : NetworkSpec
        The shape of the U-Net.
    passes : int
        Number of passes; the learning rate falls to zero over them.
    samples_per_pass : int
        Samples drawn in one pass.
    batch_size : int
        Samples per step.
    learning_rate, weight_decay : float
        Peak learning rate and decay of AdamW.
    warm_up : float
        Share of the training over which the learning rate rises.
    gentle_end : float
        Share of the training, at its end, with mild augmentation only.
    class_weights : mapping
        Weight of a class in the loss by its name; 1 where it is not named.
    seed : int
        Decides initial weights, draws and augmentation.

    """

    name: str
    input: ImageSize
    sources: tuple[Source, ...]
    validation: tuple[Source, ...]
    network: NetworkSpec = field(default_factory=NetworkSpec)
    passes: int = 30
    samples_per_pass: int = 4000
    batch_size: int = 16
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    warm_up: float = 0.1
    gentle_end: float = 0.15
    class_weights: Mapping[str, float] = field(default_factory=dict)
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense and classes that do not exist."""
        ROAD_CLASSES.table.ids_of(tuple(self.class_weights))
        positive = ('passes', 'samples_per_pass', 'batch_size', 'learning_rate')
        for key in positive:
            if getattr(self, key) <= 0:
                raise ConfigurationError(f'{key} must be above 0, not {getattr(self, key)}')
        if not self.sources or not self.validation:
            raise ConfigurationError('sources and validation need one entry or more each')

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe in the form that `recipe_from_dict` reads: plain YAML values."""
        plain: dict[str, Any] = to_plain(self)
        return plain


def read_recipe(path: Path) -> Recipe:
    """
    Read a recipe from a YAML file.

    Raises
    ------
    ConfigurationError
        If the file is missing or no YAML mapping, or a key is unknown, missing or of a wrong type.

    """
    if not path.is_file():
        raise ConfigurationError(f'recipe {path}: not found')
    try:
        data = yaml.safe_load(path.read_text(encoding='utf-8'))
    except yaml.YAMLError as e:
        raise ConfigurationError(f'recipe {path}: no YAML: {" ".join(str(e).split())}') from e
    try:
        return recipe_from_dict(data)
    except ConfigurationError as e:
        raise ConfigurationError(f'recipe {path}: {e}') from e


def recipe_from_dict(data: object) -> Recipe:
    """
    Build a recipe from plain YAML values.

    Raises
    ------
    ConfigurationError
        If a key is unknown, missing or of a wrong type.

    """
    return build(Recipe, data)

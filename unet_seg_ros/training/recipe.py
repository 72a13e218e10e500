"""A training recipe: all that decides what a training gives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from unet_seg_ros.core.class_sets import CLASS_SETS, ClassSet
from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.geometry import NetworkInput
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.training.plain import build, to_plain
from unet_seg_ros.training.source import Source


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
    skips : bool
        Hand the levels of the way down to the way up, as the U-Net does; false only to see what
        that is worth.

    """

    base_channels: int = 16
    depth: int = 4
    batch_norm: bool = True
    skips: bool = True

    def __post_init__(self) -> None:
        """Refuse a network without channels or levels."""
        for key in ('base_channels', 'depth'):
            if getattr(self, key) < 1:
                raise ConfigurationError(f'network.{key} must be 1 or more')


@dataclass(frozen=True)
class Loss:
    """
    What is minimised: pixelwise cross-entropy, and what is added to it on request.

    Attributes
    ----------
    class_weights : mapping
        Weight of a class by its name; 1 where it is not named.
    balance : float
        Weigh classes by their share of the pixels to the power of minus this, 0 for not at all
        and 1 for all classes alike; `class_weights` come on top.
    boundary : float
        Added weight of pixels beside a boundary between labels.
    dice : float
        Weight of the Dice loss beside the cross-entropy.

    """

    class_weights: Mapping[str, float] = field(default_factory=dict)
    balance: float = 0.0
    boundary: float = 0.0
    dice: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is negative."""
        weights = {f'class_weights.{name}': w for name, w in self.class_weights.items()}
        weights |= {key: getattr(self, key) for key in ('balance', 'boundary', 'dice')}
        for key, value in weights.items():
            if not 0 <= value < math.inf:
                raise ConfigurationError(f'loss.{key} must be 0 or more, not {value}')


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
    fit : str
        ``stretch``, or ``letterbox`` to keep their aspect and pad what is left.
    sources, validation : tuple of Source
        What is learned from, and what scores are taken on after each pass.
    classes : str
        What is learned: a key of ``CLASS_SETS``.
    network : NetworkSpec
        The shape of the U-Net.
    passes : int
        Number of passes; the learning rate falls to zero over them.
    samples_per_pass : int
        Samples drawn in one pass; those that do not fill a batch are left out.
    batch_size : int
        Samples per step, over all processes.
    accumulate : int
        Steps whose gradients are gathered before the weights change.
    learning_rate, weight_decay : float
        Peak learning rate and decay of AdamW.
    warm_up : float
        Share of the training over which the learning rate rises; then it falls as a half cosine.
    loss : Loss
        What is minimised.
    ema_decay : float
        Decay per step of the averaged weights, which are scored and kept; 0 for no averaging.
    patience : int
        Passes without a better score after which the training ends early; 0 for never.
    precision : str
        ``bf16-mixed``, ``16-mixed`` for GPUs without bf16, or ``32-true``.
    seed : int
        Decides initial weights, draws and augmentation.

    """

    name: str
    input: ImageSize
    sources: tuple[Source, ...]
    validation: tuple[Source, ...]
    fit: Literal['stretch', 'letterbox'] = 'stretch'
    classes: str = 'road'
    network: NetworkSpec = field(default_factory=NetworkSpec)
    passes: int = 30
    samples_per_pass: int = 4000
    batch_size: int = 16
    accumulate: int = 1
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    warm_up: float = 0.1
    loss: Loss = field(default_factory=Loss)
    ema_decay: float = 0.999
    patience: int = 0
    precision: Literal['bf16-mixed', '16-mixed', '32-true'] = 'bf16-mixed'
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense and classes that do not exist."""
        if self.classes not in CLASS_SETS:
            raise ConfigurationError(f'classes {self.classes!r}: choose {", ".join(CLASS_SETS)}')
        self.class_set.table.ids_of(tuple(self.loss.class_weights))
        self._check_numbers()
        if self.samples_per_pass < self.batch_size:
            raise ConfigurationError(
                f'samples_per_pass {self.samples_per_pass} do not fill a batch of '
                f'{self.batch_size}'
            )
        if not self.sources or not self.validation:
            raise ConfigurationError('sources and validation need one entry or more each')
        for kind, sources in (('sources', self.sources), ('validation', self.validation)):
            names = [s.name for s in sources]
            if len(set(names)) < len(names):
                raise ConfigurationError(f'{kind}: each needs a name of its own: {names}')
        for source in (*self.sources, *self.validation):
            self.class_set.labels(source.table, source.only)

    def _check_numbers(self) -> None:
        for key in ('passes', 'samples_per_pass', 'batch_size', 'accumulate', 'learning_rate'):
            if not 0 < getattr(self, key) < math.inf:
                raise ConfigurationError(f'{key} must be above 0, not {getattr(self, key)}')
        for key in ('weight_decay', 'patience', 'seed'):
            if not 0 <= getattr(self, key) < math.inf:
                raise ConfigurationError(f'{key} must be 0 or more, not {getattr(self, key)}')
        for key in ('ema_decay', 'warm_up'):
            if not 0.0 <= getattr(self, key) < 1.0:
                raise ConfigurationError(
                    f'{key} must be from 0 to below 1, not {getattr(self, key)}'
                )

    @property
    def class_set(self) -> ClassSet:
        """The set that `classes` names."""
        return CLASS_SETS[self.classes]

    @property
    def network_input(self) -> NetworkInput:
        """How images come to the network."""
        return NetworkInput(self.input, self.fit)

    @property
    def batches_per_pass(self) -> int:
        """Batches in a pass."""
        return self.samples_per_pass // self.batch_size

    @property
    def num_steps(self) -> int:
        """Changes of the weights in the whole training."""
        return self.passes * -(-self.batches_per_pass // self.accumulate)

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe in the form that `recipe_from_dict` reads: plain YAML values."""
        plain: dict[str, Any] = to_plain(self)
        return plain


def recipe_from_dict(data: object) -> Recipe:
    """
    Build a recipe from plain YAML values.

    Raises
    ------
    ConfigurationError
        If a key is unknown, missing or of a wrong type.

    """
    return build(Recipe, data)

"""Draws of training samples from several sources, repeatable from a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.training.augmentation import augment
from unet_seg_ros.training.frames import LabelledImage


class Draw(NamedTuple):
    """
    One sample to be made.

    Attributes
    ----------
    source, frame : int
        Which frame of which source.
    seed : tuple of int
        Decides its augmentation.
    gentle : bool
        Whether to augment mildly.
    """

    source: int
    frame: int
    seed: tuple[int, ...]
    gentle: bool


class MixedSampler(Sampler[Draw]):
    """
    Draws the samples of one pass, each source with its share.

    A source is gone through in shuffled order, and shuffled anew when it is exhausted; a pass
    depends on the seed and its own number alone.

    Parameters
    ----------
    lengths, shares : sequence
        Frames and relative share of each source.
    num_samples : int
        Samples in a pass.
    seed : int
        Decides every draw.
    is_gentle : callable
        Asked at each draw whether augmentation shall be mild by now.

    """

    def __init__(
        self,
        lengths: Sequence[int],
        shares: Sequence[float],
        num_samples: int,
        seed: int,
        is_gentle: Callable[[], bool],
    ) -> None:
        """Start before the first pass."""
        self._lengths = lengths
        self._shares = np.asarray(shares) / np.sum(shares)
        self._num_samples = num_samples
        self._seed = seed
        self._is_gentle = is_gentle
        self._pass = 0

    def __len__(self) -> int:
        """Return the number of samples in a pass."""
        return self._num_samples

    def set_epoch(self, epoch: int) -> None:
        """Choose the pass to draw next; Lightning calls this."""
        self._pass = epoch

    def __iter__(self) -> Iterator[Draw]:
        """Draw one pass."""
        number = self._pass
        rng = np.random.default_rng((self._seed, number))
        ends = np.rint(np.cumsum(self._shares) * self._num_samples).astype(int)
        counts = np.diff(ends, prepend=0)
        picks = [
            (source, int(frame))
            for source, count in enumerate(counts)
            for frame in self._frames(rng, source, count)
        ]
        for i, place in enumerate(rng.permutation(len(picks))):
            source, frame = picks[place]
            yield Draw(source, frame, (self._seed, number, i), self._is_gentle())

    def _frames(self, rng: np.random.Generator, source: int, count: int) -> npt.NDArray[np.int64]:
        length = self._lengths[source]
        rounds = [rng.permutation(length) for _ in range(-(-count // length))]
        return np.concatenate([np.empty(0, np.int64), *rounds])[:count]


class DrawnSamples(Dataset[tuple[Tensor, Tensor]]):
    """
    Samples made on demand from draws.

    Parameters
    ----------
    sources : sequence
        The frames of each source.
    size : ImageSize
        The network's input size [px].

    """

    def __init__(self, sources: Sequence[Sequence[LabelledImage]], size: ImageSize) -> None:
        """Keep references to the frames."""
        self._sources = sources
        self._size = size

    def __getitem__(self, draw: Draw) -> tuple[Tensor, Tensor]:
        """Return image uint8 [H, W, 3] in BGR order and ids uint8 [H, W]."""
        rng = np.random.default_rng(draw.seed)
        image, ids = self._sources[draw.source][draw.frame]
        image, ids = augment(image, ids, self._size, rng, gentle=draw.gentle)
        return torch.from_numpy(image), torch.from_numpy(ids)

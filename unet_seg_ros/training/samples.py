"""Draws of training samples from several sources, repeatable from a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from unet_seg_ros.core.geometry import NetworkInput
from unet_seg_ros.training.augmentation import Variation, augment
from unet_seg_ros.training.frames import SourceFrames


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


@dataclass(frozen=True)
class Mixture:
    """
    How the samples of a pass are mixed.

    Attributes
    ----------
    lengths, shares : sequence
        Frames and relative share of each source.
    num_samples : int
        Samples in a pass.
    seed : int
        Decides every draw.
    is_gentle : callable
        Of a source, a pass and the share of it that is drawn, tells whether augmentation shall be
        mild by then.

    """

    lengths: Sequence[int]
    shares: Sequence[float]
    num_samples: int
    seed: int
    is_gentle: Callable[[int, int, float], bool]

    def draw(self, number: int) -> Iterator[Draw]:
        """
        Draw the samples of one pass, each source with its share.

        A source is gone through in shuffled order, and shuffled anew when it is exhausted; a pass
        depends on the seed and its own number alone.
        """
        rng = np.random.default_rng((self.seed, number))
        shares = np.cumsum(self.shares) / np.sum(self.shares)
        counts = np.diff(np.rint(shares * self.num_samples).astype(int), prepend=0)
        picks = [
            (source, int(frame))
            for source, count in enumerate(counts)
            for frame in self._frames(rng, source, count)
        ]
        for i, place in enumerate(rng.permutation(len(picks))):
            source, frame = picks[place]
            gentle = self.is_gentle(source, number, i / self.num_samples)
            yield Draw(source, frame, (self.seed, number, i), gentle)

    def _frames(self, rng: np.random.Generator, source: int, count: int) -> npt.NDArray[np.int64]:
        length = self.lengths[source]
        rounds = [rng.permutation(length) for _ in range(-(-count // length))]
        return np.concatenate([np.empty(0, np.int64), *rounds])[:count]


class PassSampler(Sampler[list[Draw]]):
    """
    Gives the batches of one pass, or one process's part of each.

    Parameters
    ----------
    mixture : Mixture
        Where the draws come from.
    batch_size : int
        Samples of a batch over all processes; draws that do not fill one are left out.
    rank, num_ranks : int
        Which of how many processes this is.
    position : callable
        Asked when batches are wanted: the number of the pass, and how many of its batches were
        done before a resumed training stopped. Loader processes want some before Lightning would
        tell by `set_epoch`.

    """

    def __init__(
        self,
        mixture: Mixture,
        batch_size: int,
        rank: int,
        num_ranks: int,
        position: Callable[[], tuple[int, int]],
    ) -> None:
        """Draw nothing yet."""
        self._mixture = mixture
        self._batch_size = batch_size
        self._rank, self._num_ranks = rank, num_ranks
        self._position = position

    def __len__(self) -> int:
        """Return the number of batches in a pass."""
        return self._mixture.num_samples // self._batch_size

    def __iter__(self) -> Iterator[list[Draw]]:
        """Draw one pass, each batch when it is wanted."""
        number, num_done = self._position()
        draws = self._mixture.draw(number)
        for batch in range(len(self)):
            drawn = list(islice(draws, self._batch_size))
            if batch >= num_done:
                yield drawn[self._rank :: self._num_ranks]


class DrawnSamples(Dataset[tuple[Tensor, Tensor]]):
    """
    Samples made on demand from draws.

    Parameters
    ----------
    sources : sequence of SourceFrames
        What is drawn from.
    network : NetworkInput
        How images come to the network.

    """

    def __init__(self, sources: Sequence[SourceFrames], network: NetworkInput) -> None:
        """Keep references to the frames."""
        self._sources = sources
        self._network = network
        self._variations = [
            Variation(s.source.window, s.source.flip, s.source.bonnet, s.bonnet_tag)
            for s in sources
        ]
        self._possible = [s.labels.possible.astype(np.int32) for s in sources]

    def __getitem__(self, draw: Draw) -> tuple[Tensor, Tensor]:
        """Return image uint8 [H, W, 3] in BGR order and possible classes as bits, int32 [H, W]."""
        rng = np.random.default_rng(draw.seed)
        image, tags = self._sources[draw.source][draw.frame]
        variation = replace(self._variations[draw.source], gentle=draw.gentle)
        image, tags = augment(image, tags, self._network, rng, variation)
        return torch.from_numpy(image), torch.from_numpy(self._possible[draw.source][tags])

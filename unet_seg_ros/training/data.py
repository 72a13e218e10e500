"""The frames of a training, and the loaders that Lightning takes them from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from unet_seg_ros.core.errors import RecordingError
from unet_seg_ros.training.frames import SourceFrames, check_split
from unet_seg_ros.training.recipe import Recipe
from unet_seg_ros.training.samples import DrawnSamples, Mixture, PassSampler


class SegmentationData(lightning.LightningDataModule):
    """
    Training samples and validation frames.

    Parameters
    ----------
    recipe : Recipe
        Batches and mixture.
    sources, validation : sequence of SourceFrames
        As the recipe names them.
    progress : callable
        Gives the share of the training that is done, 0 to 1.
    num_workers : int
        Processes that make samples beside the training; 0 for none.

    Raises
    ------
    RecordingError
        If validation frames are among those that are learned from, or all labels are of one class.

    """

    def __init__(
        self,
        recipe: Recipe,
        sources: Sequence[SourceFrames],
        validation: Sequence[SourceFrames],
        progress: Callable[[], float],
        num_workers: int,
    ) -> None:
        """Check the frames against each other."""
        super().__init__()
        check_split(sources, validation)
        self.recipe = recipe
        self.sources = sources
        self.validation = {frames.name: frames for frames in validation}
        self._progress = progress
        self._num_workers = num_workers
        _check_classes(sources)
        for frames in validation:
            if not frames.class_pixels.any():
                raise RecordingError(
                    f'source {frames.name}: no pixel of a known class to score on; '
                    'is this the tag table of the recording?'
                )

    def train_dataloader(self) -> DataLoader[Any]:
        """Return the loader of this process's part of the batches."""
        recipe, trainer = self.recipe, self.trainer
        assert trainer is not None
        mixture = Mixture(
            [len(frames) for frames in self.sources],
            [source.share for source in recipe.sources],
            recipe.samples_per_pass,
            recipe.seed,
            self._is_gentle,
        )
        sampler = PassSampler(
            mixture,
            recipe.batch_size,
            trainer.global_rank,
            trainer.world_size,
            self._position,
        )
        return DataLoader(
            DrawnSamples(self.sources, recipe.network_input),
            batch_sampler=sampler,
            num_workers=self._num_workers,
            persistent_workers=self._num_workers > 0,
            pin_memory=torch.cuda.is_available(),
        )

    def _position(self) -> tuple[int, int]:
        """Return the number of the pass, and how many of its batches are done."""
        assert self.trainer is not None
        # Of all passes: at the time that loader processes ask, the other counters of a resumed
        # training still stand at the end of the former pass.
        total = self.trainer.fit_loop.epoch_loop.batch_progress.total.ready
        return divmod(total, self.recipe.batches_per_pass)

    def val_dataloader(self) -> DataLoader[Any]:
        """Return the names of the validation sources; their frames differ in size."""
        return DataLoader(list(self.validation), batch_size=None)  # type: ignore[arg-type]

    def _is_gentle(self, source: int, number: int, share: float) -> bool:
        # By the draw's own place where there is no time limit, however early it is drawn.
        progress = max((number + share) / self.recipe.passes, self._progress())
        return progress > 1.0 - self.recipe.sources[source].gentle_end

    def class_weights(self) -> Tensor:
        """Return the weight of each class in the cross-entropy, float [K]."""
        spec, table = self.recipe.loss, self.recipe.class_set.table
        weights = np.array([spec.class_weights.get(name, 1.0) for name in table.names])
        if spec.balance:
            share = sum(
                frames.source.share * frames.class_pixels / max(frames.class_pixels.sum(), 1)
                for frames in self.sources
            )
            # What is rarer, or was not among the counted frames, has a weight with a bound.
            share = np.maximum(np.asarray(share) / np.sum(share), _LEAST_SHARE)
            balance = share**-spec.balance
            weights *= balance / (share * balance).sum()
        return torch.from_numpy(weights.astype(np.float32))

    def summary(self) -> dict[str, Any]:
        """Return what a model tells of its data: frames and drives of each source, its classes."""
        return {
            'training': [_told(frames) for frames in self.sources],
            'validation': [_told(frames) for frames in self.validation.values()],
        }


_LEAST_SHARE = 1e-4


def _told(frames: SourceFrames) -> dict[str, Any]:
    names = frames.labels.table.names
    return {
        'name': frames.name,
        'frames': len(frames),
        'sequences': [] if frames.source.layouts else frames.sequences,
        'classes': [n for n, c in zip(names, frames.class_pixels, strict=True) if c],
    }


def _check_classes(sources: Sequence[SourceFrames]) -> None:
    pixels = sum(frames.class_pixels for frames in sources)
    present = np.flatnonzero(pixels)
    if len(present) < 2:
        names = sources[0].labels.table.names
        found = f'only {names[present[0]]}' if len(present) else 'none of the classes'
        raise RecordingError(
            f'sources {", ".join(f.name for f in sources)}: their labels hold {found}; '
            'is this the tag table of the recording, and its label folder?'
        )

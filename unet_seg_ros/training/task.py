"""What Lightning runs: the loss of a step, the scores after a pass, the state of a checkpoint."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor

from unet_seg_ros.core.errors import UserError
from unet_seg_ros.core.scoring import score_predictions
from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.training.data import SegmentationData
from unet_seg_ros.training.losses import cross_entropy, dice_loss, members, near_boundaries
from unet_seg_ros.training.network import PixelNetwork
from unet_seg_ros.training.recipe import Recipe
from unet_seg_ros.training.run_folder import write_tensors
from unet_seg_ros.training.schedule import Schedule

#: What the best checkpoint is chosen by: the mean over validation sources of their mean IoU.
MEAN_IOU = 'mean_iou'

#: IoU by validation source, then by class.
Scores = dict[str, dict[str, float]]


class DivergedError(UserError):
    """A loss that is no number: the training cannot go on."""


class SegmentationTask(lightning.LightningModule):
    """
    Pixelwise cross-entropy over a ``PixelNetwork``, AdamW, and IoU per class after each pass.

    Parameters
    ----------
    recipe : Recipe
        Network, optimizer and loss.
    schedule : Schedule
        Gives the learning rate; the training ends when it stands at 1.
    class_weights : Tensor
        float [K], the weight of each class in the cross-entropy.
    diverged : Path
        Where the batch is saved on which the loss is no number.

    """

    class_weights: Tensor

    def __init__(
        self, recipe: Recipe, schedule: Schedule, class_weights: Tensor, diverged: Path
    ) -> None:
        """Create the network; its initial weights come from torch's global seed."""
        super().__init__()
        self.recipe = recipe
        self.schedule = schedule
        self.network = PixelNetwork(recipe.network, len(recipe.class_set.table))
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.scores: Scores = {}
        self._diverged = diverged
        self.register_buffer('class_weights', class_weights, persistent=False)

    @property
    def data(self) -> SegmentationData:
        """The frames that are learned from and scored on."""
        data: SegmentationData = self.trainer.datamodule  # type: ignore[attr-defined]
        return data

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return AdamW at the peak learning rate."""
        return torch.optim.AdamW(
            self.network.parameters(),
            lr=self.recipe.learning_rate,
            weight_decay=self.recipe.weight_decay,
            fused=True,
        )

    def on_train_start(self) -> None:
        """Start the clock of the time limit."""
        self.schedule.start(self.global_step)

    def on_train_batch_start(self, batch: object, batch_idx: int) -> None:
        """Set the learning rate of the coming step; stop where the schedule has ended."""
        del batch, batch_idx
        self.schedule.advance(self.global_step)
        if self.trainer.world_size > 1 and self.schedule.max_seconds < math.inf:
            # One rate and one end for all processes, whichever clock is ahead.
            progress = torch.tensor(self.schedule.progress, device=self.device)
            self.schedule.progress = float(self.trainer.strategy.reduce(progress, reduce_op='max'))
        self.trainer.should_stop = self.schedule.progress >= 1.0
        for group in self.trainer.optimizers[0].param_groups:
            group['lr'] = self.recipe.learning_rate * self.schedule.learning_rate_factor

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """
        Return the loss of one batch.

        Parameters
        ----------
        batch : tuple of Tensor
            Images uint8 [N, H, W, 3] and the classes that pixels may be, as bits, int32 [N, H, W].
        batch_idx : int
            Number of the batch in its pass.

        Raises
        ------
        DivergedError
            If the loss is not finite; the batch is saved before.

        """
        images, possible = batch
        logits = self.network(images)
        with torch.autocast(self.device.type, enabled=False):
            loss = self._loss(logits.float(), possible)
        if not torch.isfinite(loss):
            batch_of_it = {'images': images.cpu(), 'possible': possible.cpu()}
            write_tensors(self._diverged, batch_of_it)
            raise DivergedError(
                f'the loss is {loss.item()} in pass {self.current_epoch + 1}, batch {batch_idx} '
                f'(saved as {self._diverged}); lower learning_rate in the recipe'
            )
        self.log(
            'loss',
            loss,
            prog_bar=True,
            on_step=False,
            on_epoch=True,
            batch_size=len(images),
            sync_dist=self.trainer.world_size > 1,
        )
        return loss

    def _loss(self, logits_nkhw: Tensor, possible_nhw: Tensor) -> Tensor:
        spec = self.recipe.loss
        may_be = members(possible_nhw, logits_nkhw.shape[1])
        pixel_weights: Tensor | float = 1.0
        if spec.boundary:
            pixel_weights = 1.0 + spec.boundary * near_boundaries(possible_nhw)
        loss = cross_entropy(
            logits_nkhw, may_be, self.class_weights, pixel_weights, self._mean_of_processes
        )
        return loss + spec.dice * dice_loss(logits_nkhw, may_be) if spec.dice else loss

    def _mean_of_processes(self, value: Tensor) -> Tensor:
        if self.trainer.world_size == 1:
            return value
        mean: Tensor = self.trainer.strategy.reduce(value.clone(), reduce_op='mean')
        return mean

    def predict(self, images_nhwc: ByteArray) -> ByteArray:
        """Return the class ids, uint8 [N, H, W], of images as the exported graph takes them."""
        logits = self.network(torch.from_numpy(images_nhwc).to(self.device))
        ids: ByteArray = logits.argmax(1).cpu().numpy().astype(np.uint8)
        return ids

    def validation_step(self, batch: str, batch_idx: int) -> None:
        """Score one validation source, given by its name, at its labels' own resolution."""
        del batch_idx
        frames, classes = self.data.validation[batch], self.recipe.class_set
        share = (frames[i] for i in range(self.global_rank, len(frames), self.trainer.world_size))
        matrix = score_predictions(self.predict, self.recipe.network_input, frames.labels, share)
        counts = torch.from_numpy(matrix.counts).to(self.device)
        matrix.counts = self.trainer.strategy.reduce(counts, reduce_op='sum').cpu().numpy()
        self.scores[batch] = {
            **matrix.iou(),
            'drivable': matrix.group_iou(classes.drivable),
            'mean': matrix.mean_iou(),
        }
        self.log_dict(
            {f'{batch}/{name}': iou for name, iou in self.scores[batch].items()}, batch_size=1
        )

    def on_validation_epoch_end(self) -> None:
        """Log the figure by which the best checkpoint is chosen."""
        self.log(MEAN_IOU, float(np.nanmean([s['mean'] for s in self.scores.values()])))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what an export needs besides the weights, as plain values."""
        checkpoint['recipe'] = self.recipe.to_dict()
        checkpoint['scores'] = {name: dict(iou) for name, iou in self.scores.items()}
        checkpoint['data'] = self.data.summary()

"""One training from its recipe to the checkpoints in its run folder."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import Callback, ProgressBar

from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.training.averaging import MovingAverage
from unet_seg_ros.training.checkpoint import LAST, check_resumable
from unet_seg_ros.training.data import SegmentationData
from unet_seg_ros.training.frames import Progress, SourceFrames, load_source
from unet_seg_ros.training.interrupt import StopOnInterrupt
from unet_seg_ros.training.memory import keep_freed_memory
from unet_seg_ros.training.recipe import Recipe
from unet_seg_ros.training.report import MetricsFile
from unet_seg_ros.training.resuming import Checkpoint, EarlyStop
from unet_seg_ros.training.run_folder import WholeCheckpoints, write_provenance, writing_to
from unet_seg_ros.training.schedule import Schedule
from unet_seg_ros.training.source import Source
from unet_seg_ros.training.task import MEAN_IOU, SegmentationTask
from unet_seg_ros.training.unet import check_input_size


@dataclass(frozen=True)
class RunOptions:
    """
    What differs between two trainings with one recipe.

    Attributes
    ----------
    data_root : Path
        Where the recipe's relative folders start.
    output : Path
        The run folder: checkpoints, ``metrics.csv``, ``recipe.yaml``, ``environment.json``.
    cache : Path
        Where rendered scenes and decoded frames are kept.
    max_minutes : float or None
        Time limit of the training itself; the learning rate falls to zero within it.
    resume : bool
        Go on from the run folder's last checkpoint.
    num_workers : int
        Processes that make samples beside the training; 0 for none.

    """

    data_root: Path
    output: Path
    cache: Path
    max_minutes: float | None = None
    resume: bool = False
    num_workers: int = 0


def train(
    recipe: Recipe, options: RunOptions, progress: Progress, callbacks: Sequence[Callback] = ()
) -> SegmentationTask:
    """
    Train, and leave the best and the last checkpoint in the run folder.

    Under ``torchrun`` this is one of several processes that share each batch.

    Parameters
    ----------
    recipe : Recipe
        What to train on and how.
    options : RunOptions
        Folders, time limit, and whether to resume.
    progress : callable
        Told of the frames as they are loaded.
    callbacks : sequence
        Lightning callbacks, such as a progress bar.

    Raises
    ------
    UserError
        If the recipe or the data cannot be used, the run folder holds another training or cannot
        be written, or the loss diverges.
    KeyboardInterrupt
        If the user interrupts; the last checkpoint is written before.

    """
    check_input_size(recipe.input, recipe.network.depth)
    num_ranks = int(os.environ.get('WORLD_SIZE', 1))
    if recipe.batch_size % num_ranks:
        raise ConfigurationError(
            f'batch_size {recipe.batch_size} cannot be divided among {num_ranks} processes'
        )
    keep_freed_memory()
    _check_run_folder(recipe, options)
    with writing_to(options.output):
        write_provenance(recipe, options.output)

    def load(source: Source) -> SourceFrames:
        classes = recipe.class_set
        return load_source(source, classes, options.data_root, options.cache, progress)

    # What may be mistaken comes before what takes long: recordings before scenes to be rendered.
    order = sorted((*recipe.validation, *recipe.sources), key=lambda s: bool(s.layouts))
    loaded = {source: load(source) for source in order}
    schedule = Schedule(recipe.num_steps, recipe.warm_up, options.max_minutes)
    data = SegmentationData(
        recipe,
        [loaded[source] for source in recipe.sources],
        [loaded[source] for source in recipe.validation],
        lambda: schedule.progress,
        options.num_workers,
    )
    lightning.seed_everything(recipe.seed, verbose=False)
    diverged = options.output / 'diverged_batch.pt'
    task = SegmentationTask(recipe, schedule, data.class_weights(), diverged)
    with writing_to(options.output), warnings.catch_warnings():
        for message in _EXPECTED_WARNINGS:
            warnings.filterwarnings('ignore', message)
        _fit(task, data, options, callbacks)
    return task


_EXPECTED_WARNINGS = (
    # Making a sample costs a fraction of its step; --workers is there where it does not.
    '.*does not have many workers.*',
    # Lightning 2.6 asks torch 2.13 in a way that torch calls outdated.
    '.*LeafSpec.*',
    # The run folder was looked at before.
    '.*exists and is not empty.*',
    # A pass that is resumed in its middle goes on where it stopped: see PassSampler.
    '.*resuming from a checkpoint that ended before the epoch.*',
)


def _fit(
    task: SegmentationTask,
    data: SegmentationData,
    options: RunOptions,
    callbacks: Sequence[Callback],
) -> None:
    logging.getLogger('lightning.pytorch').setLevel(logging.WARNING)
    recipe = task.recipe
    local_ranks = int(os.environ.get('LOCAL_WORLD_SIZE', 1))
    num_ranks = int(os.environ.get('WORLD_SIZE', 1))
    trainer = lightning.Trainer(
        accelerator='auto',
        devices=local_ranks,
        num_nodes=num_ranks // local_ranks,
        strategy='ddp' if num_ranks > 1 else 'auto',
        use_distributed_sampler=False,
        # torch has it for GPUs only; on CPUs each process normalises its own part of a batch.
        sync_batchnorm=num_ranks > 1 and torch.cuda.is_available(),
        precision=recipe.precision,
        max_epochs=recipe.passes,
        accumulate_grad_batches=recipe.accumulate,
        callbacks=[*callbacks, *_callbacks(recipe, options)],
        plugins=[WholeCheckpoints()],
        logger=False,
        num_sanity_val_steps=0,
        enable_progress_bar=any(isinstance(c, ProgressBar) for c in callbacks),
        enable_model_summary=False,
    )
    resume_from = options.output / LAST if options.resume else None
    try:
        trainer.fit(task, datamodule=data, ckpt_path=resume_from, weights_only=True)
    except SystemExit as e:
        # Lightning turns Ctrl-C into an exit of the process; what to say is the caller's choice.
        raise KeyboardInterrupt from e


def _callbacks(recipe: Recipe, options: RunOptions) -> list[Callback]:
    best = Checkpoint(
        options.output, 'best', monitor=MEAN_IOU, mode='max', enable_version_counter=False
    )
    last = Checkpoint(options.output, 'last', enable_version_counter=False)
    callbacks: list[Callback] = []
    if recipe.ema_decay:
        callbacks.append(MovingAverage(recipe.ema_decay))
    if recipe.patience:
        callbacks.append(EarlyStop(MEAN_IOU, patience=recipe.patience, mode='max'))
    interrupt = StopOnInterrupt(options.output / LAST)
    return [*callbacks, MetricsFile(options.output / 'metrics.csv'), best, last, interrupt]


def _check_run_folder(recipe: Recipe, options: RunOptions) -> None:
    last = options.output / LAST
    if options.resume:
        check_resumable(last, recipe)
    elif last.is_file():
        raise ConfigurationError(
            f'run folder {options.output}: holds a training already; '
            'add --resume or choose another --output'
        )

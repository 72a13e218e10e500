"""One training from its recipe to the checkpoints in its run folder."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import lightning
import yaml
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, ProgressBar
from torch.utils.data import DataLoader

from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.training.frames import LabelledImage, Progress, load_source
from unet_seg_ros.training.memory import keep_freed_memory
from unet_seg_ros.training.recipe import Recipe, Source
from unet_seg_ros.training.report import MetricsFile
from unet_seg_ros.training.samples import DrawnSamples, MixedSampler
from unet_seg_ros.training.schedule import Schedule
from unet_seg_ros.training.task import MEAN_IOU, SegmentationTask
from unet_seg_ros.training.unet import check_input_size

BEST = 'best.ckpt'
LAST = 'last.ckpt'


@dataclass(frozen=True)
class RunOptions:
    """
    What differs between two trainings with one recipe.

    Attributes
    ----------
    data_root : Path
        Where the recipe's relative folders start.
    output : Path
        The run folder: checkpoints, ``metrics.csv``, ``recipe.yaml``.
    cache : Path
        Where rendered scenes are kept.
    max_minutes : float or None
        Time limit of the training itself; the learning rate falls to zero within it.
    resume : bool
        Go on from the run folder's last checkpoint.

    """

    data_root: Path
    output: Path
    cache: Path
    max_minutes: float | None = None
    resume: bool = False


class KeepLastOnInterrupt(Callback):
    """Write the last checkpoint when the user interrupts."""

    def __init__(self, path: Path) -> None:
        """Remember where to write."""
        self._path = path

    def on_exception(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        exception: BaseException,
    ) -> None:
        """Write it; any other exception leaves the last checkpoint as it was."""
        del pl_module
        if isinstance(exception, KeyboardInterrupt):
            trainer.save_checkpoint(self._path)


def train(
    recipe: Recipe, options: RunOptions, progress: Progress, callbacks: Sequence[Callback] = ()
) -> SegmentationTask:
    """
    Train, and leave the best and the last checkpoint in the run folder.

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
        If the recipe or the data cannot be used, the run folder holds another training, or the
        loss diverges.
    KeyboardInterrupt
        If the user interrupts; the last checkpoint is written before.

    """
    check_input_size(recipe.input, recipe.network.depth)
    keep_freed_memory()
    _prepare_run_folder(recipe, options)

    def load(source: Source) -> list[LabelledImage]:
        return load_source(source, options.data_root, options.cache, progress)

    sources = [load(source) for source in recipe.sources]
    validation = {source.name: load(source) for source in recipe.validation}
    lightning.seed_everything(recipe.seed, verbose=False)
    steps = recipe.passes * -(-recipe.samples_per_pass // recipe.batch_size)
    task = SegmentationTask(
        recipe, Schedule(steps, recipe.warm_up, options.max_minutes), validation
    )
    with warnings.catch_warnings():
        # Lightning advises more loader processes; making a sample costs a fraction of its step.
        warnings.filterwarnings('ignore', '.*does not have many workers.*')
        # Lightning 2.6 asks torch 2.13 in a way that torch calls outdated.
        warnings.filterwarnings('ignore', '.*LeafSpec.*')
        # The run folder was looked at above.
        warnings.filterwarnings('ignore', '.*exists and is not empty.*')
        _fit(task, sources, options, callbacks)
    return task


def _sample_loader(
    task: SegmentationTask, sources: Sequence[Sequence[LabelledImage]]
) -> DataLoader[object]:
    recipe = task.recipe
    sampler = MixedSampler(
        [len(frames) for frames in sources],
        [source.share for source in recipe.sources],
        recipe.samples_per_pass,
        recipe.seed,
        lambda: task.schedule.progress > 1.0 - recipe.gentle_end,
    )
    return DataLoader(DrawnSamples(sources, recipe.input), recipe.batch_size, sampler=sampler)


def _records(options: RunOptions) -> list[Callback]:
    best = ModelCheckpoint(
        options.output, 'best', monitor=MEAN_IOU, mode='max', enable_version_counter=False
    )
    last = ModelCheckpoint(options.output, 'last', enable_version_counter=False)
    metrics = MetricsFile(options.output / 'metrics.csv')
    return [metrics, best, last, KeepLastOnInterrupt(options.output / LAST)]


def _fit(
    task: SegmentationTask,
    sources: Sequence[Sequence[LabelledImage]],
    options: RunOptions,
    callbacks: Sequence[Callback],
) -> None:
    logging.getLogger('lightning.pytorch').setLevel(logging.WARNING)
    trainer = lightning.Trainer(
        accelerator='auto',
        devices=1,
        precision='bf16-mixed',
        max_epochs=task.recipe.passes,
        callbacks=[*callbacks, *_records(options)],
        logger=False,
        num_sanity_val_steps=0,
        enable_progress_bar=any(isinstance(c, ProgressBar) for c in callbacks),
        enable_model_summary=False,
    )
    names: DataLoader[str] = DataLoader(list(task.validation), batch_size=None)  # type: ignore[arg-type]
    resume_from = options.output / LAST if options.resume else None
    try:
        trainer.fit(
            task, _sample_loader(task, sources), names, ckpt_path=resume_from, weights_only=True
        )
    except SystemExit as e:
        # Lightning turns Ctrl-C into an exit of the process; what to say is the caller's choice.
        raise KeyboardInterrupt from e


def _prepare_run_folder(recipe: Recipe, options: RunOptions) -> None:
    last = options.output / LAST
    if options.resume and not last.is_file():
        raise ConfigurationError(f'run folder {options.output}: no {LAST} to resume from')
    if last.is_file() and not options.resume:
        raise ConfigurationError(
            f'run folder {options.output}: holds a training already; '
            'add --resume or choose another --output'
        )
    options.output.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(recipe.to_dict(), sort_keys=False)
    (options.output / 'recipe.yaml').write_text(text, encoding='utf-8')

"""The two trainers, each to be run in a process of its own: the peer's as it is, and ours."""

from __future__ import annotations

import copy
import importlib
import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import cv2
import torch
from lightning.pytorch.callbacks import Callback

from unet_seg_ros.core.class_sets import ROAD_CLASSES
from unet_seg_ros.core.classes import TAG_TABLES
from unet_seg_ros.core.scoring import score_predictions
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.recordings.recording import open_recording
from unet_seg_ros.training.checkpoint import LAST, load_checkpoint
from unet_seg_ros.training.network import PixelNetwork
from unet_seg_ros.training.recipe import recipe_from_dict
from unet_seg_ros.training.report import LoadingBar, terminal_report
from unet_seg_ros.training.session import RunOptions, train

NUM_CLASSES = len(ROAD_CLASSES.table)

#: More epochs and passes than any time holds, so that the clock ends both trainings.
ENDLESS = 1_000_000


@dataclass(frozen=True)
class Task:
    """What both are given; `folder` is temporary and holds the frames in the peer's layout."""

    peer: Path
    data: Path
    tags: int | str
    size: ImageSize
    minutes: float
    folder: Path

    @property
    def recipe(self):
        """Ours: the peer's network, and otherwise the defaults."""
        source = {'tags': self.tags, 'licence': 'not asked for'}
        return recipe_from_dict(
            {
                'name': 'peer',
                'input': str(self.size),
                'network': {'base_channels': 64, 'depth': 4, 'batch_norm': True},
                'sources': [{'name': 'train', 'folder': 'train', **source}],
                'validation': [{'name': 'val', 'folder': 'val', **source}],
                'passes': ENDLESS,
            }
        )


@dataclass(frozen=True)
class Outcome:
    """What a training gave; `settings` is what it says of itself."""

    clock: Clock
    settings: dict
    num_parameters: int
    iou: dict
    mean_iou: float


class Clock:
    """Notes when each step was done, counting those that began within the time."""

    def __init__(self, minutes):
        self.budget_s = 60.0 * minutes
        self.images, self.steps_s = [], []
        self.elapsed_s = self.evaluation_s = self.cpu_s = 0.0

    def start(self):
        self._start_s, self._start_cpu_s = time.monotonic(), time.process_time()

    @property
    def is_over(self):
        return self.elapsed_s >= self.budget_s

    def note_step(self, num_images):
        if not self.is_over:
            self._advance(time.monotonic() - self._start_s)
            self.images.append(num_images)
            self.steps_s.append(self.elapsed_s)

    def note_evaluation(self):
        """Note that what came since the last step was an evaluation; it may outlast the time."""
        if not self.is_over:
            before_s = self.elapsed_s
            self._advance(min(time.monotonic() - self._start_s, self.budget_s))
            self.evaluation_s += self.elapsed_s - before_s

    def images_per_s(self):
        return sum(self.images) / self.elapsed_s

    def steady_images_per_s(self):
        """Leave out the evaluations, and the first step, in which loaders and kernels start."""
        steady_s = self.elapsed_s - self.steps_s[0] - self.evaluation_s
        return sum(self.images[1:]) / steady_s if self.images[1:] else float('nan')

    def _advance(self, to_s):
        self.elapsed_s = to_s
        self.cpu_s = time.process_time() - self._start_cpu_s


class TimeIsUpError(Exception):
    """Ends the peer's loop."""


class Experiment:
    """Stands in for a run on wandb, which the peer tells of every step and every evaluation."""

    def __init__(self, model, clock):
        self.config, self.weights = {}, None
        self._model, self._clock = model, clock

    def init(self, **_):
        self._clock.start()
        return self

    def log(self, figures):
        if self.weights is not None:
            # The peer catches this where it tells of an evaluation, not where of a step.
            raise TimeIsUpError
        if 'validation Dice' in figures:
            self._clock.note_evaluation()
        else:
            self._clock.note_step(self.config['batch_size'])
        if self._clock.is_over:
            self.weights = copy.deepcopy(self._model.state_dict())


def run_peer(task, amp):
    """Run the peer's own `train_model`, as its train.py calls it, and score the result."""
    # Where the peer looks for data/imgs and data/masks, and writes its checkpoints.
    os.chdir(task.folder)
    sys.path.insert(0, str(task.peer))
    wandb = _stand_in('wandb')
    for name in ('torchvision', 'torchvision.transforms', 'torchvision.transforms.functional'):
        _stand_in(name)
    trainer = importlib.import_module('train')
    model = trainer.UNet(n_channels=3, n_classes=NUM_CLASSES, bilinear=False)
    model = model.to(memory_format=torch.channels_last)
    _check_same_network(model, PixelNetwork(task.recipe.network, NUM_CLASSES))
    clock = Clock(task.minutes)
    experiment = Experiment(model, clock)
    wandb.init, wandb.Histogram, wandb.Image = experiment.init, _ignore, _ignore
    with suppress(TimeIsUpError):
        trainer.train_model(model, torch.device('cpu'), epochs=ENDLESS, img_scale=1.0, amp=amp)
    model.load_state_dict(experiment.weights)
    model.eval()
    from PIL import Image

    def predict(images):
        rgb = Image.fromarray(cv2.cvtColor(images[0], cv2.COLOR_BGR2RGB))
        x = trainer.BasicDataset.preprocess(None, rgb, 1.0, is_mask=False)
        return _ids(model(torch.from_numpy(x).float().unsqueeze(0)))

    return _outcome(task, clock, experiment.config, model, predict)


def run_ours(task):
    """Train as `unet-seg train --max-minutes` does, and score the result."""
    clock, recipe, output = Clock(task.minutes), task.recipe, task.folder / 'ours'
    options = RunOptions(task.data, output, task.folder / 'cache', max_minutes=task.minutes)
    with LoadingBar() as bar:
        train(recipe, options, bar.show, [*terminal_report(), _ClockCallback(clock)])
    network = load_checkpoint(output / LAST).network
    keys = ('batch_size', 'learning_rate', 'weight_decay', 'ema_decay', 'precision')
    settings = {key: getattr(recipe, key) for key in keys}
    return _outcome(
        task, clock, settings, network, lambda images: _ids(network(torch.from_numpy(images)))
    )


class _ClockCallback(Callback):
    def __init__(self, clock):
        self._clock = clock

    def on_train_start(self, trainer, pl_module):
        self._clock.start()

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self._clock.note_step(len(batch[0]))

    def on_validation_end(self, trainer, pl_module):
        self._clock.note_evaluation()


def _stand_in(name):
    # Empty: an import of it works, and no use of it goes unnoticed.
    module = sys.modules[name] = ModuleType(name)
    parent, _, child = name.rpartition('.')
    if parent:
        setattr(sys.modules[parent], child, module)
    return module


def _ignore(values):
    del values


def _check_same_network(theirs, ours):
    shapes = [sorted(tuple(p.shape) for p in model.parameters()) for model in (theirs, ours)]
    if shapes[0] != shapes[1]:
        raise SystemExit('the two networks differ in their parameters: nothing to compare')


def _ids(logits_nkhw):
    return logits_nkhw.argmax(1).numpy().astype('uint8')


@torch.inference_mode()
def _outcome(task, clock, settings, model, predict):
    frames = open_recording(task.data / 'val', TAG_TABLES[task.tags])
    matrix = score_predictions(predict, task.size, ROAD_CLASSES.labels(task.tags), frames)
    num_parameters = sum(p.numel() for p in model.parameters())
    return Outcome(clock, settings, num_parameters, matrix.iou(), matrix.mean_iou())

"""What a training tells whoever watches it."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback, TQDMProgressBar
from tqdm import tqdm

from unet_seg_ros.training.run_folder import write_whole
from unet_seg_ros.training.task import MEAN_IOU, SegmentationTask


class PassReport(Callback):
    """
    Tells the loss and the IoU per class after each pass.

    Parameters
    ----------
    write : callable
        Takes the text, several lines.

    """

    def __init__(self, write: Callable[[str], None]) -> None:
        """Start without a best score."""
        self._write = write
        self._best = 0.0

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Write the table; scores are taken before a pass ends."""
        assert isinstance(pl_module, SegmentationTask)
        if not trainer.is_global_zero:
            return
        figures = trainer.callback_metrics
        mean = float(figures[MEAN_IOU])
        best = ', best so far' if mean > self._best else ''
        self._best = max(self._best, mean)
        lines = [
            f'pass {trainer.current_epoch + 1} of {trainer.max_epochs}: '
            f'loss {float(figures["loss"]):.4f}, mean IoU {mean:.4f}{best}'
        ]
        for source, scores in pl_module.scores.items():
            cells = '  '.join(f'{name} {iou:.4f}' for name, iou in scores.items())
            lines.append(f'  {source}: {cells}')
        self._write('\n'.join(lines))


class MetricsFile(Callback):
    """
    Adds one row per pass to a CSV file.

    Its columns: learning rate, seconds since the training began or was resumed, loss, mean IoU,
    and each ``source/class`` IoU.

    Parameters
    ----------
    path : Path
        The file; a resumed training appends to it.

    """

    def __init__(self, path: Path) -> None:
        """Remember where to write."""
        self._path = path
        self._start_s = time.monotonic()

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Drop rows of passes that are done again: their checkpoint was not written."""
        del pl_module
        if trainer.is_global_zero and self._path.exists():
            head, *rows = self._path.read_text(encoding='utf-8').splitlines(keepends=True)
            done = [row for row in rows if int(row.split(',', 1)[0]) <= trainer.current_epoch]
            if len(done) < len(rows):
                write_whole(self._path, ''.join([head, *done]).encode())

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Append the row."""
        assert isinstance(pl_module, SegmentationTask)
        if not trainer.is_global_zero:
            return
        figures = {name: float(value) for name, value in trainer.callback_metrics.items()}
        figures['learning_rate'] = trainer.optimizers[0].param_groups[0]['lr']
        figures['seconds'] = time.monotonic() - self._start_s
        names = [
            'learning_rate',
            'seconds',
            'loss',
            MEAN_IOU,
            *sorted(name for name in figures if '/' in name),
        ]
        is_new = not self._path.exists()
        with self._path.open('a', newline='', encoding='utf-8') as file:
            rows = csv.writer(file)
            if is_new:
                rows.writerow(['pass', *names])
            rows.writerow([trainer.current_epoch + 1, *(f'{figures[n]:.6g}' for n in names)])


def terminal_report() -> list[Callback]:
    """Return a progress bar of each pass, and the table after it, for a terminal."""
    return [TQDMProgressBar(refresh_rate=10), PassReport(tqdm.write)]


class LoadingBar:
    """A progress bar for each thing that is loaded, one after the other."""

    def __init__(self) -> None:
        """Show nothing yet."""
        self._bar: tqdm[Any] | None = None

    def __enter__(self) -> LoadingBar:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar away."""
        self._close()

    def show(self, what: str, done: int, total: int) -> None:
        """Show that `done` of `total` are done."""
        bar = self._bar
        if bar is None or bar.desc != what:
            self._close()
            bar = self._bar = tqdm(desc=what, total=total, leave=False)
        bar.update(done + 1 - bar.n)
        if done + 1 == total:
            self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

"""Ctrl-C in a training: the step that runs is finished and kept, so that nothing is lost."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback


class StopOnInterrupt(Callback):
    """
    Write the last checkpoint between two steps when the user interrupts, then end.

    In the middle of a step neither the weights nor the counters are what a resumed training could
    go on from exactly. A second Ctrl-C ends at once.

    Parameters
    ----------
    path : Path
        The checkpoint to write.

    """

    def __init__(self, path: Path) -> None:
        """Remember where to write; no signal is caught before the training starts."""
        self._path = path
        self._is_asked = False
        self._former: Any = None

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._is_asked:
            signal.default_int_handler(number, frame)
        self._is_asked = True

    def on_train_start(self, trainer: lightning.Trainer, *_: Any) -> None:
        """Catch Ctrl-C from here on."""
        del trainer
        if threading.current_thread() is threading.main_thread():
            self._former = signal.signal(signal.SIGINT, self._on_signal)

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """
        Write the checkpoint if asked to, after a step; the end of a pass writes its own.

        Raises
        ------
        KeyboardInterrupt
            After it is written, in all processes at the same step.

        """
        del pl_module, outputs, batch
        is_step = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        # Asking all processes is a message to each: not after every step where there are several.
        is_due = trainer.world_size == 1 or trainer.global_step % 10 == 0
        if is_step and is_due and not trainer.is_last_batch and self._all_asked(trainer):
            trainer.save_checkpoint(self._path)
            raise KeyboardInterrupt

    def on_train_epoch_start(self, trainer: lightning.Trainer, *_: Any) -> None:
        """
        End between two passes if asked to.

        Raises
        ------
        KeyboardInterrupt
            In all processes.

        """
        if self._all_asked(trainer):
            raise KeyboardInterrupt

    def _all_asked(self, trainer: lightning.Trainer) -> bool:
        return trainer.strategy.reduce_boolean_decision(self._is_asked, all=False)

    def teardown(self, *_: Any, **__: Any) -> None:
        """Leave Ctrl-C as it was."""
        if self._former is not None:
            signal.signal(signal.SIGINT, self._former)
            self._former = None

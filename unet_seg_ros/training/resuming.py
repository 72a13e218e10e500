"""Lightning's callbacks, where they would resume otherwise than a user expects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint


class EarlyStop(EarlyStopping):
    """Stops by the patience of the recipe that is resumed with, not by the one begun with."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the best score and how long it has stood."""
        super().load_state_dict({**state_dict, 'patience': self.patience})


class Checkpoint(ModelCheckpoint):
    """Knows its best score again, also in a run folder that was moved."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the scores; the files lie where this training writes."""
        super().load_state_dict(
            {
                **state_dict,
                'dirpath': self.dirpath,
                'best_model_path': self._here(state_dict['best_model_path']),
                'kth_best_model_path': self._here(state_dict['kth_best_model_path']),
                'last_model_path': self._here(state_dict['last_model_path']),
                'best_k_models': {
                    self._here(path): score for path, score in state_dict['best_k_models'].items()
                },
            }
        )

    def _here(self, path: str) -> str:
        return str(Path(str(self.dirpath)) / Path(path).name) if path else path

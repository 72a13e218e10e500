"""What a page tells of a training besides its figures."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from unet_seg_ros.training.checkpoint import Trained
from unet_seg_ros.training.results.page import LEARNED_FROM, NAME


def about_run(run_folder: Path, trained: Trained) -> dict[str, str]:
    """
    Return what is known of a training, text by label, as `write_results` takes it.

    Parameters
    ----------
    run_folder : Path
        Its ``environment.json`` tells what it ran on, if it is there.
    trained : Trained
        The checkpoint that is reported on.

    """
    recipe = trained.recipe
    path = run_folder / 'environment.json'
    # The last of the trainings that went into the folder.
    environment = json.loads(path.read_text(encoding='utf-8'))[-1] if path.is_file() else {}
    return {
        NAME: recipe.name,
        LEARNED_FROM: ', '.join(source.name for source in recipe.sources),
        'classes': f'{recipe.classes}: {", ".join(recipe.class_set.table.names)}',
        'input': f'{recipe.input} px',
        'weights': f'pass {trained.passes} of {recipe.passes}, {trained.steps} steps',
        **{key.replace('_', ' '): _words(value) for key, value in environment.items() if value},
        'recipe': yaml.safe_dump(recipe.to_dict(), sort_keys=False),
    }


def _words(value: object) -> str:
    return ', '.join(map(str, value)) if isinstance(value, list) else str(value)

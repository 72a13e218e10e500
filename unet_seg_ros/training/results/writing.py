"""From assessments to the files of a run folder."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from unet_seg_ros.core.errors import ConfigurationError, one_line
from unet_seg_ros.training.findings import Assessment
from unet_seg_ros.training.results.charts import charts
from unet_seg_ros.training.results.curves import curves, read_metrics
from unet_seg_ros.training.results.page import NAME, Section, page
from unet_seg_ros.training.results.theme import Drawing, render
from unet_seg_ros.training.run_folder import write_whole


def write_results(
    run_folder: Path, assessments: Mapping[str, Assessment], about: Mapping[str, str]
) -> Path:
    """
    Write ``report.html``, ``assessment.json`` and ``figures/*.png`` into a run folder.

    Parameters
    ----------
    run_folder : Path
        The folder of the training; its ``metrics.csv`` gives the learning curves, if it is there.
    assessments : mapping
        By validation source, of the same classes.
    about : mapping
        What is told about the training, text by label, in this order; ``name`` becomes the
        heading, ``learned from`` stands below it, and what has several lines is shown as it is.

    Returns
    -------
    Path
        The page. Each file is whole at any time: it replaces an older one at once.

    Raises
    ------
    ConfigurationError
        If the folder cannot be written.

    """
    sections = _sections(run_folder, assessments)
    plain = {source: found.to_dict() for source, found in assessments.items()}
    told = {NAME: run_folder.resolve().name, **about}
    figures = run_folder / 'figures'

    def picture_of(drawing: Drawing, theme: str) -> bytes:
        png = render(drawing, theme)
        if theme == 'light':
            write_whole(figures / f'{drawing.name}.png', png)
        return png

    path = run_folder / 'report.html'
    try:
        figures.mkdir(parents=True, exist_ok=True)
        write_whole(
            run_folder / 'assessment.json', f'{json.dumps(plain, allow_nan=False)}\n'.encode()
        )
        write_whole(path, page(told, assessments, sections, picture_of).encode())
    except OSError as e:
        raise ConfigurationError(
            f'run folder {run_folder}: cannot be written ({one_line(e)})'
        ) from e
    return path


def _sections(run_folder: Path, assessments: Mapping[str, Assessment]) -> list[Section]:
    sources = list(assessments)

    def slug_of(source: str) -> str:
        words = re.sub(r'[^a-z0-9]+', '-', source.lower()).strip('-')
        # The number tells apart what differs in other characters only.
        return f'{sources.index(source) + 1}-{words}' if source in sources else words

    tables = [found.classes.table for found in assessments.values()]
    lines = curves(read_metrics(run_folder / 'metrics.csv'), tables[0], slug_of) if tables else {}
    sections = [Section('The training', lines.get('', []))]
    for source, found in assessments.items():
        drawings = [*lines.get(source, []), *charts(source, found, slug_of(source))]
        # What takes the whole width comes last, so that the others stand in pairs.
        sections.append(Section(source, sorted(drawings, key=lambda d: d.is_wide)))
    return [section for section in sections if section.drawings]

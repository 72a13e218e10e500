"""All of a report: the temperature, an assessment of each source, the files."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from unet_seg_ros.training.assessment import Candidate, LabelledFrames, assess, fit_temperature
from unet_seg_ros.training.frames import Progress
from unet_seg_ros.training.results.writing import write_results


def report_run(
    run_folder: Path,
    candidate: Candidate,
    sources: Sequence[LabelledFrames],
    about: Mapping[str, str],
    progress: Progress,
) -> Path:
    """
    Assess a network on validation frames and write what is found into its run folder.

    Parameters
    ----------
    run_folder : Path
        Where `write_results` writes.
    candidate : Candidate
        The network; the temperature that fits all sources together takes the place of its own.
    sources : sequence of LabelledFrames
        The validation frames.
    about : mapping
        As in `write_results`.
    progress : callable
        Told of the frames.

    Returns
    -------
    Path
        The page.

    """
    temperature = fit_temperature(candidate, sources, progress)
    candidate = dataclasses.replace(candidate, temperature=temperature)
    assessments = {source.name: assess(candidate, source, progress) for source in sources}
    return write_results(run_folder, assessments, about)

"""What a run leaves for the reader: all files at once, or none."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import cv2

from unet_seg_ros.core.contract import ModelContract
from unet_seg_ros.demo.environment import describe_machine
from unet_seg_ros.demo.figures import Figures
from unet_seg_ros.demo.page import Report, render
from unet_seg_ros.demo.pictures import montage, write_animation
from unet_seg_ros.demo.processes import ProcessError
from unet_seg_ros.demo.session import Traces
from unet_seg_ros.demo.sources import RenderedDrive, Source

ANIMATION, MONTAGE, PAGE, DATA = 'overlay.webp', 'montage.png', 'report.html', 'report.json'

_INTRODUCTION = (
    'A camera source, the ROS 2 segmentation node and an observer ran as three processes that '
    'talked over DDS. Every frame was sent once.'
)
_NOTES = (
    'Stamp to mask: from just before an image is published to the moment when DDS has its mask '
    "in the observer's process; so both ways over DDS, the node's waiting, resizing, inference "
    'and enlarging are in it. Engine alone: the inference call by itself, over the last 200 '
    'frames, as the diagnostics of the node tell.',
    'Dropped: frames sent of which no mask arrived. The node always takes the newest frame, and '
    'drops the older ones that it had no time for.',
)
_SCORE_NOTE = (
    'IoU: intersection over union of all pixels of the scored frames, at the resolution of the '
    "camera, against the source's palette-coloured semantic images, decoded exactly."
)
_RENDERED_NOTE = (
    'The scenes are rendered by this package: they are neither CARLA nor a real street, and say '
    'little of how well the model does there.'
)


def write_report(
    output: Path, source: Source, traces: Traces, figures: Figures, contract: ModelContract
) -> list[Path]:
    """
    Write animation, montage, page and figures.

    They are made beside their places and moved there when all are done.

    Parameters
    ----------
    output : Path
        The folder; made if it is not there.
    source : Source
        What was segmented.
    traces : Traces
        What the processes left.
    figures : Figures
        What they came to.
    contract : ModelContract
        Of the model that ran.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    ProcessError
        If a picture cannot be made, or the folder cannot be written.

    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix='.unfinished-', dir=output) as unfinished:
            folder = Path(unfinished)
            _write(folder, source, traces, figures, contract)
            return [made.replace(output / made.name) for made in sorted(folder.iterdir())]
    except OSError as e:
        raise ProcessError(f'the report cannot be written: {e}') from e


def _write(
    folder: Path, source: Source, traces: Traces, figures: Figures, contract: ModelContract
) -> None:
    picture = montage(traces.folder / 'moments', contract.table, str(source))
    cv2.imwrite(str(folder / MONTAGE), picture)
    frames = sorted((traces.folder / 'video').iterdir())
    write_animation(frames, folder / ANIMATION, figures.duration_s)
    notes = [*_NOTES]
    notes += [_SCORE_NOTE] if figures.scores else []
    notes += [_RENDERED_NOTE] if isinstance(source, RenderedDrive) else []
    environment = {**figures.engine, **describe_machine()}
    report = Report(
        title=str(source),
        introduction=_INTRODUCTION,
        rows=figures.rows(),
        notes=notes,
        environment=environment,
        table=contract.table,
    )
    (folder / PAGE).write_text(render(report, folder / MONTAGE, folder / ANIMATION))
    data = {'source': str(source), **figures.to_dict(), 'environment': environment}
    (folder / DATA).write_text(json.dumps(data, indent=1) + '\n')

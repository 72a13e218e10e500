"""The page of a training: what its figures show, and that it needs no other file."""

from __future__ import annotations

import base64
import csv
import dataclasses
import json
import re

import cv2
import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from unet_seg_ros.cli.main import main
from unet_seg_ros.core.class_sets import CLASS_SETS
from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.metrics import ConfusionMatrix
from unet_seg_ros.training.calibration import Reliability
from unet_seg_ros.training.findings import Assessment, DrivableShare, WorstFrame
from unet_seg_ros.training.results import write_results
from unet_seg_ros.training.results.charts import charts
from unet_seg_ros.training.results.curves import curves, read_metrics
from unet_seg_ros.training.results.theme import THEMES, Drawing, render
from unet_seg_ros.training.session import train

pytestmark = pytest.mark.training

ROAD = CLASS_SETS['road']
COUNTS = [[80, 0, 10, 10], [0, 5, 5, 0], [0, 0, 50, 0], [0, 0, 0, 0]]


def _found() -> Assessment:
    """Return an assessment of figures that are easy to count; no sidewalk is in its truth."""
    confusion = ConfusionMatrix(ROAD.table)
    confusion.counts[:4, :4] = COUNTS
    reliability = Reliability()
    probability = torch.tensor([[0.9, 0.1, 0, 0]]).clamp_min(1e-9).repeat(1000, 1)
    reliability.update(probability.log(), torch.tensor([0, 1] * 500))
    image = np.full((6, 8, 3), (200, 100, 0), np.uint8)
    truth = np.full((3, 4), 2, np.uint8)
    truth[0] = 255
    return Assessment(
        classes=ROAD,
        num_frames=7,
        confusion=confusion,
        boundary_f={'other': 0.5, 'roadline': 0.25, 'road': 1.0, 'sidewalk': float('nan')},
        temperature=1.5,
        reliability=(reliability, reliability),
        drivable_by_tag={
            'Road': DrivableShare(50, 50, True),
            'Building': DrivableShare(1000, 10, False),
            'Vehicle': DrivableShare(200, 50, False),
            'Sky': DrivableShare(1, 0, False),
        },
        worst=(WorstFrame('frame 9', 0.25, image, truth, np.ones((3, 4), np.uint8)),),
    )


def _drawing(kind: str, found: Assessment | None = None) -> Drawing:
    drawings = charts('town <2>', found or _found(), 'town-2')
    return next(d for d in drawings if d.name == f'{kind}-town-2')


def _words(figure) -> str:
    texts = [t.get_text() for axes in figure.axes for t in axes.texts]
    legends = [t.get_text() for legend in figure.legends for t in legend.get_texts()]
    return '\n'.join([figure.get_suptitle(), *texts, *legends])


def test_bars_are_as_long_as_iou():
    figure = _drawing('iou').draw()
    axes = figure.axes[0]
    names = [t.get_text() for t in axes.get_yticklabels()]
    bars = dict(zip(names, (p.get_width() for p in axes.patches), strict=True))
    assert bars == {'sidewalk': 0.0, 'road': 50 / 65, 'roadline': 0.5, 'other': 0.8}
    assert axes.patches[1].get_facecolor()[:3] == (128 / 255, 64 / 255, 128 / 255)
    assert axes.lines[0].get_xdata()[1:].tolist() == [1.0, 0.25, 0.5]
    assert 'boundary F-score, 0.583 in the mean' in _words(figure)


def test_the_confusion_matrix_shows_shares_of_each_true_class():
    axes = _drawing('confusion').draw().axes[0]
    shown = axes.images[0].get_array()
    assert shown.tolist() == [[80, 0, 10, 10], [0, 50, 50, 0], [0, 0, 100, 0]]
    assert [t.get_text() for t in axes.get_yticklabels()] == ['other', 'roadline', 'road']
    assert [t.get_text() for t in axes.texts][:4] == ['80.0', '', '10.0', '10.0']


def test_the_reliability_diagram_tells_the_error():
    figure = _drawing('reliability').draw()
    words = _words(figure)
    assert 'as trained: ECE 40.00 %' in words
    assert 'at temperature 1.50: ECE 40.00 %' in words
    before = figure.axes[0].lines[1]
    assert before.get_xdata() == pytest.approx([0.9])
    assert before.get_ydata() == pytest.approx([0.5])


def test_what_hurts_most_comes_first_and_what_is_drivable_not_at_all():
    figure = _drawing('drivable').draw()
    axes = figure.axes[0]
    names = [t.get_text() for t in axes.get_yticklabels()]
    assert names == ['Sky', 'Building', 'Vehicle']  # from below
    assert [p.get_width() for p in axes.patches] == [0.0, 1.0, 25.0]
    assert '1 % of 1\u2009000 px' in _words(figure)


def test_a_worst_frame_stands_beside_its_truth_and_prediction():
    figure = _drawing('worst').draw()
    image, truth, predicted = (axes.images[0].get_array() for axes in figure.axes)
    assert image[0, 0].tolist() == [0, 100, 200]
    assert truth[2, 0].tolist() == [128, 64, 128]
    assert truth[0, 0].tolist() == [201, 204, 209]
    assert predicted[0, 0].tolist() == [157, 234, 50]
    assert figure.axes[0].get_xlabel() == 'frame 9: mean IoU 0.250'
    labels = [t.get_text() for t in figure.legends[0].get_texts()]
    assert labels == ['roadline', 'road', 'not known']


def test_what_would_show_nothing_is_not_drawn():
    empty = Assessment(
        ROAD, 0, ConfusionMatrix(ROAD.table), {}, 1.0, (Reliability(), Reliability()), {}
    )
    assert charts('none', empty, 'none') == []


@pytest.mark.parametrize('theme', list(THEMES))
def test_a_theme_gives_the_background_and_leaves_no_trace(theme):
    before = dict(matplotlib.rcParams)
    pixels = cv2.imdecode(np.frombuffer(render(_drawing('iou'), theme), np.uint8), 1)
    background = np.round(np.multiply(to_rgb(THEMES[theme]['figure.facecolor']), 255))
    assert pixels[0, 0, ::-1].tolist() == background.tolist()
    assert pixels.shape[1] == 1024
    assert dict(matplotlib.rcParams) == before


METRICS = """\
pass,learning_rate,loss,mean_iou,some/town/road,some/town/mean,new
1,0.001,0.5,0.3,0.4,0.2,
2,0.0001,0.25,0.5,,0.6,7
"""


def test_metrics_are_read_whatever_their_columns(tmp_path):
    assert read_metrics(tmp_path / 'metrics.csv') == {}
    (tmp_path / 'metrics.csv').write_text(METRICS)
    metrics = read_metrics(tmp_path / 'metrics.csv')
    assert metrics['loss'].tolist() == [0.5, 0.25]
    assert np.isnan(metrics['some/town/road'][1])
    drawings = curves(metrics, ROAD.table, lambda source: source.replace('/', '-'))
    assert {s: [d.name for d in ds] for s, ds in drawings.items()} == {
        '': ['curves'],
        'some/town': ['curves-some-town'],
    }
    panels = drawings[''][0].draw().axes
    assert [axes.get_ylabel().split('\n')[0] for axes in panels] == [
        'learning rate',
        'training loss',
        'mean IoU',
        'new',
    ]
    assert [axes.get_yscale() for axes in panels] == ['log', 'linear', 'linear', 'linear']
    assert panels[1].lines[0].get_xydata().tolist() == [[1, 0.5], [2, 0.25]]
    lines = {line.get_label(): line for line in drawings['some/town'][0].draw().axes[0].lines}
    assert lines['mean'].get_ydata().tolist() == [0.2, 0.6]
    assert lines['road'].get_color() == (128 / 255, 64 / 255, 128 / 255)


def test_the_files_of_a_page(tmp_path):
    (tmp_path / 'metrics.csv').write_text(METRICS.replace('some/town', 'a/b'))
    found = _found()
    about = {'name': 'R & D', 'learned from': 'streets', 'torch': '2.6', 'recipe': 'a: 1\nb: <2>'}
    page = write_results(tmp_path, {'a/b': found, 'a b': found}, about)
    text = page.read_text()
    assert '<h1>R &amp; D</h1>' in text
    assert 'Learned from streets. Assessed on a/b (7 frames), a b (7 frames).' in text
    assert '<td>0.6897</td><td>0.6897</td>' in text  # (0.8 + 0.5 + 50 / 65) / 3
    assert '<pre>a: 1\nb: &lt;2&gt;</pre>' in text
    names = sorted(p.name for p in (tmp_path / 'figures').iterdir())
    assert names == sorted(
        ['curves.png', 'curves-1-a-b.png']
        + [
            f'{kind}-{slug}.png'
            for kind in ('iou', 'confusion', 'reliability', 'drivable', 'worst')
            for slug in ('1-a-b', '2-a-b')
        ]
    )
    plain = json.loads((tmp_path / 'assessment.json').read_text())
    assert plain == {'a/b': found.to_dict(), 'a b': found.to_dict()}
    assert not list(tmp_path.rglob('*.part'))


def test_the_page_needs_no_other_file(tmp_path):
    text = write_results(tmp_path, {'town': _found()}, {}).read_text()
    assert f'<h1>{tmp_path.name}</h1>' in text
    sources = re.findall(r'(?:src|srcset|href)="([^"]*)"', text)
    assert len(sources) == 2 * 5
    assert all(source.startswith('data:image/png;base64,') for source in sources)
    light = base64.b64decode(sources[1].partition(',')[2])
    assert light == (tmp_path / 'figures' / 'iou-1-town.png').read_bytes()


def test_a_folder_that_cannot_be_written_is_told_in_one_line(tmp_path):
    (tmp_path / 'figures').write_text('a file where a folder should be')
    with pytest.raises(ConfigurationError, match='cannot be written'):
        write_results(tmp_path, {'town': _found()}, {})


def test_a_training_becomes_a_page(recipe, options, capsys):
    precise = dataclasses.replace(recipe, precision='32-true')
    train(precise, options, lambda *_: None)
    data = [f'--data-root={options.data_root}', f'--cache={options.cache}']
    assert main(['report', str(options.output), *data]) == 0
    page = options.output / 'report.html'
    assert capsys.readouterr().out == f'report: {page}\n'
    assert '<h1>tiny</h1>' in page.read_text()
    plain = json.loads((options.output / 'assessment.json').read_text())
    with (options.output / 'metrics.csv').open() as file:
        logged = next(csv.DictReader(file))
    assert plain['streets']['num_frames'] == 2
    assert plain['streets']['mean_iou'] == pytest.approx(float(logged['mean_iou']), abs=1e-5)
    assert plain['streets']['iou']['road'] == pytest.approx(
        float(logged['streets/road']), abs=1e-5
    )


def test_a_folder_without_a_training_is_told_in_one_line(tmp_path, capsys):
    assert main(['report', str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f'unet-seg report: checkpoint {tmp_path}/best.ckpt: not found')
    assert error.count('\n') == 1

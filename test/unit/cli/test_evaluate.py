"""The verb evaluate on pictures whose scores are worked out by hand."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from support.known_model import known_contract
from support.recordings import write_folder

from unet_seg_ros.cli import evaluate
from unet_seg_ros.cli.main import main
from unet_seg_ros.core.class_sets import CLASS_SETS, ROAD_CLASSES
from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.core.size import ImageSize

SIZE = ImageSize(32, 64)
TAGS = CARLA_TAGS[23].ids_by_name

# Columns of 8 px: what the model sees (class = blue // 64), and what is true. Of other, roadline
# and road 2, 0 and 3 columns are right among 4, 2 and 5; of the drivable ones 4 among 6.
SEEN = (0, 0, 0, 1, 2, 2, 2, 2)
TRUE = ('Building', 'Sky', 'Road', 'Building', 'Road', 'Road', 'Road', 'RoadLine')
IOU = {'other': 2 / 4, 'roadline': 0.0, 'road': 3 / 5, 'sidewalk': None}
FIGURES = {
    'frames': 2,
    'drivable_iou': 4 / 6,
    'mean_iou': (2 / 4 + 0 + 3 / 5) / 3,
    'pixel_accuracy': 5 / 8,
}


def columns(values) -> np.ndarray:
    return np.tile(np.repeat(np.array(values, np.uint8), 8), (SIZE.height, 1))


@pytest.fixture
def folder(tmp_path) -> Path:
    """Return two frames with labels in CARLA's table of 23 tags."""
    image = np.zeros((*SIZE, 3), np.uint8)
    image[..., 0] = columns([value * 64 + 7 for value in SEEN])
    recording = tmp_path / 'recording'
    recording.mkdir()
    write_folder(recording / 'rgb', [image] * 2)
    write_folder(recording / 'label', [columns([TAGS[name] for name in TRUE])] * 2)
    return recording


@pytest.fixture
def told_model(known_model, tmp_path):
    """Return what writes the known model with another contract."""

    def write(**changes) -> Path:
        model = onnx.load(known_model)
        model.metadata_props[0].value = replace(known_contract(SIZE), **changes).to_json()
        path = tmp_path / 'told.onnx'
        onnx.save(model, path)
        return path

    return write


def run(*arguments: object) -> int:
    return main(['evaluate', '--backend', 'onnxruntime', *map(str, arguments)])


def refusal(capsys, *arguments: object) -> str:
    """Return the one line with which it refuses."""
    assert run(*arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_scores_are_those_worked_out_by_hand(folder, known_model, tmp_path, capsys):
    output = tmp_path / 'figures.json'
    assert run('--model', known_model, '--data', folder, '--tags', 23, '--json', output) == 0
    figures = json.loads(output.read_text())
    assert figures['iou'] == IOU
    assert {name: figures[name] for name in FIGURES} == pytest.approx(FIGURES)
    lines = capsys.readouterr().out.splitlines()
    assert [' '.join(line.split()) for line in lines] == [
        f'known on {folder}, tags 23: 2 frames, onnxruntime fp32, input 64x32',
        'IoU other 0.5000',
        'IoU roadline 0.0000',
        'IoU road 0.6000',
        'IoU sidewalk none in the data',
        'IoU drivable 0.6667',
        'mean IoU 0.3667',
        'pixel accuracy 0.6250',
    ]
    assert sorted(f.name for f in tmp_path.iterdir()) == ['figures.json', 'recording']


def test_where_some_tags_are_kept_the_rest_may_be_anything_else(folder, told_model, tmp_path):
    """In a set that tells the sky from houses: not right as either, but wrong as road."""
    classes, output = CLASS_SETS['driving'], tmp_path / 'figures.json'
    groups = {'drivable': classes.drivable}
    model = told_model(table=classes.table, drivable=classes.drivable, groups=groups)
    arguments = ('--model', model, '--data', folder, '--tags', 23, '--json', output)
    assert run(*arguments, '--only', 'RoadLine', 'Road', 'Sidewalk') == 0
    kept = json.loads(output.read_text())['iou']
    assert kept['road'] == IOU['road']
    assert kept['other'] == 0.0


def test_each_frame_has_a_row_of_its_own(folder, known_model, tmp_path, capsys):
    output = tmp_path / 'figures.json'
    arguments = ('--model', known_model, '--data', folder, '--tags', 23, '--json', output)
    assert run(*arguments, '--each') == 0
    each = json.loads(output.read_text())['each']
    lines = capsys.readouterr().out.splitlines()[-len(each) :]
    assert len(each) == 2
    for line, (name, scores) in zip(lines, each.items(), strict=True):
        *cells, frame = line.split()
        assert frame == name
        expected = [*scores['iou'].values(), scores['drivable_iou']]
        assert cells == ['none' if v is None else f'{v:.4f}' for v in expected]


def test_without_tags_those_of_the_model_are_taken(folder, told_model, tmp_path):
    output = tmp_path / 'figures.json'
    assert run('--model', told_model(carla_tags=23), '--data', folder, '--json', output) == 0
    assert json.loads(output.read_text())['iou'] == IOU


def test_figures_that_are_not_known_are_null(folder, known_model, tmp_path, capsys, monkeypatch):
    """As where every pixel of the truth is of a tag that does not count."""
    nothing = evaluate.Truth(ROAD_CLASSES.labels(29), [], [], 'nothing')
    monkeypatch.setattr(evaluate, '_truth', lambda args, contract: nothing)
    output = tmp_path / 'figures.json'
    assert run('--model', known_model, '--data', folder, '--json', output) == 0
    figures = json.loads(output.read_text(), parse_constant=pytest.fail)
    assert {figures[name] for name in ('drivable_iou', 'mean_iou', 'pixel_accuracy')} == {None}
    assert capsys.readouterr().out.count('none in the data') == 7


def test_rendered_scenes_are_scored(known_model, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluate, 'SCENE_SIZE', ImageSize(90, 160))
    output = tmp_path / 'figures.json'
    assert run('--model', known_model, '--scenes', 2, '--json', output) == 0
    figures = json.loads(output.read_text())
    assert (figures['frames'], figures['source']) == (2, '2 rendered held-out scenes')
    assert 0 < figures['iou']['road'] < 1


def test_a_file_that_cannot_be_written_is_told(folder, known_model, tmp_path, capsys):
    arguments = ('--model', known_model, '--data', folder, '--tags', 23)
    (tmp_path / 'file').write_text('mine')
    for output in (tmp_path / 'nowhere' / 'f.json', tmp_path / 'file' / 'f.json', tmp_path):
        assert 'cannot be written' in refusal(capsys, *arguments, '--json', output)
    assert (tmp_path / 'file').read_text() == 'mine'
    assert not list(tmp_path.parent.glob('.*.part'))


def test_labels_of_another_tag_table_are_refused(folder, known_model, capsys):
    line = refusal(capsys, '--model', known_model, '--data', folder, '--tags', 13)
    assert 'is this the tag table of the recording?' in line


def test_a_model_of_no_known_tag_table_is_refused(folder, known_model, tmp_path, capsys):
    model = onnx.load(known_model)
    told = json.loads(model.metadata_props[0].value)
    model.metadata_props[0].value = json.dumps({**told, 'carla_tags': 19})
    onnx.save(model, tmp_path / 'odd.onnx')
    line = refusal(capsys, '--model', tmp_path / 'odd.onnx', '--data', folder)
    assert 'carla_tags 19: there are the tables 13, 23, 29, camvid' in line


def test_a_model_of_other_classes_is_refused(folder, told_model, capsys):
    model = told_model(table=CARLA_TAGS[13], drivable=('Road',), groups={'drivable': ('Road',)})
    line = refusal(capsys, '--model', model, '--data', folder)
    assert 'model known: classes Unlabeled, Building' in line
    assert 'are none of the sets road, driving' in line


@pytest.mark.parametrize('arguments', [['--data', 'nowhere'], ['--scenes', '0']])
def test_nothing_to_score_is_refused(known_model, capsys, arguments):
    line = refusal(capsys, '--model', known_model, *arguments)
    assert 'nowhere: not found' in line or 'give at least 1' in line


def test_only_the_drives_that_are_asked_for_are_scored(folder, known_model, tmp_path, capsys):
    """Of two drives, one of which is labelled as the other is not."""
    both = tmp_path / 'both'
    shutil.copytree(folder, both / 'first')
    shutil.copytree(folder, both / 'second')
    shutil.rmtree(both / 'second' / 'label')
    write_folder(both / 'second' / 'label', [columns([TAGS['Sky']] * 8)] * 2)
    output = tmp_path / 'figures.json'
    arguments = ('--model', known_model, '--data', both, '--tags', 23, '--json', output)
    for patterns, frames in (['*first*'], 2), (['*first*', '*second*'], 4):
        assert run(*arguments, '--sequences', *patterns) == 0
        figures = json.loads(output.read_text())
        assert figures['frames'] == frames
        assert (figures['iou'] == IOU) == (frames == 2)
    line = refusal(capsys, *arguments, '--sequences', 'third')
    assert '--sequences third: ' in line
    assert 'first/' in line

"""The demonstration from end to end: what it shows is true, and nothing of it stays behind."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.recordings import image, noise, write_bag, write_folder
from support.verbs import Verbs, refusal
from support.waiting import wait_until

from unet_seg_ros.core.class_sets import ROAD_CLASSES
from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.core.metrics import ConfusionMatrix
from unet_seg_ros.core.resize import resize_ids, resize_image
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.scenes import HELD_OUT_LAYOUTS, Drive, PinholeCamera

pytestmark = [pytest.mark.ros, pytest.mark.timeout(300)]

FILES = ['montage.png', 'overlay.webp', 'report.html', 'report.json']
INPUT_SIZE = ImageSize(32, 64)  # the known model's
SIZE = ImageSize(90, 160)
LAYOUTS = HELD_OUT_LAYOUTS[:2]
MARK = 'UNET_SEG_TEST_MARK'


@pytest.fixture
def verbs() -> Iterator[Verbs]:
    verbs = Verbs()
    yield verbs
    verbs.end()


@pytest.fixture
def start(verbs, monkeypatch, tmp_path) -> Callable[..., subprocess.Popen]:
    """Return what starts a demo, its processes marked and its temporary files in sight."""
    (tmp_path / 'temporary').mkdir()
    monkeypatch.setenv('TMPDIR', str(tmp_path / 'temporary'))
    monkeypatch.setenv(MARK, uuid.uuid4().hex)
    return lambda *arguments: verbs.start('demo', '--output', tmp_path / 'out', *arguments)


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    pictures = [noise(48, 96, 3, seed=i) for i in range(200)]
    return write_folder(tmp_path_factory.mktemp('recording') / 'images', pictures)


def finish(process: subprocess.Popen, output: Path) -> dict:
    """Return the figures of a demo that must succeed."""
    text, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    assert text.splitlines()[-4:] == [str(output / name) for name in FILES]
    assert sorted(f.name for f in output.iterdir()) == FILES
    report = json.loads((output / 'report.json').read_text())
    assert report['num_segmented'] > 0
    assert report['num_segmented'] + report['num_dropped'] == report['num_sent']
    assert report['node']['segmented'] >= report['num_segmented']
    assert 0 < report['latency_ms']['p50'] <= report['latency_ms']['p99']
    assert report['engine_ms']['p50'] < report['latency_ms']['p50']
    assert cv2.imread(str(output / 'montage.png')) is not None
    return report


def marked_processes() -> dict[int, str]:
    """Return the command lines of a demo of this test and of all that it has started."""
    mark = f'{MARK}={os.environ[MARK]}'.encode()
    found = {}
    for process in Path('/proc').glob('[0-9]*'):
        with suppress(OSError):
            if mark in (process / 'environ').read_bytes().split(b'\0'):
                command = (process / 'cmdline').read_bytes().replace(b'\0', b' ')
                found[int(process.name)] = command.decode()
    return found


def num_sent(tmp_path: Path) -> int:
    return sum(len(f.read_text().splitlines()) for f in tmp_path.glob('temporary/*/sent.csv'))


def test_a_rendered_drive_is_scored_against_its_truth(start, known_model, tmp_path):
    demo = start(
        *('--seconds', 1, '--layouts', *LAYOUTS, '--seed', 5),
        *('--size', SIZE, '--model', known_model),
    )
    report = finish(demo, tmp_path / 'out')
    assert report['num_sent'] == 20
    assert report['source'].startswith('Rendered scenes')
    assert report['scores']['num_frames'] > 0

    camera = PinholeCamera(SIZE)
    legs = [Drive(layout, seed, camera) for seed in (5, 6) for layout in LAYOUTS]
    num_frames = 20 // len(legs)
    lut, matrix = ROAD_CLASSES.labels(29).classes, ConfusionMatrix(ROAD_CLASSES.table)
    for frame in (drive.frame(i) for drive in legs for i in range(num_frames)):
        ids = resize_image(frame.image, INPUT_SIZE)[..., 0] // 64
        matrix.update(lut[frame.tags], resize_ids(ids, SIZE))
    # A busy machine may drop some of the frames, which hardly differ from their neighbours.
    tolerance = 1e-9 if report['scores']['num_frames'] == 20 else 0.05
    for name, expected in matrix.iou().items():
        assert not math.isnan(expected)
        assert report['scores']['iou'][name] == pytest.approx(expected, abs=tolerance)
    drivable = matrix.group_iou(ROAD_CLASSES.drivable)
    assert report['scores']['drivable_iou'] == pytest.approx(drivable, abs=tolerance)
    assert marked_processes() == {}
    assert list((tmp_path / 'temporary').iterdir()) == []


def test_a_folder_is_shown_without_scores(start, known_model, folder, tmp_path):
    demo = start('--seconds', 1, '--input', folder, '--model', known_model)
    report = finish(demo, tmp_path / 'out')
    assert report['num_sent'] == 20
    assert (report['scores'], report['unscored']) == (
        None,
        'the recording is played without labels',
    )


def test_a_bag_is_shown(start, known_model, tmp_path):
    messages = [
        ('/cam', i, image(noise(48, 96, 3, seed=i), 'rgb8', 10**9 + i * 50_000_000))
        for i in range(20)
    ]
    bag = write_bag(tmp_path / 'bag', 'sqlite3', messages)
    report = finish(start('--input', bag, '--model', known_model), tmp_path / 'out')
    assert report['num_sent'] == 20


def test_a_few_labelled_pictures_are_scored(start, known_model, tmp_path):
    recording = tmp_path / 'recording'
    recording.mkdir()
    pictures = [noise(*INPUT_SIZE, 3, seed=i) for i in range(3)]
    tags = CARLA_TAGS[23].ids_of(('Building', 'RoadLine', 'Road', 'Sidewalk'))
    # At the network's own size nothing is resized, so the labels can say just what it will say.
    labels = [np.array(tags, np.uint8)[p[..., 0] // 64] for p in pictures]
    write_folder(recording / 'rgb', pictures)
    write_folder(recording / 'label', labels)
    demo = start('--input', recording, '--carla-tags', 23, '--model', known_model)
    report = finish(demo, tmp_path / 'out')
    assert report['num_sent'] == 3
    # A busy machine may drop a frame for a newer one; what was segmented must be right.
    assert report['scores']['num_frames'] > 0
    assert set(report['scores']['iou'].values()) == {1.0}


STAGES = {
    'at once': lambda tmp_path: True,
    'with the first child': lambda tmp_path: len(marked_processes()) > 1,
    'with all children': lambda tmp_path: len(marked_processes()) > 3,
    'amid the frames': lambda tmp_path: num_sent(tmp_path) > 5,
    'near the end': lambda tmp_path: num_sent(tmp_path) == 20,
}
# All signals end in the same KeyboardInterrupt, so each stage has one of them.
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGTERM]


@pytest.mark.parametrize(('stage', 'number'), [*zip(STAGES, SIGNALS, strict=True)])
def test_an_interrupt_leaves_nothing_behind(start, known_model, folder, tmp_path, stage, number):
    demo = start('--seconds', 1, '--input', folder, '--model', known_model)
    # Before it runs any code of ours, a signal ends Python in its own way.
    wait_until(lambda: 'ROS domain' in demo.stdout.readline(), 'the demo')
    wait_until(lambda: STAGES[stage](tmp_path), stage)
    demo.send_signal(number)
    _, errors = demo.communicate(timeout=30)
    assert (demo.returncode, errors) == (130, 'unet-seg demo: interrupted\n')
    assert marked_processes() == {}
    assert not (tmp_path / 'out').exists()
    assert list((tmp_path / 'temporary').iterdir()) == []


def test_a_killed_demo_takes_its_children_along(start, known_model, folder, tmp_path):
    demo = start('--seconds', 10, '--input', folder, '--model', known_model)
    wait_until(lambda: num_sent(tmp_path) > 2, 'frames')
    demo.kill()
    demo.communicate()
    wait_until(lambda: marked_processes() == {}, 'the end of the children')


@pytest.mark.parametrize(
    ('command', 'name'),
    [
        ('unet_seg_ros.ros ', 'segmentation node'),
        ('ros.observer', 'observer'),
        ('cli.main play', 'source'),
    ],
)
def test_a_process_that_dies_is_a_failure(start, known_model, folder, tmp_path, command, name):
    demo = start('--seconds', 10, '--input', folder, '--model', known_model)
    wait_until(lambda: num_sent(tmp_path) > 2, 'frames')
    (victim,) = (pid for pid, line in marked_processes().items() if command in line)
    os.kill(victim, signal.SIGKILL)
    assert f'the {name} ended with status -9' in refusal(demo)
    assert marked_processes() == {}
    assert not (tmp_path / 'out').exists()


def test_what_a_process_refuses_is_passed_on(start, known_model, tmp_path):
    demo = start('--input', tmp_path / 'nowhere', '--model', known_model)
    assert 'the source ended with status 1: unet-seg play:' in refusal(demo)


def test_a_model_that_is_none_is_refused_before_anything_starts(start, tmp_path):
    (tmp_path / 'model.onnx').write_bytes(b'no model')
    assert 'model.onnx' in refusal(start('--model', tmp_path / 'model.onnx'))

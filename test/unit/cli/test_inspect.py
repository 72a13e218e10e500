"""The verb inspect on recordings that are made for it."""

from __future__ import annotations

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
from support.recordings import image, noise, write_bag, write_image

from unet_seg_ros.cli.main import main

IDS = np.array([[0, 7, 7, 7]], np.uint8)


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / 'drive'
    for number in (1, 2, 9):
        write_image(path / 'rgb' / f'{number}.png', noise(1, 4, 3))
        write_image(path / 'label' / f'{number}.png', IDS)
    return path


def inspect(capsys, *arguments) -> tuple[int, list[str]]:
    status = main(['inspect', *map(str, arguments)])
    return status, capsys.readouterr().out.splitlines()


def test_a_sound_recording_is_told(recording, capsys):
    status, lines = inspect(capsys, recording, '--tags', 23)
    assert status == 0
    assert lines == [
        f'{recording}: folder, 3 frames',
        '  sizes: 4x1 (3)',
        '  label form: ids (3)',
        '  tag table: 23, as asked for',
        '    Road              75.000%',
        '    Unlabeled         25.000%',
        '  sequences: 2',
        '    2 from rgb/1.png',
        '    1 from rgb/9.png',
        '  images without labels: 0',
        '  labels without image: 0',
        '  cannot be used: 0',
    ]


def test_a_guess_is_told_to_be_one(recording, capsys):
    _, lines = inspect(capsys, recording)
    assert lines[3] == (
        '  tag table: 23, a guess: 13, 23, 29 all fit; road would be 75.0% with 13, 75.0% with '
        '23, 0.0% with 29; give --tags if you know'
    )


def test_the_only_table_that_fits_is_told(recording, capsys):
    write_image(recording / 'label' / '1.png', np.full((1, 4), 28, np.uint8))
    assert inspect(capsys, recording)[1][3] == '  tag table: 29, the only one that fits'


def test_a_table_that_does_not_fit_all_is_told(recording, capsys):
    write_image(recording / 'label' / '1.png', np.full((1, 4), 99, np.uint8))
    status, lines = inspect(capsys, recording)
    assert status == 1
    assert lines[3] == '  tag table: none of 13, 23, 29 fits all frames; 23 fits the most'
    assert lines[-2] == '  cannot be used: 1'
    assert f'{recording}/label/1.png: labels hold id 99 (4 pixels)' in lines[-1]


def test_a_wrong_table_fails_frame_by_frame(recording, capsys):
    for number in range(20, 40):
        write_image(recording / 'rgb' / f'{number}.png', noise(1, 4, 3))
        write_image(recording / 'label' / f'{number}.png', np.full((1, 4), 20, np.uint8))
    write_image(recording / 'rgb' / '40.png', noise(1, 4, 3))
    status, lines = inspect(capsys, recording, '--tags', 13)
    assert status == 1
    assert lines[-12] == '  cannot be used: 21'
    assert lines[-11] == f'    {recording}/rgb/40.png: no label image'
    assert lines[-10].startswith(f'    {recording}/label/20.png: labels hold id 20')
    assert lines[-1] == '    and 11 more'


def test_unknown_labels_are_left_out_on_request(recording, capsys):
    write_image(recording / 'label' / '1.png', np.full((1, 4), 99, np.uint8))
    status, lines = inspect(capsys, recording, '--tags', 23, '--ignore-unknown')
    assert status == 0
    assert lines[4:7] == [
        '    Road              50.000%',
        '    Unlabeled         16.667%',
        '    (ignored)         33.333%',
    ]


def test_the_figures_are_written(recording, capsys, tmp_path):
    status, _ = inspect(capsys, recording, '--tags', 23, '--json', tmp_path / 'r.json')
    assert status == 0
    assert json.loads((tmp_path / 'r.json').read_text()) == {
        'path': str(recording),
        'kind': 'folder',
        'topics': {},
        'frames': 3,
        'sizes': {'4x1': 3},
        'label_forms': {'ids': 3},
        'tags': 23,
        'fitting_tags': [23],
        'class_shares': {'Road': 0.75, 'Unlabeled': 0.25},
        'ignored_share': 0.0,
        'sequences': {'rgb/1.png': 2, 'rgb/9.png': 1},
        'unpaired_images': 0,
        'unpaired_labels': 0,
        'failures': [],
    }


def test_a_montage_is_written_on_request(recording, capsys, tmp_path):
    (recording / 'rgb' / '2.png').write_bytes(b'')
    status, _ = inspect(capsys, recording, '--tags', 23, '--montage', tmp_path / 'm.png')
    assert status == 1
    picture = cv2.imread(str(tmp_path / 'm.png'))
    # Two frames of 4x1 that can be used, 320x80 each.
    assert picture.shape == (160, 640, 3)
    assert picture[120, [0, 319, 639]].tolist() == [[0, 0, 0], [128, 64, 128], [128, 64, 128]]
    assert {path.name for path in tmp_path.iterdir()} == {'drive', 'm.png'}


def test_what_is_inspected_stays_as_it_is(recording, capsys):
    before = sorted(recording.rglob('*'))
    inspect(capsys, recording)
    assert sorted(recording.rglob('*')) == before


def test_a_bag_is_told_with_its_topics_and_what_does_not_pair(tmp_path, capsys):
    rgb, semantic = '/ego/rgb_front/image', '/ego/semantic_segmentation_front/image'
    messages = [
        (rgb, 1, image(noise(1, 4, 3), 'bgr8', 10**9)),
        (rgb, 2, image(noise(1, 4, 3), 'bgr8', 2 * 10**9)),
        (semantic, 1, image(IDS, 'mono8', 10**9 + 10**7)),
    ]
    bag = write_bag(tmp_path / 'bag', 'mcap', messages)
    status, lines = inspect(capsys, bag)
    assert status == 0
    assert lines[:3] == [f'{bag}: rosbag2, 1 frames', f'  images: {rgb}', f'  labels: {semantic}']
    assert lines[-3:-1] == ['  images without labels: 1', '  labels without image: 0']
    assert main(['inspect', str(bag), '--tolerance', '0.001']) == 1
    assert 'within 0.001 s' in capsys.readouterr().err


def test_names_and_form_are_passed_on(recording, capsys):
    (recording / 'rgb').rename(recording / 'left')
    (recording / 'label').rename(recording / 'classes')
    names = ('--images', 'left', '--labels', 'classes')
    assert inspect(capsys, recording, *names)[0] == 0
    status, lines = inspect(capsys, recording, *names, '--form', 'palette')
    assert status == 1
    assert "labels have 1 channels, which is not the form 'palette'" in lines[-1]


@pytest.mark.parametrize('option', ['--json', '--montage'])
def test_what_cannot_be_written_is_told(recording, capsys, option):
    assert main(['inspect', str(recording), option, '/nowhere/file.png']) == 1
    error = capsys.readouterr().err
    assert error == (
        f'unet-seg inspect: {option} /nowhere/file.png: cannot be written: No such file or '
        'directory\n'
    )


def test_a_montage_needs_a_frame(recording, capsys, tmp_path):
    for path in (recording / 'rgb').iterdir():
        path.write_bytes(b'')
    assert main(['inspect', str(recording), '--montage', str(tmp_path / 'm.png')]) == 1
    assert capsys.readouterr().err == 'unet-seg inspect: --montage: no frame can be used\n'


def test_mistakes_are_told_in_one_line(tmp_path, capsys):
    assert main(['inspect', str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f'unet-seg inspect: recording {tmp_path}: no image in it')
    assert error.count('\n') == 1


def test_folders_need_neither_rosbags_nor_torch(recording):
    code = (
        'import sys\n'
        "for name in ('rosbags', 'torch', 'lightning', 'rclpy'): sys.modules[name] = None\n"
        'from unet_seg_ros.cli.main import main\n'
        f"sys.exit(main(['inspect', {str(recording)!r}]))"
    )
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert '3 frames' in done.stdout


@pytest.mark.parametrize(
    ('name', 'tags'),
    [('carla_0.9.14_ids', 29), ('carla_0.8_red_channel', 23), ('carla_0.9.5_palette', 13)],
)
def test_the_tables_of_real_recordings_are_guessed(shared_data, capsys, tmp_path, name, tags):
    path = shared_data / 'carla_formats' / name
    status, _ = inspect(capsys, path, '--json', tmp_path / 'r.json')
    report = json.loads((tmp_path / 'r.json').read_text())
    assert status == 0
    assert (report['tags'], report['frames'], len(report['sequences'])) == (tags, 2, 1)


def test_the_table_that_a_recording_states_is_taken(tmp_path, capsys):
    """As ``unet-seg collect`` states it; the ids alone would fit all three tables."""
    write_image(tmp_path / 'Town01_0' / 'rgb' / '0.png', np.zeros((4, 6, 3), np.uint8))
    write_image(tmp_path / 'Town01_0' / 'label' / '0.png', np.full((4, 6), 7, np.uint8))
    (tmp_path / 'recording.json').write_text(json.dumps({'tags': 29}))
    assert main(['inspect', str(tmp_path)]) == 0
    assert 'TrafficLight' in capsys.readouterr().out

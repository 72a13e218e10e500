"""The verb doctor where there is no ROS: it says so, and does what it can."""

from __future__ import annotations

import argparse
import json
import re

import pytest

from unet_seg_ros.cli import doctor
from unet_seg_ros.cli.main import main


@pytest.fixture(autouse=True)
def _no_ros(monkeypatch):
    monkeypatch.setattr('unet_seg_ros.cli.requirements.find_spec', lambda name: None)
    monkeypatch.setenv('ROS_DOMAIN_ID', '7')


def test_it_does_what_it_can(known_model, tmp_path, capsys):
    path = tmp_path / 'my.yaml'
    path.write_text(f'segmentation_node:\n  ros__parameters: {{model: {known_model}}}\n')
    assert main(['doctor', '--params-file', str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert all(line.split()[0] in ('ok', 'warn', 'fail', 'skip') for line in lines)
    assert [line for line in lines if line.startswith('fail')] == [
        "fail  ros: rclpy is not installed: source a ROS 2, or pip install 'unet_seg_ros[ros]'"
    ]
    assert 'ok    domain: 7; nodes in another domain are not seen' in lines
    assert any(line.startswith('ok    model: known, fp32') for line in lines)
    assert any(line.startswith('ok    engine: auto takes ') for line in lines)
    assert lines[-1].startswith('skip  graph: ')


def test_json(known_model, capsys):
    assert main(['doctor', '--json']) == 1
    findings = json.loads(capsys.readouterr().out)
    assert {'level': 'ok', 'subject': 'domain'}.items() <= findings[1].items()
    assert all(f.keys() == {'level', 'subject', 'what', 'remedy'} for f in findings)


def test_a_file_that_cannot_be_read_is_a_finding(tmp_path, capsys):
    assert main(['doctor', '--params-file', str(tmp_path / 'none.yaml')]) == 1
    fails = [line for line in capsys.readouterr().out.splitlines() if line.startswith('fail')]
    assert len(fails) == 2
    assert (
        fails[1]
        == f'fail  params file: {tmp_path}/none.yaml: cannot be read: No such file or directory'
    )


def test_a_middleware_that_is_not_installed(monkeypatch, capsys):
    monkeypatch.setattr('unet_seg_ros.cli.doctor.require_ros', lambda: None)
    monkeypatch.setenv('RMW_IMPLEMENTATION', 'rmw_none_cpp')
    assert main(['doctor']) == 1
    assert 'fail  ros: RMW_IMPLEMENTATION=rmw_none_cpp cannot be loaded' in capsys.readouterr().out


def test_a_topic_for_the_cameras_of_a_file(tmp_path):
    path = tmp_path / 'my.yaml'
    path.write_text('/**:\n  ros__parameters: {cameras: [front, rear]}\n')
    parser = argparse.ArgumentParser()
    doctor.add_arguments(parser)
    args = parser.parse_args(['--params-file', str(path), '--image-topic', '/car/{camera}/image'])
    values = doctor.chosen_values(args, doctor.NODE, {})
    assert values['front.image_topic'] == '/car/front/image'
    assert values['rear.image_topic'] == '/car/rear/image'


def test_a_node_of_no_possible_name(capsys):
    with pytest.raises(SystemExit, match='2'):
        main(['doctor', '--node', 'car 1'])
    assert "'car 1' is no topic name" in capsys.readouterr().err


def test_in_a_terminal_lines_are_wrapped(known_model, capsys, monkeypatch):
    monkeypatch.setattr('sys.stdout.isatty', lambda: True)
    monkeypatch.setenv('COLUMNS', '80')
    main(['doctor'])
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith(('\033[', '      ')) for line in lines)
    plain = [re.sub(r'\033\[\d+m', '', line) for line in lines]
    assert all(len(line) <= 80 or ' ' not in line.strip() for line in plain)
    assert any(line.startswith('      ') for line in plain)

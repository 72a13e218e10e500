"""The launch files: what they start, what they leave to the YAML, and what they refuse."""

from __future__ import annotations

import argparse
import inspect
import json
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from support import launch_real, launch_signatures, launch_stand_in

from unet_seg_ros.cli import build_engine
from unet_seg_ros.ros.parameter_specs import PARAMETERS

FILES = ('segmentation.launch.py', 'carla.launch.py', 'camera_processes.launch.py')

EVERYTHING = {
    'namespace': 'car',
    'node_name': 'eyes',
    'cameras': 'front,rear',
    'image_topic': '/sensing/{camera}/image',
    'model': 'my.onnx',
    'backend': 'onnxruntime',
    'use_sim_time': 'true',
    'autostart': 'false',
    'log_level': 'warn',
    'rviz': 'true',
}


def parameter_files(command: list[str]) -> list[str]:
    return [file for option, file in pairwise(command) if option == '--params-file']


def overrides(command: list[str]) -> dict[str, dict]:
    """Return what the launch file itself sets, by node."""
    written = parameter_files(command)[1:]  # after the YAML
    found: dict[str, dict] = {}
    for file in written:  # launch_ros writes Python's tuples
        text = Path(file).read_text().replace('!!python/tuple', '')
        found |= {name: block['ros__parameters'] for name, block in yaml.safe_load(text).items()}
    return found


def remappings(command: list[str]) -> set[str]:
    return {rule for option, rule in pairwise(command) if option == '-r'}


def test_without_arguments_all_is_left_to_the_yaml(launch_commands, share):
    (command,) = launch_commands('segmentation.launch.py')
    assert parameter_files(command) == [str(share / 'config' / 'segmentation.yaml')]
    assert remappings(command) == {'__node:=segmentation_node', '__ns:=/'}
    assert not {'-p', '--log-level'} & set(command)


def test_what_is_given_is_set_for_that_very_node(launch_commands, share):
    rviz, node = sorted(
        launch_commands('segmentation.launch.py', **EVERYTHING), key=lambda c: 'rviz2' not in c[0]
    )
    assert overrides(node) == {
        '/car/eyes': {
            'cameras': ['front', 'rear'],
            'front.image_topic': '/sensing/front/image',
            'rear.image_topic': '/sensing/rear/image',
            'model': 'my.onnx',
            'backend': 'onnxruntime',
            'use_sim_time': True,
            'autostart': False,
        }
    }
    assert ('--log-level', 'warn') in pairwise(node)
    assert rviz[1:3] == ['-d', str(share / 'config' / 'segmentation.rviz')]


@pytest.mark.parametrize('file', FILES)
def test_no_file_sets_a_parameter_by_itself(launch_commands, file):
    for command in launch_commands(file, cameras='front'):
        (found,) = overrides(command).values()
        carla = {'use_sim_time', 'front.image_topic'} if file == 'carla.launch.py' else set()
        assert set(found) == {'cameras'} | carla


def test_every_argument_that_names_a_parameter_reaches_it(launch_commands):
    ours = {spec.name for spec in PARAMETERS}
    given = {name: value for name, value in EVERYTHING.items() if name in ours}
    assert len(given) > 3
    (command,) = launch_commands('segmentation.launch.py', **given)
    (found,) = overrides(command).values()
    assert set(found) == set(given)


def test_text_that_looks_like_a_number_stays_text(launch_commands):
    (command,) = launch_commands('segmentation.launch.py', cameras='on', model='7')
    (found,) = overrides(command).values()
    assert found == {'cameras': ['on'], 'model': '7'}


def test_carla_names_topics_and_takes_its_time(launch_commands):
    (command,) = launch_commands('carla.launch.py', cameras='rgb_front', role_name='hero')
    assert overrides(command)['/segmentation_node'] == {
        'cameras': ['rgb_front'],
        'rgb_front.image_topic': '/carla/hero/rgb_front/image',
        'use_sim_time': True,
    }


@pytest.mark.parametrize(
    'given', ['front, rear', '[front,rear]', ' front ,, rear', '[\'front\', "rear"]']
)
def test_cameras_in_every_way_of_writing_a_list(launch_commands, given):
    (command,) = launch_commands('segmentation.launch.py', cameras=given)
    (found,) = overrides(command).values()
    assert found == {'cameras': ['front', 'rear']}


def test_a_file_in_the_home_folder_is_found_without_a_shell(
    launch_commands, monkeypatch, tmp_path
):
    monkeypatch.setenv('HOME', str(tmp_path))
    (tmp_path / 'own.yaml').write_text('/**:\n  ros__parameters:\n    gpu: 1\n')
    (command,) = launch_commands('segmentation.launch.py', params_file='~/own.yaml')
    assert parameter_files(command) == [str(tmp_path / 'own.yaml')]


def test_a_model_in_the_home_folder_is_built_without_a_shell(
    launch_commands, monkeypatch, tmp_path
):
    monkeypatch.setenv('HOME', str(tmp_path))
    (command,) = launch_commands('segmentation.launch.py', build_only='true', model='~/my.onnx')
    assert command[command.index('--model') + 1] == str(tmp_path / 'my.onnx')


def test_a_process_for_each_camera(launch_commands):
    commands = launch_commands('camera_processes.launch.py', cameras='[front, side/left]')
    found = {node: values for command in commands for node, values in overrides(command).items()}
    assert found == {
        '/segmentation_node_front': {'cameras': ['front']},
        '/segmentation_node_side_left': {'cameras': ['side/left']},
    }


@pytest.mark.parametrize(
    ('arguments', 'module', 'max_batch'),
    [
        ({'backend': 'tensorrt_rtx'}, 'tensorrt_rtx', 1),
        ({'backend': 'auto', 'cameras': 'front,rear'}, None, 2),
        ({'cameras': 'front,rear', 'process_per_camera': 'true'}, None, 1),
    ],
)
def test_build_only_builds_and_starts_no_node(launch_commands, arguments, module, max_batch):
    (command,) = launch_commands(
        'segmentation.launch.py', build_only='true', model='my.onnx', **arguments
    )
    assert (Path(command[0]).name, command[1]) == ('unet-seg', 'build-engine')
    parser = argparse.ArgumentParser()
    build_engine.add_arguments(parser)
    parsed = parser.parse_args(command[2:])
    assert (parsed.model, parsed.module) == (Path('my.onnx'), module)
    assert parsed.max_batch == max_batch


@pytest.mark.parametrize(
    ('file', 'arguments', 'message'),
    [
        (FILES[0], {'use_sim_time': 'maybe'}, "use_sim_time: 'maybe' is neither true nor false"),
        (FILES[0], {'params_file': '/no.yaml'}, 'params_file: /no.yaml is no file'),
        (FILES[0], {'process_per_camera': 'true'}, 'need cameras, as in cameras:=front'),
        (FILES[0], {'image_topic': '/{camera}'}, 'need cameras, as in cameras:=front'),
        (FILES[0], {'build_only': 'true'}, 'build_only needs the model, as in model:='),
        (FILES[0], {'cameras': 'a,b', 'image_topic': '/x'}, r'write \{camera\} in it'),
        (FILES[2], {'cameras': 'a/b,a_b'}, r"two of \['a/b', 'a_b'\] would have the same name"),
        (FILES[2], {'cameras': 'a,a'}, 'would have the same name'),
        (FILES[1], {}, "required argument 'cameras'"),
        (FILES[2], {}, "required argument 'cameras'"),
    ],
)
def test_a_mistake_is_told_in_one_line(launch_commands, file, arguments, message):
    with pytest.raises(Exception, match=message):
        launch_commands(file, **arguments)


@pytest.mark.parametrize('distribution', ['humble', 'jazzy'])
@pytest.mark.parametrize('file', FILES)
def test_every_call_is_one_that_launch_allows(share, distribution, file):
    arguments = EVERYTHING | {'process_per_camera': 'true'}
    assert len(launch_stand_in.commands(share / 'launch' / file, arguments, distribution)) == 3
    build = {'cameras': 'front', 'model': 'my.onnx', 'build_only': 'true'}
    assert len(launch_stand_in.commands(share / 'launch' / file, build, distribution)) == 1


@pytest.mark.parametrize(
    'call', ["Node(executable='a', parameter=[])", "Node('a')", "ExecuteProcess(command=['a'])"]
)
def test_the_stand_in_refuses_what_launch_would_refuse(tmp_path, call):
    file = tmp_path / 'wrong.launch.py'
    file.write_text(
        'from launch.actions import ExecuteProcess\nfrom launch_ros.actions import Node\n'
        f'def generate_launch_description():\n    {call}\n'
    )
    with pytest.raises(TypeError):
        launch_stand_in.commands(file, {}, 'jazzy')


def test_the_stand_in_has_no_names_beyond_the_record(tmp_path):
    file = tmp_path / 'wrong.launch.py'
    file.write_text('from launch.actions import TimerAction\n')
    with pytest.raises(ImportError):
        launch_stand_in.commands(file, {}, 'jazzy')


def test_the_record_is_complete():
    record = json.loads(launch_signatures.RECORD.read_text())
    names = {key: set(entry['signatures']) for key, entry in record.items()}
    assert names == {key: set(launch_signatures.NAMES) for key in ('humble', 'jazzy')}


needs_launch = pytest.mark.skipif(not launch_real.HAS_LAUNCH, reason='launch is not installed')


@needs_launch
@pytest.mark.parametrize('file', FILES)
@pytest.mark.parametrize('arguments', [{'cameras': 'front'}, EVERYTHING])
def test_the_stand_in_yields_what_the_real_launch_runs(share, tmp_path, file, arguments):
    path = share / 'launch' / file
    real = launch_real.commands(path, arguments, tmp_path / 'commands')
    stand_in = launch_stand_in.commands(path, arguments, 'jazzy')

    def comparable(commands: list[list[str]]) -> list[tuple]:
        kept = [[p for p in c if not Path(p).name.startswith('launch_params_')] for c in commands]
        node_overrides = [overrides(c) if 'rviz2' not in c[0] else {} for c in commands]
        return sorted(zip(kept, map(str, node_overrides), strict=True))

    assert comparable(real) == comparable(stand_in)


@needs_launch
def test_the_record_is_what_is_installed():
    from importlib.metadata import version

    record = json.loads(launch_signatures.RECORD.read_text())
    installed = {name: version(name) for name in ('launch', 'launch_ros')}
    same = [r['signatures'] for r in record.values() if r['versions'] == installed]
    if not same:
        pytest.skip(f'nothing is recorded for {installed}')
    assert same == [launch_signatures.real()]


def test_a_recorded_signature_is_read_back():
    node = launch_signatures.recorded('jazzy')['launch_ros.actions.Node']
    assert node.parameters['executable'].default is inspect.Parameter.empty
    assert node.parameters['executable'].kind is inspect.Parameter.KEYWORD_ONLY

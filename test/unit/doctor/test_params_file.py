"""Which sections of a YAML file reach a node, as rclpy 7.1 was seen to do it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.finding import Level
from unet_seg_ros.doctor.params_file import (
    Section,
    check_names,
    check_ros_values,
    check_sections,
    read_sections,
    values_for,
)

NODE = '/segmentation_node'


@pytest.fixture
def sections(tmp_path):
    def read(text: str) -> list[Section]:
        path = tmp_path / 'my.yaml'
        path.write_text(text)
        return read_sections(path)

    return read


@pytest.mark.parametrize(
    ('section', 'nodes'),
    [
        ('/**', {NODE, '/front/segmentation_node', '/a/b/segmentation_node'}),
        ('segmentation_node', {NODE}),
        ('/front/segmentation_node', {'/front/segmentation_node'}),
        (
            '/**/segmentation_node',
            {NODE, '/front/segmentation_node', '/a/b/segmentation_node'},
        ),
        ('/*/segmentation_node', {'/front/segmentation_node'}),
        ('/*', {NODE}),
        ('/front/**', {'/front/segmentation_node'}),
        ('segmentation', set()),
    ],
)
def test_who_gets_a_section(section, nodes, sections):
    (read,) = sections(f'"{section}":\n  ros__parameters:\n    x: 1\n')
    every = [NODE, '/front/segmentation_node', '/a/b/segmentation_node']
    assert {node for node in every if read.is_for(node)} == nodes


def test_names_are_flat_and_the_later_value_wins(sections):
    read = sections("""
front:
  segmentation_node:
    ros__parameters: {gpu: 9}
segmentation_node:
  ros__parameters:
    gpu: 1
    front: {image_topic: /a/image, camera_info_topic: /a/info}
/**:
  ros__parameters: {gpu: 2, rear.image_topic: /b/image}
""")
    assert [section.name for section in read] == ['/front/segmentation_node', NODE, '/**']
    assert values_for(NODE, read) == {
        'gpu': 2,
        'front.image_topic': '/a/image',
        'front.camera_info_topic': '/a/info',
        'rear.image_topic': '/b/image',
    }


@pytest.mark.parametrize(
    ('text', 'told'),
    [
        ('x: [1', "is no YAML: line 1: expected ',' or ']'"),
        ('/**:\n\tx: 1\n', 'is no YAML: line 2: indent with spaces, not tabs'),
        ('ros__parameters:\n  gpu: 1\n', 'belongs to no node: write /\\*\\*: above it'),
        ('segmentation_node:\n  gpu: 1\n', 'outside of ros__parameters'),
        ('- gpu\n', 'the file has a value outside'),
        ('/**:\n  ros__parameters:\n', 'no parameters below'),
    ],
)
def test_what_is_no_parameter_file_is_refused_in_one_line(sections, text, told):
    with pytest.raises(ConfigurationError, match=told) as refused:
        sections(text)
    assert '\n' not in str(refused.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match='cannot be read: No such file'):
        read_sections(tmp_path / 'none.yaml')


def test_a_home_folder_that_nothing_expands():
    with pytest.raises(ConfigurationError, match='nothing expands its ~'):
        read_sections(Path('~/none.yaml'))


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        # As rclpy 7.1 was seen to read them; YAML 1.1 has most of them otherwise.
        ('1e-1', 0.1),
        ('1.', 1.0),
        ('010', 8),
        ('09', 9.0),
        ('0x1F', 31),
        ('.inf', math.inf),
        ('null', 'null'),
        ('~', '~'),
        ('', ''),
        ('12:30', '12:30'),
        ('2026-01-01', '2026-01-01'),
        ('1_000', '1_000'),
        ('y', True),
        ('off', False),
        ("'1'", '1'),
        ('[front, n]', ['front', False]),
    ],
)
def test_words_mean_what_they_mean_to_ros(sections, text, value):
    (read,) = sections(f'/**:\n  ros__parameters:\n    x: {text}\n')
    assert repr(read.values['x']) == repr(value)


def levels(path, sections) -> list[tuple[Level, str]]:
    return [(f.level, f.what) for f in check_sections(path, NODE, sections)]


def test_a_section_of_a_wrong_name_is_told(tmp_path):
    wrong, right = Section('/segmentation_nod', {'gpu': 1}), Section('/**', {'gpu': 2})
    ignored = '/segmentation_nod is not for /segmentation_node: ignored'
    assert levels(tmp_path, [wrong]) == [(Level.FAIL, f'the section {ignored}')]
    assert levels(tmp_path, [wrong, right]) == [
        (Level.WARN, f'the section {ignored}'),
        (Level.OK, '/segmentation_node gets the sections /**'),
    ]
    # Another node's beside ours is no mistake, but one of ours in another namespace may be.
    planner, other = Section('/planner', {'gpu': 1}), Section('/car/segmentation_node', {})
    assert [level for level, _ in levels(tmp_path, [planner, other, right])] == [
        Level.SKIP,
        Level.WARN,
        Level.OK,
    ]
    assert levels(tmp_path, []) == [(Level.FAIL, 'sets nothing')]


@pytest.mark.parametrize(
    ('section', 'name', 'level', 'remedy'),
    [
        (NODE, 'overlay_opactiy', Level.FAIL, 'is overlay_opacity meant?'),
        ('/**', 'overlay_opactiy', Level.FAIL, 'is overlay_opacity meant?'),
        (NODE, 'wheel_base', Level.FAIL, ''),
        # Another node's, in a section that is for all.
        ('/**', 'wheel_base', Level.WARN, ''),
        (NODE, 'rear.image_topic', Level.FAIL, 'name rear in cameras'),
        # rclpy hears nothing of this policy.
        (NODE, 'qos_overrides./x.subscription.durability', Level.FAIL, 'override history, depth'),
        ('/**', 'qos_overrides./x.subscription.durability', Level.WARN, 'override history, depth'),
        (NODE, 'front.image_topc', Level.FAIL, 'is front.image_topic meant?'),
    ],
)
def test_an_unknown_parameter_is_told(section, name, level, remedy):
    read = [Section(section, {'cameras': ['front'], name: 'x'})]
    (finding,) = check_names(NODE, read, ['cameras', 'overlay_opacity'], ['image_topic'])
    assert (finding.level, finding.subject) == (level, f'parameter {name}')
    assert finding.remedy.startswith(remedy)
    assert bool(finding.remedy) == bool(remedy)


def test_known_parameters_and_those_of_ros_are_not_told():
    values = {
        'cameras': ['front'],
        'front.image_topic': '/x',
        'use_sim_time': True,
        'qos_overrides./x.subscription.reliability': 'reliable',
        'qos_overrides./x.subscription_info.depth': 2,
    }
    assert check_names(NODE, [Section('/**', values)], ['cameras'], ['image_topic']) == []


def test_what_another_node_gets_is_not_told():
    assert check_names(NODE, [Section('/planner', {'gain': 1})], [], []) == []


@pytest.mark.parametrize('cameras', [5, 'front', True, {'front': 1}])
def test_cameras_that_are_no_list_are_left_to_ros(cameras):
    read = [Section(NODE, {'cameras': cameras})]
    assert check_names(NODE, read, ['cameras'], ['image_topic']) == []


@pytest.mark.parametrize(
    ('name', 'value', 'remedy'),
    [
        ('use_sim_time', 'yes please', 'set true or false'),
        ('use_sim_time', 1, 'set true or false'),
        ('use_sim_time', True, ''),
        ('qos_overrides./x.subscription.reliability', 'bogus', 'set one of reliable, best_effort'),
        ('qos_overrides./x.subscription.reliability', 'best_effort', ''),
        ('qos_overrides./x.publisher.history', 5, 'set one of keep_last'),
        ('qos_overrides./x.publisher.depth', 'five', 'set a whole number'),
        ('qos_overrides./x.publisher.depth', 5, ''),
        ('gpu', 'five', ''),
    ],
)
def test_what_ros_itself_refuses(name, value, remedy):
    found = list(check_ros_values({name: value}))
    assert [f.level for f in found] == ([Level.FAIL] if remedy else [])
    assert all(f.remedy.startswith(remedy) for f in found)

"""Parameters and qos_overrides from outside: what fits, and what is told of the rest."""

from __future__ import annotations

import pytest
from rclpy.qos import ReliabilityPolicy
from support.stage import Stage

pytestmark = pytest.mark.ros


OUT = 'camera/segmentation'


def test_a_qos_override_of_one_topic_leaves_the_others_alone(stage: Stage, known_model):
    override = {f'qos_overrides./{OUT}/mask.publisher.reliability': 'best_effort'}
    stage.start_active(model=str(known_model), **override)

    def publishers(name: str) -> list:
        return stage.peer.get_publishers_info_by_topic(f'/{OUT}/{name}')

    stage.spin_until(lambda: bool(publishers('mask') and publishers('overlay')), 'publishers')
    assert publishers('mask')[0].qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    assert publishers('overlay')[0].qos_profile.reliability == ReliabilityPolicy.RELIABLE


@pytest.mark.parametrize(
    ('name', 'value', 'topic', 'says'),
    [
        (f'/{OUT}/overlay.publisher.reliability', 'sometimes', f'/{OUT}/overlay', '`sometimes`'),
        ('/camera/image_raw.subscription.history', 'some', '/camera/image_raw', '`some`'),
        ('/camera/camera_info.subscription.depth', 'five', '/camera/camera_info', "'five'"),
        ('camera.camera_info_topic', '/camera/image_raw', '/camera/image_raw', 'another type'),
    ],
)
def test_a_topic_that_cannot_be_used_fails_configure_with_one_line(
    stage: Stage, known_model, capfd, name, value, topic, says
):
    override = f'qos_overrides.{name}' if name.startswith('/') else name
    node = stage.start_node(model=str(known_model), **{override: value})
    before = {p.topic_name for p in node.publishers}
    assert node.trigger_configure().name == 'FAILURE'
    errors = [line for line in capfd.readouterr().err.splitlines() if '[ERROR]' in line]
    assert len(errors) == 1
    assert f'topic {topic} cannot be used: ' in errors[0]
    assert says in errors[0]
    assert {p.topic_name for p in node.publishers} == before
    assert not list(node.subscriptions)


def test_what_was_meant_for_a_parameter_is_pointed_out(stage: Stage, known_model, capfd):
    node = stage.start_node(
        **{'model': str(known_model), 'num_thread': 2, 'front.image_topic': '/x', 'wheels': 4}
    )
    node.trigger_configure()
    said = capfd.readouterr().err
    assert 'num_thread is set, but is unknown: is num_threads meant?' in said
    assert 'front.image_topic is set, but cameras names only camera' in said
    assert 'parameter wheels is set, but is unknown' in said


def test_a_qos_override_that_no_topic_takes_is_pointed_out(stage: Stage, known_model, capfd):
    topics = f'qos_overrides./{OUT}'
    fine = ('mask.publisher.depth', 'mask_rle.publisher.depth', 'road_probability.publisher.depth')
    told = {
        'mask.publisher.durability': 'only history, depth and reliability can be overridden',
        'maks.publisher.depth': f'no topic takes it: is {topics}/mask.publisher.depth meant?',
    }
    overrides = {f'{topics}/{name}': 3 for name in (*fine, *told)}
    stage.start_active(model=str(known_model), **overrides)
    lines = [x for x in capfd.readouterr().err.splitlines() if 'parameter qos_overrides' in x]
    expected = [f'parameter {topics}/{name} is set, but {why}' for name, why in told.items()]
    assert [line[line.index('parameter ') :] for line in lines] == expected

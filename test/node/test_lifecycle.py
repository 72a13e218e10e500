"""Every transition, the refusal of the others, and what each state holds."""

from __future__ import annotations

import pytest
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.parameter import Parameter
from support.stage import Stage, engine_of, picture, to_message

from unet_seg_ros.core.errors import ConfigurationError

pytestmark = pytest.mark.ros

SUCCESS, FAILURE = 'SUCCESS', 'FAILURE'


def request(stage: Stage, transition: int) -> bool:
    client = stage.peer.create_client(ChangeState, 'segmentation_node/change_state')
    stage.spin_until(client.service_is_ready, 'the change_state service')
    future = client.call_async(ChangeState.Request(transition=Transition(id=transition)))
    stage.spin_until(future.done, 'the answer')
    return future.result().success


def state(stage: Stage) -> str:
    client = stage.peer.create_client(GetState, 'segmentation_node/get_state')
    stage.spin_until(client.service_is_ready, 'the get_state service')
    future = client.call_async(GetState.Request())
    stage.spin_until(future.done, 'the state')
    return future.result().current_state.label


def test_each_transition_through_the_services(stage: Stage, known_model):
    stage.start_node(model=str(known_model))
    for transition, after in (
        (Transition.TRANSITION_CONFIGURE, 'inactive'),
        (Transition.TRANSITION_ACTIVATE, 'active'),
        (Transition.TRANSITION_DEACTIVATE, 'inactive'),
        (Transition.TRANSITION_CLEANUP, 'unconfigured'),
        (Transition.TRANSITION_CONFIGURE, 'inactive'),
        (Transition.TRANSITION_ACTIVATE, 'active'),
        (Transition.TRANSITION_ACTIVE_SHUTDOWN, 'finalized'),
    ):
        assert request(stage, transition)
        assert state(stage) == after


def test_an_impossible_request_is_answered_and_survived(stage: Stage, known_model):
    stage.start_node(model=str(known_model))
    for transition in (Transition.TRANSITION_ACTIVATE, Transition.TRANSITION_CLEANUP, 99):
        assert not request(stage, transition)
    assert state(stage) == 'unconfigured'
    assert request(stage, Transition.TRANSITION_CONFIGURE)


def test_configured_again_after_cleanup_it_segments(stage: Stage, known_model):
    node = stage.start_active(model=str(known_model))
    node.trigger_deactivate()
    node.trigger_cleanup()
    assert node._engine is None
    assert not [p for p in node.publishers if 'segmentation' in p.topic_name]
    node.trigger_configure()
    node.trigger_activate()
    stage.listen('camera/segmentation/mask')
    stage.camera('camera/image_raw').publish(to_message(picture()))
    stage.spin_until(lambda: bool(stage.received['camera/segmentation/mask']), 'a mask')


def test_inactive_publishes_nothing(stage: Stage, known_model):
    node = stage.start_active(model=str(known_model))
    node.trigger_deactivate()
    assert not list(node._channels[0]._subscriptions)
    stage.spin_until(
        lambda: stage.peer.count_subscribers('camera/image_raw') == 0, 'no subscription'
    )
    assert node._worker is None


@pytest.mark.parametrize(
    ('parameters', 'says'),
    [
        ({'model': '/nowhere.onnx'}, '/nowhere.onnx: not found'),
        ({'cameras': ['a', 'a']}, 'twice'),
        ({'cameras': ['a b']}, "'a b'"),
        ({'cameras': ['']}, "''"),
        ({'camera.image_topic': '/bad topic'}, 'camera.image_topic'),
        ({'camera.camera_info_topic': '/bad topic'}, 'camera.camera_info_topic'),
        ({'camera.image_topic': '/x/{cam}'}, "'/x/{cam}': unknown substitution: {cam}"),
        ({'camera.image_topic': '/carla//front'}, "must not contain repeated '/'"),
        ({'cameras': ['x' * 300]}, 'topic length should not exceed'),
        ({'model': '~who/m.onnx'}, 'model file ~who/m.onnx: not found'),
        ({'backend': 'magic'}, "'magic' is not one of"),
        ({'precision': 'f64'}, "'f64' is not one of"),
        ({'precision': 'bf16', 'backend': 'onnxruntime'}, "'bf16' is not one of"),
    ],
)
def test_a_wrong_parameter_fails_configure_with_one_line(
    stage: Stage, known_model, capfd, parameters, says
):
    node = stage.start_node(**{'model': str(known_model), **parameters})
    assert node.trigger_configure().name == FAILURE
    errors = [line for line in capfd.readouterr().err.splitlines() if '[ERROR]' in line]
    assert len(errors) == 1
    assert says in errors[0]
    assert node._engine is None


def test_after_a_failed_configure_a_mended_parameter_works(stage: Stage, known_model):
    node = stage.start_node(model='/nowhere.onnx')
    assert node.trigger_configure().name == FAILURE
    node.set_parameters([Parameter('model', value=str(known_model))])
    assert node.trigger_configure().name == SUCCESS


@pytest.mark.parametrize(
    ('parameters', 'says'),
    [
        ({'overlay_opacity': 2.0}, 'overlay_opacity'),
        ({'overlay_opacity': 1}, 'overlay_opacity'),
        ({'num_threads': -1}, 'num_threads'),
        ({'autostart': 'yes'}, 'autostart'),
    ],
)
def test_a_wrong_type_or_range_is_refused_at_start(stage: Stage, parameters, says):
    with pytest.raises(ConfigurationError, match=says) as error:
        stage.start_node(**parameters)
    assert '\n' not in str(error.value)


def test_a_home_folder_is_found_without_a_shell(stage: Stage, known_model, monkeypatch):
    monkeypatch.setenv('HOME', str(known_model.parent))
    node = stage.start_node(model=f'~/{known_model.name}')
    assert node.trigger_configure().name == SUCCESS
    assert engine_of(node).backend.path == known_model


def test_a_misspelt_parameter_of_a_camera_is_told(stage: Stage, known_model, capfd):
    stage.start_active(
        **{'model': str(known_model), 'camera.image_topc': '/x', 'rear.fit': '', 'others': 0.5}
    )
    told = [line for line in capfd.readouterr().err.splitlines() if '[WARN]' in line]
    assert [line.partition(': parameter ')[2] for line in told] == [
        'camera.image_topc is set, but is unknown: is camera.image_topic meant?',
        'rear.fit is set, but cameras names only camera',
        'others is set, but is unknown',
    ]


def test_what_may_change_while_active_changes_and_the_rest_says_so(stage: Stage, known_model):
    node = stage.start_active(model=str(known_model))
    (opacity,) = node.set_parameters([Parameter('overlay_opacity', value=0.9)])
    assert opacity.successful
    assert engine_of(node).segmenter.renderer.overlay_opacity == 0.9
    for name, value in (('cameras', ['b']), ('backend', 'openvino'), ('camera.image_topic', 'y')):
        (result,) = node.set_parameters([Parameter(name, value=value)])
        assert not result.successful
        assert 'clean up first' in result.reason
    (unknown_word,) = stage.start_node().set_parameters([Parameter('backend', value='magic')])
    assert not unknown_word.successful


def test_every_parameter_has_a_description(stage: Stage, known_model):
    node = stage.start_active(model=str(known_model))
    names = [
        name
        for name in node._parameters
        if name != 'use_sim_time' and not name.startswith(('qos_overrides', 'start_type'))
    ]
    assert {'cameras', 'camera.image_topic', 'model'} <= set(names)
    for name in names:
        assert node.describe_parameter(name).description, name

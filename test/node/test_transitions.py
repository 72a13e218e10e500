"""Each transition asked for in each state, and what becomes of one that meets a bug."""

from __future__ import annotations

import pytest
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from support.stage import Stage, picture, to_message

from unet_seg_ros.ros import segmentation_node
from unet_seg_ros.ros.camera import CameraChannel
from unet_seg_ros.ros.segmentation_node import SegmentationNode

pytestmark = pytest.mark.ros

#: The transitions that lead from unconfigured to a state.
WAY_TO = {
    'unconfigured': (),
    'inactive': ('configure',),
    'active': ('configure', 'activate'),
    'finalized': ('shutdown',),
}
#: The state that a transition leads to; every other pair is impossible.
POSSIBLE = {
    ('unconfigured', Transition.TRANSITION_CONFIGURE): 'inactive',
    ('inactive', Transition.TRANSITION_ACTIVATE): 'active',
    ('active', Transition.TRANSITION_DEACTIVATE): 'inactive',
    ('inactive', Transition.TRANSITION_CLEANUP): 'unconfigured',
    ('unconfigured', Transition.TRANSITION_UNCONFIGURED_SHUTDOWN): 'finalized',
    ('inactive', Transition.TRANSITION_INACTIVE_SHUTDOWN): 'finalized',
    ('active', Transition.TRANSITION_ACTIVE_SHUTDOWN): 'finalized',
}
TRANSITIONS = sorted(transition for _, transition in POSSIBLE)
MASK = 'camera/segmentation/mask'


@pytest.fixture
def node(stage: Stage, known_model) -> SegmentationNode:
    return stage.start_node(model=str(known_model))


def bring_to(node: SegmentationNode, state: str) -> None:
    for transition in WAY_TO[state]:
        getattr(node, f'trigger_{transition}')()
    assert state_of(node) == state


def state_of(node: SegmentationNode) -> str:
    return str(node._state_machine.current_state[1])


def ask(node: SegmentationNode, transition: int) -> bool:
    """Return the answer of the service, which other tests ask over DDS."""
    request = ChangeState.Request(transition=Transition(id=transition))
    answer = node._service_change_state.callback(request, ChangeState.Response())
    return bool(answer.success)


def camera_topics(node: SegmentationNode) -> list[str]:
    topics = [entity.topic_name for entity in (*node.publishers, *node.subscriptions)]
    return [topic for topic in topics if 'camera/' in topic]


@pytest.mark.parametrize('state', WAY_TO)
@pytest.mark.parametrize('transition', TRANSITIONS)
def test_each_transition_from_each_state(node, state, transition):
    bring_to(node, state)
    after = POSSIBLE.get((state, transition))
    assert ask(node, transition) == (after is not None)
    assert state_of(node) == (after or state)
    assert bool(camera_topics(node)) == (state_of(node) in ('inactive', 'active'))


@pytest.mark.parametrize(
    ('state', 'transition', 'where', 'name'),
    [
        ('unconfigured', Transition.TRANSITION_CONFIGURE, segmentation_node, 'read_settings'),
        ('inactive', Transition.TRANSITION_ACTIVATE, CameraChannel, 'subscribe'),
        ('active', Transition.TRANSITION_DEACTIVATE, CameraChannel, 'unsubscribe'),
        ('inactive', Transition.TRANSITION_CLEANUP, CameraChannel, 'destroy'),
        ('active', Transition.TRANSITION_ACTIVE_SHUTDOWN, CameraChannel, 'unsubscribe'),
    ],
)
def test_a_bug_in_a_transition_frees_everything_and_the_node_serves_again(
    stage: Stage, node, monkeypatch, capfd, state, transition, where, name
):
    bring_to(node, state)
    works = getattr(where, name)

    def fail_once(*arguments):
        monkeypatch.setattr(where, name, works)
        raise RuntimeError('a bug')

    monkeypatch.setattr(where, name, fail_once)
    assert not ask(node, transition)
    assert 'RuntimeError: a bug' in capfd.readouterr().err
    assert state_of(node) == 'unconfigured'
    assert not camera_topics(node)
    bring_to(node, 'active')
    stage.listen(MASK)
    stage.camera('camera/image_raw').publish(to_message(picture()))
    stage.spin_until(lambda: bool(stage.received[MASK]), 'a mask')


def test_what_cannot_be_freed_either_is_final(node, monkeypatch):
    bring_to(node, 'active')

    def fail(*arguments):
        raise RuntimeError('a bug')

    with monkeypatch.context() as broken:
        broken.setattr(CameraChannel, 'unsubscribe', fail)
        assert not ask(node, Transition.TRANSITION_DEACTIVATE)
    assert state_of(node) == 'finalized'
    assert not ask(node, Transition.TRANSITION_CONFIGURE)

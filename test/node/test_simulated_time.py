"""The node on the clock of a rendered drive, as under CARLA's bridge: pauses, jumps back."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from sensor_msgs.msg import Image
from support.graph import Graph
from support.verbs import Verbs

from unet_seg_ros.ros.messages import stamp_ns

pytestmark = pytest.mark.ros

NODE = [sys.executable, '-m', 'unet_seg_ros.ros', '--ros-args']
STEP_NS = 50_000_000
# A drive begins when the node reads its images, and somebody the semantic ones.
DRIVE = ('drive', '--size', '160x90', '--rate', 20, '--wait-for', 1)
SEMANTIC = '/carla/ego_vehicle/semantic_segmentation_front/image'


class Observer:
    """Keeps the stamps of what comes while a drive runs [ns]."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.masks: list[int] = []
        self.health: DiagnosticArray | None = None
        create = graph.peer.create_subscription
        create(Image, 'rgb_front/segmentation/mask', self._on_mask, 10)
        create(Image, SEMANTIC, lambda image: None, 10)
        create(DiagnosticArray, '/diagnostics', self._on_health, 10)

    def _on_mask(self, mask: Image) -> None:
        self.masks.append(stamp_ns(mask.header.stamp))

    def _on_health(self, message: DiagnosticArray) -> None:
        self.health = message

    def wait_for_masks(self, count: int) -> None:
        more = len(self.masks) + count
        self.graph.wait_until(lambda: len(self.masks) >= more, f'{count} more masks')

    def wait_for_health(self, level: bytes, words: str) -> DiagnosticArray:
        """Wait until the camera is said to be so, and return the message that says it."""

        def is_so() -> bool:
            statuses = self.health.status if self.health else ()
            return any(
                s.name == 'segmentation_node: rgb_front'
                and s.level == level
                and words in s.message
                for s in statuses
            )

        self.health = None
        self.graph.wait_until(is_so, f'{words!r} in diagnostics')
        return self.health


@pytest.fixture
def observer(ros_domain) -> Iterator[Observer]:
    graph = Graph(ros_domain)
    yield Observer(graph)
    graph.close()


@pytest.fixture
def node(ros_domain, known_model) -> Iterator[None]:
    parameters = {
        'use_sim_time': True,
        'model': known_model,
        'cameras': '[rgb_front]',
        'rgb_front.image_topic': '/carla/ego_vehicle/rgb_front/image',
        'diagnostics_period_s': 0.2,
        'silence_warning_s': 0.5,
        'max_age_s': 5.0,
    }
    arguments = [a for name, value in parameters.items() for a in ('-p', f'{name}:={value}')]
    process = subprocess.Popen([*NODE, *arguments])
    yield
    process.kill()
    process.wait()


def are_of_one_drive(stamps: list[int]) -> bool:
    """Return whether stamps are a drive's, in its order, none of them twice."""
    return all(a < b for a, b in pairwise(stamps)) and not any(s % STEP_NS for s in stamps)


def test_a_pause_and_a_jump_back_of_the_clock(observer: Observer, node, verbs: Verbs):
    first = verbs.start(*DRIVE)
    observer.wait_for_masks(10)
    observer.wait_for_health(DiagnosticStatus.OK, 'ok')

    first.send_signal(signal.SIGSTOP)
    observer.wait_for_health(DiagnosticStatus.WARN, 'no image')
    paused = observer.wait_for_health(DiagnosticStatus.WARN, 'no image')
    masks = len(observer.masks)
    later = observer.wait_for_health(DiagnosticStatus.WARN, 'no image')
    assert later.header.stamp == paused.header.stamp
    assert are_of_one_drive([0, stamp_ns(paused.header.stamp)])
    assert len(observer.masks) == masks
    first.send_signal(signal.SIGCONT)
    observer.wait_for_masks(10)
    observer.wait_for_health(DiagnosticStatus.OK, 'ok')
    assert are_of_one_drive(observer.masks)

    first.kill()
    first.wait()
    observer.wait_for_health(DiagnosticStatus.WARN, 'no image')
    before, observer.masks = observer.masks, []
    second = verbs.start(*DRIVE)
    observer.graph.wait_until(
        lambda: stamp_ns(observer.health.header.stamp) < before[-1], 'diagnostics on the new clock'
    )
    observer.wait_for_masks(10)
    observer.wait_for_health(DiagnosticStatus.OK, 'ok')
    assert observer.masks[0] < before[-1]
    assert are_of_one_drive(observer.masks)
    assert second.poll() is None

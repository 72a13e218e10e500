"""The node's process: it ends at once in every state, and a hundred lives leave nothing behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from sensor_msgs.msg import Image
from support.graph import Graph
from support.stage import picture, to_message

pytestmark = pytest.mark.ros

IMPOSSIBLE = 99
NODE = [sys.executable, '-m', 'unet_seg_ros.ros.segmentation_node', '--ros-args']
WAY_TO = {
    'unconfigured': (),
    'inactive': (Transition.TRANSITION_CONFIGURE,),
    'active': (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE),
}
ROUND = (
    Transition.TRANSITION_CONFIGURE,
    Transition.TRANSITION_ACTIVATE,
    Transition.TRANSITION_DEACTIVATE,
    Transition.TRANSITION_CLEANUP,
)
NUM_ROUNDS = 100
# By when the heap has found its size, and the pools of OpenVINO and DDS have all their threads.
NUM_WARM_UP = 100
MOST_GROWTH_KB = 16


@pytest.fixture
def graph(ros_domain) -> Iterator[Graph]:
    graph = Graph(ros_domain)
    yield graph
    graph.close()


@pytest.fixture
def log(tmp_path) -> Path:
    return tmp_path / 'log.txt'


@pytest.fixture
def node(graph, known_model, log) -> Iterator[subprocess.Popen]:
    """Return the node's process, which waits to be told."""
    command = [*NODE, '-p', f'model:={known_model}', '-p', 'autostart:=false']
    with log.open('w') as file:
        process = subprocess.Popen(command, stderr=file)
    yield process
    process.kill()
    process.wait()


class Lifecycle:
    """A client that the node has already answered: none of its answers is lost any more."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._client = graph.peer.create_client(ChangeState, '/segmentation_node/change_state')
        graph.wait_until(self._client.service_is_ready, 'the node')
        graph.wait_until(lambda: self._answer(IMPOSSIBLE, 0.5) is not None, 'an answer')

    def change(self, transition: int) -> bool | None:
        """Return whether a transition succeeded; None if no answer came."""
        return self._answer(transition, 20)

    def _answer(self, transition: int, patience_s: float) -> bool | None:
        request = ChangeState.Request(transition=Transition(id=transition))
        future = self._client.call_async(request)
        self._graph.executor.spin_until_future_complete(future, timeout_sec=patience_s)
        return future.result().success if future.done() else None


def let_frames_flow(graph: Graph) -> None:
    """Send a frame every few milliseconds, for as long as the peer spins, and wait for masks."""
    masks: list[Image] = []
    frame = to_message(picture())
    camera = graph.peer.create_publisher(Image, 'camera/image_raw', 1)
    graph.peer.create_subscription(Image, 'camera/segmentation/mask', masks.append, 1)
    graph.peer.create_timer(0.01, lambda: camera.publish(frame))
    graph.wait_until(lambda: len(masks) > 10, 'masks')


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize('state', WAY_TO)
def test_a_signal_ends_it_within_two_seconds(graph, node, log, state, number):
    lifecycle = Lifecycle(graph)
    for transition in WAY_TO[state]:
        assert lifecycle.change(transition)
    if state == 'active':
        let_frames_flow(graph)
    node.send_signal(number)
    assert node.wait(timeout=2) == 0
    assert 'Traceback' not in log.read_text()


def resources(pid: int) -> dict[str, int]:
    """Return a process's resident memory [kB], threads and open files."""
    lines = Path(f'/proc/{pid}/status').read_text().splitlines()
    fields = dict(line.split(':', 1) for line in lines)
    return {
        'memory_kb': int(fields['VmRSS'].split()[0]),
        'threads': int(fields['Threads']),
        'files': len(list(Path(f'/proc/{pid}/fd').iterdir())),
    }


@pytest.mark.timeout(300)
def test_a_hundred_rounds_leave_nothing_behind(graph, node):
    lifecycle = Lifecycle(graph)
    used = []
    for _ in range(NUM_WARM_UP + NUM_ROUNDS):
        for transition in ROUND:
            assert lifecycle.change(transition)
        used.append(resources(node.pid))
    warm = used[NUM_WARM_UP:]
    files = [u['files'] for u in warm]
    assert files[-1] == files[0], files
    threads = [u['threads'] for u in warm]
    # OpenVINO's pool has one thread more at some times than at others.
    assert abs(threads[-1] - threads[0]) <= 1, threads
    memory_kb = [u['memory_kb'] for u in warm]
    growth_kb = np.polyfit(np.arange(NUM_ROUNDS), memory_kb, 1)[0]
    assert growth_kb < MOST_GROWTH_KB, f'{growth_kb:.1f} kB a round: {memory_kb}'

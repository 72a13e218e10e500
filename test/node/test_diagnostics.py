"""What the node says of its cameras as time goes by."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import support
from diagnostic_msgs.msg import DiagnosticStatus
from support.stage import Stage, picture, to_message

from unet_seg_ros.core.statistics import FrameStatistics
from unet_seg_ros.ros.segmentation_node import SegmentationNode

pytestmark = pytest.mark.ros

FOREIGN_PEER = str(Path(support.__file__).with_name('foreign_dds.py'))


def silence_s(node: SegmentationNode) -> int:
    """Return for how long the node says that its camera has sent nothing [s]; 0 if it is well."""
    said = re.search(r'no image on .* for (\d+) s', node._health[0].status(True).message)
    return int(said[1]) if said else 0


def test_what_happens_right_after_a_reset_is_told(stage: Stage, known_model):
    node = stage.start_active(model=str(known_model))
    (channel,), (health,) = node._channels, node._health
    channel.statistics.failed = 5
    assert health.status(is_active=True).level == DiagnosticStatus.ERROR
    assert health.status(is_active=True).level == DiagnosticStatus.OK
    channel.statistics = FrameStatistics()
    channel.statistics.failed = 1
    assert health.status(is_active=True).message == 'the engine failed on 1 frames'


def test_a_camera_that_stops_is_told_once_each_time(stage: Stage, known_model, capfd):
    node = stage.start_active(
        model=str(known_model), silence_warning_s=0.5, diagnostics_period_s=0.1
    )
    stage.listen('camera/segmentation/mask')
    camera = stage.camera('camera/image_raw')
    statistics = node._channels[0].statistics

    def is_well_again() -> bool:
        num_received = statistics.received
        camera.publish(to_message(picture()))
        stage.spin_until(lambda: statistics.received > num_received, 'the image')
        return silence_s(node) == 0

    for _ in range(2):
        stage.spin_until(is_well_again, 'an OK')
        capfd.readouterr()
        stage.spin_until(lambda: silence_s(node) >= 2, 'some silence')
        said = [line for line in capfd.readouterr().err.splitlines() if 'no image' in line]
        assert len(said) == 1
        assert 'it has a publisher, which sends nothing: is the camera running?' in said[0]


def test_simulated_time_that_does_not_come_is_told_once(stage: Stage, known_model, capfd):
    node = stage.start_active(
        model=str(known_model),
        use_sim_time=True,
        silence_warning_s=0.3,
        diagnostics_period_s=0.1,
    )
    said = []

    def told() -> int:
        said.append(capfd.readouterr().err)
        return ''.join(said).count('nothing comes on /clock')

    stage.spin_until(lambda: told() == 1, 'the warning')
    stage.spin_until(lambda: silence_s(node) >= 1, 'some silence')
    assert told() == 1


@pytest.mark.skipif(
    find_spec('cyclonedds') is None, reason='no wheel of cyclonedds for this machine'
)
def test_a_topic_whose_name_ros_does_not_take_is_no_hint(
    stage: Stage, known_model, ros_domain, capfd
):
    command = (sys.executable, FOREIGN_PEER, str(ros_domain), 'reliable', 'rt/a-b/image_raw', 'x')
    with subprocess.Popen(command, stdin=subprocess.PIPE) as foreign:
        try:
            stage.spin_until(
                lambda: '/a-b/image_raw' in dict(stage.peer.get_topic_names_and_types()),
                'the foreign topic',
            )
            stage.start_active(
                model=str(known_model), silence_warning_s=0.3, diagnostics_period_s=0.1
            )
            said = []

            def told() -> bool:
                said.append(capfd.readouterr().err)
                return 'is its driver running' in ''.join(said)

            stage.spin_until(told, 'the warning')
        finally:
            foreign.kill()

"""What the node says of its cameras as time goes by."""

from __future__ import annotations

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from support.stage import Stage, picture, to_message

from unet_seg_ros.core.statistics import FrameStatistics

pytestmark = pytest.mark.ros


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
    capfd.readouterr()
    for times in (1, 2):
        camera.publish(to_message(picture()))
        stage.spin_until(lambda n=times: statistics.received == n, 'the image')
        health = node._health[0]
        stage.spin_until(
            lambda h=health: h.status(True).message in ('ok', 'nothing to publish'), 'an OK'
        )
        said: list[str] = []

        def has_said(said: list[str] = said) -> bool:
            said += [line for line in capfd.readouterr().err.splitlines() if 'no image' in line]
            return bool(said)

        stage.spin_until(has_said, 'the warning')
        assert 'it has a publisher, which sends nothing: is the camera running?' in said[0]
        stage.spin_until(lambda h=health: ' 2 s' in h.status(True).message, 'more silence')
        assert not has_said([])

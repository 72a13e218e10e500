"""Several cameras and one engine: batches, their budget, fairness."""

from __future__ import annotations

from threading import Event

import numpy as np
import pytest
from rclpy.parameter import Parameter
from support.child_processes import wait_until_it_rests
from support.stage import Stage, engine_of, picture, pixels, to_message
from support.waiting import wait_until

from unet_seg_ros.core import newest

pytestmark = pytest.mark.ros


FRONT, REAR = 'front/segmentation/mask', 'rear/segmentation/mask'


INNER = np.s_[5::12, 5::12]


def batches_of(node, monkeypatch) -> list[int]:
    """Return a list that grows by the size of each batch that reaches the engine."""
    backend, sizes = engine_of(node).backend, []
    infer = backend._infer

    def noting(images):
        sizes.append(len(images))
        return infer(images)

    monkeypatch.setattr(backend, '_infer', noting)
    return sizes


def stamps(stage: Stage, topic: str) -> list[int]:
    return [m.header.stamp.nanosec for m in stage.received[topic]]


def set_parameter(node, name: str, value: object) -> None:
    (result,) = node.set_parameters([Parameter(name, value=value)])
    assert result.successful, result.reason


def test_frames_that_are_due_together_are_one_batch_and_a_bad_one_touches_no_other(
    stage: Stage, known_model, monkeypatch
):
    names = ['front', 'rear', 'left']
    node = stage.start_active(
        **{
            'model': str(known_model),
            'cameras': names,
            'left.region': [90, 0, 30, 30],
        }
    )
    stage.listen(*(f'{name}/segmentation/mask' for name in names))
    cameras = [stage.camera(f'{name}/image_raw') for name in names]
    monkeypatch.setattr(newest, '_SILENT_S', 60.0)
    sizes = batches_of(node, monkeypatch)
    images = [picture(seed=seed) for seed in range(3)]
    left = node._channels[2].statistics
    # The first time nobody knows yet that there are others to wait for.
    for number, wait_s in ((1, 0.0), (2, 60.0)):
        node._worker.set_batch_wait(wait_s)
        for camera, image, channel in zip(cameras, images, node._channels, strict=True):
            camera.publish(to_message(image))
            statistics = channel.statistics
            stage.spin_until(lambda s=statistics, n=number: s.received == n, 'the frame')
            # It has had time to begin with what there is.
            wait_until_it_rests(node._worker._thread)
        for topic in (FRONT, REAR):
            stage.spin_until(lambda t=topic, n=number: len(stage.received[t]) == n, 'the masks')
        stage.spin_until(lambda n=number: left.refused == n, 'the refusal')
    assert sizes[-1] == 2
    assert [c.statistics.refused for c in node._channels] == [0, 0, 2]
    assert not stage.received['left/segmentation/mask']
    for topic, image in ((FRONT, images[0]), (REAR, images[1])):
        mask = pixels(stage.received[topic][-1])
        np.testing.assert_array_equal(mask[INNER], (image[..., 0] // 64)[INNER])


def test_a_camera_waits_for_a_slow_one_no_longer_than_the_budget(
    stage: Stage, known_model, monkeypatch
):
    node = stage.start_active(
        model=str(known_model), cameras=['front', 'rear'], batch_wait_ms=1000.0
    )
    stage.listen(FRONT, REAR)
    camera = stage.camera('front/image_raw')
    monkeypatch.setattr(newest, '_SILENT_S', 60.0)
    stage.camera('rear/image_raw').publish(to_message(picture()))
    stage.spin_until(lambda: bool(stage.received[REAR]), 'the mask of the slow camera')
    sizes = batches_of(node, monkeypatch)
    statistics = node._channels[0].statistics
    for number in (1, 2):
        camera.publish(to_message(picture(), stamp_ns=number))
        stage.spin_until(lambda n=number: statistics.segmented == n, 'the frame to be done')
        set_parameter(node, 'batch_wait_ms', 0.0)
    with_budget_s, without_s = statistics.total_s
    assert with_budget_s >= 0.99
    assert without_s < 0.99
    assert sizes == [1, 1]


def test_a_fast_camera_does_not_starve_a_slow_one(stage: Stage, known_model, monkeypatch):
    node = stage.start_active(model=str(known_model), cameras=['front', 'rear'], max_batch=1)
    stage.listen(FRONT, REAR)
    fast, slow = stage.camera('front/image_raw'), stage.camera('rear/image_raw')
    backend, statistics, is_over = engine_of(node).backend, node._channels[0].statistics, Event()
    infer = backend._infer

    def infer_while_the_fast_one_sends(images):
        num_received = statistics.received
        fast.publish(to_message(picture()))
        wait_until(lambda: statistics.received > num_received or is_over.is_set())
        return infer(images)

    monkeypatch.setattr(backend, '_infer', infer_while_the_fast_one_sends)
    fast.publish(to_message(picture()))
    for number in range(1, 21):
        slow.publish(to_message(picture(), stamp_ns=number))
        stage.spin_until(lambda n=number: len(stage.received[REAR]) == n, 'the slow mask')
    is_over.set()
    assert stamps(stage, REAR) == list(range(1, 21))
    assert node._channels[1].statistics.dropped == 0

"""Cameras of one node: how their frames are limited and judged, and what may change meanwhile."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_srvs.srv import Trigger
from support.stage import Stage, engine_of, picture, pixels, to_message

pytestmark = pytest.mark.ros


FRONT, REAR = 'front/segmentation/mask', 'rear/segmentation/mask'


def compressed(image: np.ndarray, stamp_ns: int = 1, kind: str = '.png') -> CompressedImage:
    message = CompressedImage(format=f'bgr8; {kind[1:]} compressed bgr8')
    message.header.stamp.nanosec = stamp_ns
    message.data = cv2.imencode(kind, image)[1].tobytes()
    return message


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


def test_camera_info_is_that_of_the_output(stage: Stage, known_model):
    node = stage.start_active(
        **{
            'model': str(known_model),
            'cameras': ['front', 'rear'],
            'front.output_size': '48x24',
            'rear.region': [8, 4, 64, 32],
            'rear.output_size': 'network',
        }
    )
    infos = [f'{name}/segmentation/camera_info' for name in ('front', 'rear')]
    stage.listen(FRONT, REAR)
    stage.listen(*infos, kind=CameraInfo)
    cameras = [stage.camera(f'{name}/image_raw') for name in ('front', 'rear')]
    for channel in node._channels:
        stage.spin_until(channel.outputs.has_info_reader, 'the info reader')
        info = CameraInfo(height=96, width=192, binning_x=2, binning_y=2)
        info.k = np.array([100, 0, 96, 0, 100, 48, 0, 0, 1], float)
        info.p = np.array([100, 0, 96, 0, 0, 100, 48, 0, 0, 0, 1, 0], float)
        channel._info = info
    for camera in cameras:
        camera.publish(to_message(picture()))
    stage.spin_until(lambda: all(stage.received.values()), 'the results')
    front, rear = (stage.received[topic][0] for topic in infos)
    assert pixels(stage.received[FRONT][0]).shape == (front.height, front.width) == (24, 48)
    np.testing.assert_allclose(front.k, [25, 0, 24, 0, 25, 12, 0, 0, 1])
    np.testing.assert_allclose(front.p, [25, 0, 24, 0, 0, 25, 12, 0, 0, 0, 1, 0])
    # The network has 64x32 px, so the region keeps its pixels: half the full resolution's.
    assert pixels(stage.received[REAR][0]).shape == (rear.height, rear.width) == (32, 64)
    np.testing.assert_allclose(rear.k, [50, 0, 40, 0, 50, 20, 0, 0, 1])
    assert (rear.binning_x, rear.roi.width) == (1, 0)


def test_a_rate_limit_leaves_frames_out_and_may_change(stage: Stage, known_model):
    node = stage.start_active(
        **{'model': str(known_model), 'cameras': ['front'], 'front.max_rate_hz': 0.01}
    )
    stage.listen(FRONT)
    camera = stage.camera('front/image_raw')
    statistics = node._channels[0].statistics
    for number in (1, 2, 3):
        camera.publish(to_message(picture(), stamp_ns=number))
        stage.spin_until(lambda n=number: statistics.received == n, 'the frame to arrive')
    assert statistics.limited == 2
    stage.spin_until(lambda: stamps(stage, FRONT) == [1], 'the first mask')
    set_parameter(node, 'front.max_rate_hz', 0.0)
    camera.publish(to_message(picture(), stamp_ns=4))
    stage.spin_until(lambda: 4 in stamps(stage, FRONT), 'the mask')
    assert stamps(stage, FRONT) == [1, 4]


def test_a_raised_rate_limit_holds_at_once(stage: Stage, known_model):
    node = stage.start_node(**{'model': str(known_model), 'camera.max_rate_hz': 0.01})
    node.trigger_configure()
    channel = node._channels[0]
    assert channel._is_due(100.0)
    assert not channel._is_due(101.0)
    set_parameter(node, 'camera.max_rate_hz', 10.0)
    assert [channel._is_due(t) for t in (102.0, 102.05, 102.1)] == [True, False, True]


def test_a_rate_limit_keeps_its_rate_although_frames_jitter(stage: Stage, known_model):
    node = stage.start_node(**{'model': str(known_model), 'camera.max_rate_hz': 15.0})
    node.trigger_configure()
    rng = np.random.default_rng(0)
    times_s = 100 + np.arange(3000) / 30 + rng.normal(0, 0.004, 3000)
    taken = sum(node._channels[0]._is_due(time_s) for time_s in times_s)
    assert taken / 100 == pytest.approx(15, abs=0.5)


def test_min_confidence_makes_pixels_unknown_between_two_frames(stage: Stage, known_model):
    node = stage.start_active(model=str(known_model), cameras=['front'])
    stage.listen(FRONT, 'front/segmentation/drivable_mask')
    camera = stage.camera('front/image_raw')
    image = np.full((48, 96, 3), (130, 100, 0), np.uint8)  # class 2 at a confidence of 0.39
    for number, (least, expected) in enumerate(((0.3, 2), (0.5, 255), (0.0, 2)), start=1):
        set_parameter(node, 'front.min_confidence', least)
        camera.publish(to_message(image, stamp_ns=number))
        stage.spin_until(
            lambda n=number: all(len(m) == n for m in stage.received.values()), 'the masks'
        )
        mask, drivable = (pixels(m[-1]) for m in stage.received.values())
        assert (mask == expected).all()
        assert (drivable == (255 if expected == 2 else 0)).all()


def test_old_frames_are_dropped_on_the_nodes_clock_and_a_jump_back_is_survived(
    stage: Stage, known_model
):
    node = stage.start_active(
        model=str(known_model),
        cameras=['front'],
        use_sim_time=True,
        max_age_s=0.5,
        diagnostics_period_s=0.1,
    )
    stage.listen(FRONT)
    stage.listen('/diagnostics', kind=DiagnosticArray)
    camera = stage.camera('front/image_raw')
    clock = stage.peer.create_publisher(Clock, '/clock', 10)
    stage.spin_until(clock.get_subscription_count, 'the reader of the clock')
    statistics = node._channels[0].statistics

    def at(now_s: float, stamp_s: float) -> None:
        message = Clock()
        message.clock.sec, message.clock.nanosec = int(now_s), int(now_s % 1 * 1e9)
        clock.publish(message)
        stage.spin_until(
            lambda: node.get_clock().now().to_msg() == message.clock, 'the clock to be set'
        )
        done = statistics.segmented + statistics.stale
        camera.publish(to_message(picture(), stamp_ns=int(stamp_s * 1e9)))
        stage.spin_until(
            lambda: statistics.segmented + statistics.stale > done, 'the frame to be done'
        )

    at(now_s=100.0, stamp_s=99.8)
    assert (statistics.segmented, statistics.stale) == (1, 0)
    at(now_s=100.0, stamp_s=99.0)  # the clock stands still
    assert (statistics.segmented, statistics.stale) == (1, 1)
    at(now_s=5.0, stamp_s=100.0)  # a bag begins again while a frame is on its way
    at(now_s=5.0, stamp_s=4.8)
    assert (statistics.segmented, statistics.stale) == (3, 1)
    set_parameter(node, 'max_age_s', 0.0)
    at(now_s=100.0, stamp_s=5.0)
    assert (statistics.segmented, statistics.stale) == (4, 1)
    assert all(0 <= duration_s < 20 for duration_s in statistics.total_s)

    def warned() -> bool:
        statuses = [s for m in stage.received['/diagnostics'] for s in m.status]
        return any(s.level == s.WARN and 'older than max_age_s' in s.message for s in statuses)

    stage.spin_until(warned, 'a warning in diagnostics')


def test_a_frame_that_is_too_old_is_not_inferred_and_one_that_gets_too_old_is_not_published(
    stage: Stage, known_model, monkeypatch
):
    node = stage.start_active(model=str(known_model), cameras=['front'])
    stage.listen(FRONT)
    camera = stage.camera('front/image_raw')
    sizes = batches_of(node, monkeypatch)
    channel = node._channels[0]
    set_parameter(node, 'max_age_s', 1000.0)
    camera.publish(to_message(picture()))  # from 1970
    stage.spin_until(lambda: channel.statistics.stale == 1, 'the old frame')
    assert sizes == []
    infer = engine_of(node).backend._infer
    now = node.get_clock().now().nanoseconds

    def age_and_infer(images):
        channel.max_age_s = 1e-6
        return infer(images)

    monkeypatch.setattr(engine_of(node).backend, '_infer', age_and_infer)
    camera.publish(to_message(picture(), stamp_ns=now))
    stage.spin_until(lambda: channel.statistics.stale == 2, 'the frame that got old')
    assert sizes == [1]
    assert channel.statistics.segmented == 0


def test_statistics_can_be_reset(stage: Stage, known_model):
    node = stage.start_active(model=str(known_model), cameras=['front'])
    stage.listen(FRONT)
    stage.camera('front/image_raw').publish(to_message(picture()))
    stage.spin_until(lambda: node._channels[0].statistics.segmented == 1, 'a frame')
    client = stage.peer.create_client(Trigger, 'segmentation_node/reset_statistics')
    stage.spin_until(client.service_is_ready, 'the service')
    answer = client.call_async(Trigger.Request())
    stage.spin_until(answer.done, 'an answer')
    assert answer.result().success
    assert not any(node._channels[0].statistics.counts().values())
    assert not node._channels[0].statistics.total_s


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('front.fit', 'letterbox'),
        ('front.region', [0, 0, 8, 8]),
        ('front.ego_mask', 'x.png'),
        ('front.transport', 'compressed'),
        ('front.output_size', 'network'),
        ('max_batch', 2),
    ],
)
def test_what_cannot_change_while_configured_says_so(stage: Stage, known_model, name, value):
    node = stage.start_active(model=str(known_model), cameras=['front'])
    (result,) = node.set_parameters([Parameter(name, value=value)])
    assert result.reason == f'{name} cannot change while the node is configured: clean up first'


@pytest.mark.parametrize(
    ('name', 'value', 'says'),
    [
        ('fit', 'squeeze', "'squeeze' is not one of '', stretch, letterbox"),
        ('transport', 'theora', "'theora' is not one of raw, compressed"),
        ('region', [1, 2, 3], 'camera front: region [1, 2, 3]: write x, y, width'),
        ('ego_mask', '/nowhere.png', 'camera front: ego mask /nowhere.png: No such file'),
        ('output_size', 'big', "camera front: output size 'big': write camera or network"),
    ],
)
def test_a_wrong_camera_parameter_fails_configure_with_one_line(
    stage: Stage, known_model, capfd, name, value, says
):
    node = stage.start_node(
        **{'model': str(known_model), 'cameras': ['front'], f'front.{name}': value}
    )
    assert node.trigger_configure().name == 'FAILURE'
    errors = [line for line in capfd.readouterr().err.splitlines() if '[ERROR]' in line]
    assert len(errors) == 1
    assert says in errors[0]


def test_the_warning_about_a_silent_camera_names_the_likely_reason(
    stage: Stage, known_model, capfd
):
    publisher = stage.peer.create_publisher(Image, 'front/image', 10)
    stage.spin_until(lambda: stage.peer.count_publishers('front/image'), 'the other topic')
    stage.start_active(
        model=str(known_model),
        cameras=['front'],
        silence_warning_s=0.5,
        diagnostics_period_s=0.1,
    )
    said: list[str] = []

    def warned() -> bool:
        said.append(capfd.readouterr().err)
        return 'no image on /front/image_raw' in ''.join(said)

    stage.spin_until(warned, 'the warning')
    (line,) = [x for x in ''.join(said).splitlines() if 'no image on' in x]
    assert '/front/image meant' in line
    stage.peer.destroy_publisher(publisher)

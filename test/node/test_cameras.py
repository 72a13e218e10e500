"""Cameras of one node: how their frames come, are batched, cut, limited and judged."""

from __future__ import annotations

from threading import Event

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_srvs.srv import Trigger
from support.child_processes import wait_until_it_rests
from support.stage import Stage, engine_of, picture, pixels, to_message
from support.waiting import wait_until

from unet_seg_ros.core import newest

pytestmark = pytest.mark.ros

CAMERAS = ['front', 'rear']
FRONT, REAR = 'front/segmentation/mask', 'rear/segmentation/mask'
INNER = np.s_[5::12, 5::12]


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


def test_compressed_images_are_read_and_a_cut_off_file_is_a_dropped_frame(
    stage: Stage, known_model
):
    node = stage.start_active(
        **{'model': str(known_model), 'cameras': ['front'], 'front.transport': 'compressed'}
    )
    stage.listen(FRONT)
    camera = stage.camera('front/image_raw/compressed', kind=CompressedImage)
    image = picture(96, 192)
    cut = compressed(image, stamp_ns=1)
    cut.data = cut.data[: len(cut.data) // 2]
    camera.publish(cut)
    statistics = node._channels[0].statistics
    stage.spin_until(lambda: statistics.refused == 1, 'the refusal')
    camera.publish(compressed(image, stamp_ns=2))
    stage.spin_until(lambda: bool(stage.received[FRONT]), 'a mask')
    assert stamps(stage, FRONT) == [2]
    mask = pixels(stage.received[FRONT][0])
    np.testing.assert_array_equal(mask[INNER], (image[..., 0] // 64)[INNER])


def test_the_topic_of_compressed_images_is_the_one_it_was_remapped_to(stage: Stage, known_model):
    node = stage.start_active(
        ['-r', 'front/image_raw/compressed:=/driver/jpeg'],
        **{'model': str(known_model), 'cameras': ['front'], 'front.transport': 'compressed'},
    )
    assert node._channels[0].image_topic == '/driver/jpeg'
    assert '/driver/jpeg' in {s.topic_name for s in node.subscriptions}


@pytest.mark.parametrize('fit', ['stretch', 'letterbox'])
def test_a_frame_of_a_size_that_cannot_be_is_refused_and_the_node_lives_on(
    stage: Stage, known_model, fit
):
    node = stage.start_active(
        **{'model': str(known_model), 'cameras': CAMERAS, 'front.fit': fit, 'rear.fit': fit}
    )
    stage.listen(FRONT)
    stage.listen('rear/segmentation/camera_info', kind=CameraInfo)
    front, rear = (stage.peer.create_publisher(Image, f'{n}/image_raw', 10) for n in CAMERAS)
    for publisher in (front, rear):
        stage.spin_until(publisher.get_subscription_count, 'the subscription')
    stage.spin_until(node._channels[0].is_watched, 'a reader of masks')
    stage.spin_until(node._channels[1].outputs.has_info_reader, 'a reader of camera_info')
    node._channels[1]._info = CameraInfo()
    for number, size in enumerate([(0, 0), (48, 0), (0, 96), (1, 2**32 - 1)], start=1):
        message = to_message(picture())
        message.height, message.width = size
        for camera, channel in ((front, node._channels[0]), (rear, node._channels[1])):
            camera.publish(message)
            counts = channel.statistics.counts
            stage.spin_until(
                lambda c=counts, n=number: sum(c().values()) == 2 * n, 'the frame to be done'
            )
    front.publish(to_message(picture(), stamp_ns=9))
    stage.spin_until(lambda: bool(stage.received[FRONT]), 'a mask')
    assert stamps(stage, FRONT) == [9]
    assert node._channels[0].statistics.refused == 4


def test_the_size_of_the_images_may_change_while_it_runs(stage: Stage, known_model):
    stage.start_active(model=str(known_model), cameras=['front'])
    stage.listen(FRONT)
    camera = stage.camera('front/image_raw')
    sizes = [(48, 96), (96, 192), (36, 60), (48, 96)]
    for number, size in enumerate(sizes, start=1):
        camera.publish(to_message(picture(*size), stamp_ns=number))
        stage.spin_until(lambda n=number: len(stage.received[FRONT]) == n, 'the mask')
    assert [pixels(m).shape for m in stage.received[FRONT]] == sizes


@pytest.mark.parametrize('fit', ['stretch', 'letterbox'])
def test_region_and_ego_are_unknown_and_never_drivable(stage: Stage, known_model, tmp_path, fit):
    ego = np.zeros((48, 96), np.uint8)
    ego[40:] = 1
    cv2.imwrite(str(tmp_path / 'ego.png'), ego)
    stage.start_active(
        **{
            'model': str(known_model),
            'cameras': ['front'],
            'front.region': [12, 12, 72, 36],
            'front.ego_mask': str(tmp_path / 'ego.png'),
            'front.fit': fit,
        }
    )
    stage.listen(
        FRONT, *(f'front/segmentation/{n}' for n in ('drivable_mask', 'drivable_probability'))
    )
    camera = stage.camera('front/image_raw')
    camera.publish(to_message(np.full((48, 96, 3), (130, 200, 200), np.uint8)))
    stage.spin_until(lambda: all(stage.received.values()), 'the results')
    mask, drivable, probability = (pixels(m[0]) for m in stage.received.values())
    expected = np.full((48, 96), 255)
    expected[12:40, 12:84] = 2
    np.testing.assert_array_equal(mask, expected)
    np.testing.assert_array_equal(drivable, np.where(expected == 2, 255, 0))
    np.testing.assert_array_equal(probability, np.where(expected == 2, 200, 0))


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

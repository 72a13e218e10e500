"""The node in one process with a peer: what goes in and what comes out."""

from __future__ import annotations

from threading import Event

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.context import Context
from rclpy.qos import ReliabilityPolicy
from sensor_msgs.msg import CameraInfo
from support.stage import Stage, engine_of, picture, pixels, to_message

from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.ros.process import executor_of
from unet_seg_ros.ros.segmentation_node import SegmentationNode

pytestmark = pytest.mark.ros

OUT = 'camera/segmentation'


def test_mask_is_the_models_answer_at_the_cameras_size(stage: Stage, known_model):
    stage.start_active(model=str(known_model))
    stage.listen(f'{OUT}/mask', f'{OUT}/drivable_mask', f'{OUT}/confidence')
    camera = stage.camera('camera/image_raw')
    image = picture(96, 192)
    sent = to_message(image, stamp_ns=1_234_567_890)
    camera.publish(sent)
    stage.spin_until(lambda: all(stage.received.values()), 'three results')
    mask, drivable, confidence = (messages[0] for messages in stage.received.values())
    expected = image[..., 0] // 64
    assert mask.header == drivable.header == confidence.header == sent.header
    assert (mask.height, mask.width, mask.step, mask.encoding) == (96, 192, 192, 'mono8')
    # The network sees a third of the size: only pixels at block edges may differ.
    assert (pixels(mask) == expected).mean() > 0.95
    inner = np.s_[5::12, 5::12]
    np.testing.assert_array_equal(pixels(mask)[inner], expected[inner])
    is_drivable = np.isin(expected, (1, 2)) * 255
    np.testing.assert_array_equal(pixels(drivable)[inner], is_drivable[inner])
    assert abs(pixels(confidence)[inner].astype(int) - image[inner][..., 1]).mean() < 40
    assert pixels(confidence).shape == expected.shape


@pytest.mark.parametrize('encoding', ['rgb8', 'bgra8', 'rgba8', 'mono8'])
def test_every_encoding_gives_the_same_class(stage: Stage, known_model, encoding):
    stage.start_active(model=str(known_model))
    stage.listen(f'{OUT}/mask')
    camera = stage.camera('camera/image_raw')
    image = picture()
    channels = {'rgb8': [2, 1, 0], 'bgra8': [0, 1, 2, 2], 'rgba8': [2, 1, 0, 0], 'mono8': [0]}
    sent = np.squeeze(image[..., channels[encoding]])
    camera.publish(to_message(sent, encoding=encoding))
    stage.spin_until(lambda: bool(stage.received[f'{OUT}/mask']), 'a mask')
    mask = pixels(stage.received[f'{OUT}/mask'][0])
    inner = np.s_[5::12, 5::12]
    np.testing.assert_array_equal(mask[inner], (image[..., 0] // 64)[inner])


def test_overlay_and_colour_mask(stage: Stage, known_model):
    stage.start_active(model=str(known_model), overlay_opacity=0.25)
    stage.listen(f'{OUT}/overlay', f'{OUT}/color_mask')
    camera = stage.camera('camera/image_raw')
    image = np.full((48, 96, 3), (130, 20, 200), np.uint8)  # blue 130 is class 2, road
    image[:, :48, 0] = 10  # class 0, black: untinted
    camera.publish(to_message(image))
    stage.spin_until(lambda: all(stage.received.values()), 'overlay and colours')
    overlay, color = (pixels(m[0]) for m in stage.received.values())
    np.testing.assert_array_equal(color[20, 80], (128, 64, 128))
    np.testing.assert_array_equal(color[20, 10], (0, 0, 0))
    np.testing.assert_array_equal(overlay[20, 10], (200, 20, 10))
    np.testing.assert_allclose(overlay[20, 80], (182, 31, 129.5), atol=1)


def test_nothing_is_computed_that_nobody_subscribes_to(stage: Stage, known_model):
    node = stage.start_active(model=str(known_model))
    publisher = stage.peer.create_publisher(type(to_message(picture())), 'camera/image_raw', 10)
    stage.spin_until(publisher.get_subscription_count, 'the subscription')
    publisher.publish(to_message(picture()))
    statistics = node._channels[0].statistics
    stage.spin_until(lambda: statistics.unwatched == 1, 'the frame to be left alone')
    assert statistics.segmented == 0


def test_an_unreadable_frame_publishes_nothing_and_the_next_one_does(stage: Stage, known_model):
    node = stage.start_active(model=str(known_model))
    stage.listen(f'{OUT}/mask')
    camera = stage.camera('camera/image_raw')
    bad = to_message(picture(), stamp_ns=1)
    bad.encoding = 'yuv999'
    short = to_message(picture(), stamp_ns=2)
    short.data = short.data[:100]
    statistics = node._channels[0].statistics
    for number, message in enumerate((bad, short), start=1):
        camera.publish(message)
        stage.spin_until(lambda n=number: statistics.refused == n, 'the refusal')
    camera.publish(to_message(picture(), stamp_ns=3))
    stage.spin_until(lambda: bool(stage.received[f'{OUT}/mask']), 'a mask')
    assert [m.header.stamp.nanosec for m in stage.received[f'{OUT}/mask']] == [3]


def test_newest_frame_wins_and_drops_are_counted(stage: Stage, known_model, monkeypatch):
    node = stage.start_active(model=str(known_model))
    stage.listen(f'{OUT}/mask')
    camera = stage.camera('camera/image_raw')
    backend = engine_of(node).backend
    infer, gate, entered = backend._infer, Event(), Event()

    def wait_and_infer(images):
        entered.set()
        assert gate.wait(timeout=20)
        return infer(images)

    monkeypatch.setattr(backend, '_infer', wait_and_infer)
    statistics = node._channels[0].statistics
    camera.publish(to_message(picture(), stamp_ns=1))
    stage.spin_until(entered.is_set, 'the worker to take the first frame')
    for number in (2, 3, 4):
        camera.publish(to_message(picture(), stamp_ns=number))
        stage.spin_until(lambda n=number: statistics.received == n, 'the frame to arrive')
    gate.set()
    stage.spin_until(lambda: len(stage.received[f'{OUT}/mask']) == 2, 'two masks')
    assert [m.header.stamp.nanosec for m in stage.received[f'{OUT}/mask']] == [1, 4]
    assert statistics.dropped == 2


def test_one_cameras_fault_does_not_touch_the_other(stage: Stage, known_model):
    node = stage.start_active(model=str(known_model), cameras=['front', 'rear'])
    stage.listen('front/segmentation/mask', 'rear/segmentation/mask')
    front, rear = stage.camera('front/image_raw'), stage.camera('rear/image_raw')
    bad = to_message(picture())
    bad.step = 5
    front.publish(bad)
    rear.publish(to_message(picture(), stamp_ns=7))
    stage.spin_until(lambda: bool(stage.received['rear/segmentation/mask']), 'the rear mask')
    stage.spin_until(lambda: node._channels[0].statistics.refused == 1, 'the front refusal')
    assert not stage.received['front/segmentation/mask']
    assert node._channels[1].statistics.refused == 0


def test_an_engine_error_drops_the_frame_and_shows_in_diagnostics(
    stage: Stage, known_model, monkeypatch
):
    node = stage.start_active(model=str(known_model), diagnostics_period_s=0.1)
    stage.listen(f'{OUT}/mask')
    stage.listen('/diagnostics', kind=DiagnosticArray)
    camera = stage.camera('camera/image_raw')

    failed = engine_of(node)

    def fail(images):
        raise EngineError('device lost')

    with monkeypatch.context() as patch:
        patch.setattr(failed.backend, '_infer', fail)
        camera.publish(to_message(picture(), stamp_ns=1))
        stage.spin_until(
            lambda: any(
                s.level == s.ERROR for m in stage.received['/diagnostics'] for s in m.status
            ),
            'an ERROR in diagnostics',
        )
    stage.spin_until(lambda: engine_of(node) is not failed, 'the engine to be opened again')
    camera.publish(to_message(picture(), stamp_ns=2))
    stage.spin_until(lambda: bool(stage.received[f'{OUT}/mask']), 'a mask')
    assert [m.header.stamp.nanosec for m in stage.received[f'{OUT}/mask']] == [2]


def test_a_bug_in_the_worker_is_handed_to_the_process(stage: Stage, known_model, monkeypatch):
    node = stage.start_active(model=str(known_model))
    stage.listen(f'{OUT}/mask')
    camera = stage.camera('camera/image_raw')
    monkeypatch.setattr(engine_of(node).backend, '_infer', lambda images: 1 / 0)
    camera.publish(to_message(picture()))
    stage.spin_until(node.crashed.done, 'the crash')
    with pytest.raises(ZeroDivisionError):
        node.crashed.result()
    stage.listen('/diagnostics', kind=DiagnosticArray)
    stage.spin_until(
        lambda: any(
            s.level == s.ERROR and 'ZeroDivisionError' in s.message
            for m in stage.received['/diagnostics']
            for s in m.status
        ),
        'an ERROR of the engine in diagnostics',
    )


def test_spinning_ends_with_the_bug_and_collects_nothing_on_the_way(ros_domain):
    context = Context()
    rclpy.init(context=context, domain_id=ros_domain)
    node = SegmentationNode(context=context)
    held: list[int] = []

    def tick() -> None:
        held.append(len(node.crashed._callbacks))
        if len(held) == 50:
            node.crashed.set_exception(ZeroDivisionError())

    node.create_timer(0.001, tick)
    executor = executor_of(node, node.crashed)
    with pytest.raises(ZeroDivisionError):
        executor.spin()
    assert set(held) == {1}
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown(context=context)


def test_camera_info_is_republished_under_the_masks_header(stage: Stage, known_model):
    stage.start_active(model=str(known_model))
    stage.listen(f'{OUT}/mask')
    stage.listen(f'{OUT}/camera_info', kind=CameraInfo)
    camera = stage.camera('camera/image_raw')
    info_publisher = stage.camera('camera/camera_info', kind=CameraInfo)
    info = CameraInfo(height=48, width=96, distortion_model='plumb_bob', d=[0.0] * 5)
    info.k = np.array([50, 0, 48, 0, 50, 24, 0, 0, 1], float)
    node = stage.nodes[0]
    stage.spin_until(lambda: node._channels[0].outputs.has_info_reader(), 'the info reader')
    info_publisher.publish(info)
    stage.spin_until(lambda: node._channels[0]._info is not None, 'the info to arrive')
    sent = to_message(picture(), stamp_ns=5)
    camera.publish(sent)
    stage.spin_until(lambda: bool(stage.received[f'{OUT}/camera_info']), 'the info')
    received = stage.received[f'{OUT}/camera_info'][0]
    assert received.header == sent.header
    np.testing.assert_array_equal(received.k, info.k)


def test_camera_info_alone_is_republished_without_inference(stage: Stage, known_model):
    node = stage.start_active(model=str(known_model))
    stage.listen(f'{OUT}/camera_info', kind=CameraInfo)
    channel = node._channels[0]
    publisher = stage.peer.create_publisher(type(to_message(picture())), 'camera/image_raw', 10)
    stage.spin_until(publisher.get_subscription_count, 'the subscription')
    stage.spin_until(lambda: channel.outputs.has_info_reader(), 'the info reader')
    channel._info = CameraInfo(height=48, width=96)
    publisher.publish(to_message(picture(), stamp_ns=9))
    stage.spin_until(lambda: bool(stage.received[f'{OUT}/camera_info']), 'the info')
    assert stage.received[f'{OUT}/camera_info'][0].header.stamp.nanosec == 9
    stage.spin_until(lambda: channel.statistics.unwatched == 1, 'the frame to be done')
    assert channel.statistics.segmented == 0


def test_camera_info_that_is_forgotten_while_its_frame_is_published(
    stage: Stage, known_model, monkeypatch
):
    node = stage.start_active(model=str(known_model))
    stage.listen(f'{OUT}/mask')
    stage.listen(f'{OUT}/camera_info', kind=CameraInfo)
    camera = stage.camera('camera/image_raw')
    channel = node._channels[0]
    stage.spin_until(channel.outputs.has_info_reader, 'the info reader')
    channel._info = CameraInfo(height=48, width=96)

    def forget() -> bool:
        channel._info = None  # as deactivation does in the executor's thread
        return True

    monkeypatch.setattr(channel.outputs, 'has_info_reader', forget)
    camera.publish(to_message(picture(), stamp_ns=9))
    stage.spin_until(lambda: channel.statistics.segmented == 1, 'the frame to be done')
    assert not node.crashed.done()


def test_a_refused_frame_is_counted_once_also_where_nobody_watches(stage: Stage, known_model):
    node = stage.start_active(**{'model': str(known_model), 'camera.region': [90, 0, 30, 30]})
    stage.listen(f'{OUT}/camera_info', kind=CameraInfo)
    channel = node._channels[0]
    publisher = stage.peer.create_publisher(type(to_message(picture())), 'camera/image_raw', 10)
    stage.spin_until(publisher.get_subscription_count, 'the subscription')
    stage.spin_until(channel.outputs.has_info_reader, 'the info reader')
    channel._info = CameraInfo(height=48, width=96)
    for number in (1, 2):  # The second one tells that all of the first is done.
        publisher.publish(to_message(picture()))
        stage.spin_until(lambda n=number: channel.statistics.refused == n, 'the refusal')
    assert channel.statistics.unwatched == 0


def test_camera_info_of_another_size_is_not_republished(stage: Stage, known_model):
    stage.start_active(model=str(known_model))
    stage.listen(f'{OUT}/mask')
    stage.listen(f'{OUT}/camera_info', kind=CameraInfo)
    camera = stage.camera('camera/image_raw')
    node = stage.nodes[0]
    stage.spin_until(lambda: node._channels[0].outputs.has_info_reader(), 'the info reader')
    statistics = node._channels[0].statistics
    for number, size in ((1, (600, 800)), (2, (48, 96))):
        node._channels[0]._info = CameraInfo(height=size[0], width=size[1])
        camera.publish(to_message(picture(), stamp_ns=number))
        stage.spin_until(lambda n=number: statistics.segmented == n, 'the frame to be done')
    stage.spin_until(lambda: bool(stage.received[f'{OUT}/camera_info']), 'the fitting info')
    assert [m.header.stamp.nanosec for m in stage.received[f'{OUT}/camera_info']] == [2]


@pytest.mark.parametrize('use_sim_time', [False, True])
def test_a_silent_camera_is_reported_even_if_the_clock_is_too(
    stage: Stage, known_model, use_sim_time
):
    stage.start_active(
        model=str(known_model),
        diagnostics_period_s=0.1,
        silence_warning_s=0.1,
        use_sim_time=use_sim_time,
    )
    stage.listen('/diagnostics', kind=DiagnosticArray)

    def warned() -> bool:
        statuses = [s for m in stage.received['/diagnostics'] for s in m.status]
        return any(s.level == s.WARN and 'no image on' in s.message for s in statuses)

    stage.spin_until(warned, 'a warning about the silent camera')


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


@pytest.mark.parametrize(
    ('rules', 'info_topic'),
    [
        ([], '/camera/camera_info'),
        (['camera/image_raw:=/carla/ego/rgb/image'], '/carla/ego/rgb/camera_info'),
        (['camera/image_raw:=/a/image', 'camera/camera_info:=/b/info'], '/b/info'),
    ],
)
def test_camera_info_is_looked_for_beside_the_image(stage: Stage, known_model, rules, info_topic):
    arguments = [a for rule in rules for a in ('-r', rule)]
    node = stage.start_active(cli_arguments=arguments, model=str(known_model))
    topics = {s.topic_name for s in node.subscriptions}
    assert info_topic in topics


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

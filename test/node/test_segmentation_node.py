"""The node in one process with a peer: what goes in and what comes out."""

from __future__ import annotations

from threading import Event

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.context import Context
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

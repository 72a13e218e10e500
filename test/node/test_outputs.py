"""What is published beside the masks: groups, runs, class tables and durations."""

from __future__ import annotations

import json
import struct
import sys
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Float64, Header, String
from support.known_model import known_contract, write_known_model
from support.stage import Stage, picture, pixels, to_message

from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.ros.class_table import ClassTablePublisher
from unet_seg_ros.ros.messages import optional_messages
from unet_seg_ros.ros.outputs import group_topic

pytestmark = pytest.mark.ros

OUT = 'camera/segmentation'


def decode_runs(data: bytes, num_pixels: int) -> np.ndarray:
    """Decode as Autoware's reader does: a byte and an int behind it, for as long as there are."""
    values = []
    for value, length in struct.iter_unpack('<Bi', data):
        values += [value] * length
    assert len(values) == num_pixels
    return np.array(values, np.uint8)


def set_parameter(node, name: str, value: object) -> None:
    (result,) = node.set_parameters([Parameter(name, value=value)])
    assert result.successful, result.reason


def test_a_groups_probability_is_published(stage: Stage, known_model):
    stage.start_active(model=str(known_model))
    stage.listen(f'{OUT}/drivable_probability')
    image = np.full((48, 96, 3), (130, 20, 77), np.uint8)
    stage.camera('camera/image_raw').publish(to_message(image))
    (messages,) = stage.received.values()
    stage.spin_until(lambda: bool(messages), 'a probability')
    assert messages[0].encoding == 'mono8'
    assert (pixels(messages[0]) == 77).all()


@pytest.mark.parametrize(
    ('group', 'topic'),
    [
        ('drivable', 'drivable_probability'),
        ('road users', 'road_users_probability'),
        ('2 wheels', '_2_wheels_probability'),
        ('straße', 'stra_e_probability'),
    ],
)
def test_every_group_has_a_topic_that_ros_allows(group, topic):
    assert group_topic(group) == topic


def test_runs_decode_to_the_mask_and_are_offered_on_request(stage: Stage, known_model):
    node = stage.start_active(model=str(known_model))
    stage.listen(f'{OUT}/mask')
    topics = {p.topic_name for p in node.publishers}
    assert f'/{OUT}/mask_rle' not in topics
    set_parameter(node, 'publish_rle', True)
    stage.listen(f'{OUT}/mask_rle')
    camera = stage.camera('camera/image_raw')
    stage.spin_until(lambda: node._channels[0].outputs._has_reader('mask_rle'), 'a reader')
    camera.publish(to_message(picture(), stamp_ns=7))
    stage.spin_until(lambda: all(stage.received.values()), 'both masks')
    mask, runs = (messages[0] for messages in stage.received.values())
    assert runs.header == mask.header
    assert (runs.height, runs.width, runs.encoding) == (48, 96, 'mono8')
    decoded = decode_runs(bytes(runs.data), 48 * 96)
    np.testing.assert_array_equal(decoded.reshape(48, 96), pixels(mask))
    set_parameter(node, 'publish_rle', False)
    camera.publish(to_message(picture(), stamp_ns=8))
    stage.spin_until(lambda: len(stage.received[f'{OUT}/mask']) == 2, 'the next mask')
    camera.publish(to_message(picture(), stamp_ns=9))
    stage.spin_until(lambda: len(stage.received[f'{OUT}/mask']) == 3, 'another mask')
    assert len(stage.received[f'{OUT}/mask_rle']) == 1


def test_the_class_table_is_latched_and_follows_the_model(stage: Stage, known_model, tmp_path):
    node = stage.start_node(model=str(known_model))
    node.trigger_configure()
    tables: list[String] = []
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    stage.peer.create_subscription(String, 'segmentation_node/class_table', tables.append, latched)
    stage.spin_until(lambda: bool(tables), 'the table of before')
    contract = known_contract(ImageSize(32, 64))
    table = json.loads(tables[0].data)
    assert table['model'] == 'known'
    assert [c['name'] for c in table['classes']] == list(contract.table.names)
    road = table['classes'][2]
    assert road == {'id': 2, 'name': road['name'], 'color': [128, 64, 128]}
    assert table['drivable'] == list(contract.drivable)
    assert table['groups'] == {'drivable': list(contract.drivable)}
    other = write_known_model(tmp_path / 'other.onnx', ImageSize(16, 32))
    set_parameter(node, 'model', str(other))
    stage.spin_until(lambda: len(tables) == 2, 'the table of the new model')


def test_durations_are_published_where_somebody_listens(stage: Stage, known_model):
    node = stage.start_active(model=str(known_model))
    stage.listen(f'{OUT}/mask')
    names = [f'segmentation_node/debug/{n}_time_ms' for n in ('processing', 'cyclic')]
    stage.listen(*names, kind=Float64)
    camera = stage.camera('camera/image_raw')
    times = node._times
    for publisher in (times._processing, times._cyclic):
        stage.spin_until(publisher.get_subscription_count, 'the reader of durations')
    for number in (1, 2):
        camera.publish(to_message(picture(), stamp_ns=number))
        stage.spin_until(lambda n=number: len(stage.received[f'{OUT}/mask']) == n, 'a mask')
    processing, cyclic = (stage.received[name] for name in names)
    stage.spin_until(lambda: len(processing) == 2 and len(cyclic) == 1, 'three durations')
    assert all(0 < m.data < 20_000 for m in (*processing, *cyclic))
    assert cyclic[0].data > processing[0].data


@dataclass
class StandInVisionClass:
    """Has the fields of ``vision_msgs/VisionClass``; there is no wheel of that package."""

    class_id: int = 0
    class_name: str = ''


@dataclass
class StandInLabelInfo:
    """Has the fields of ``vision_msgs/LabelInfo``; it cannot be published."""

    header: Header = field(default_factory=Header)
    class_map: list[StandInVisionClass] = field(default_factory=list)
    threshold: float = 1.0


class StandInNode:
    """Keeps what would be published, for a stand-in message cannot be."""

    def __init__(self) -> None:
        self.published: dict[str, list] = {}

    def create_publisher(self, kind, topic, qos) -> SimpleNamespace:
        assert qos.durability is DurabilityPolicy.TRANSIENT_LOCAL
        self.published[topic] = []
        return SimpleNamespace(publish=self.published[topic].append)

    def get_clock(self) -> SimpleNamespace:
        now = SimpleNamespace(to_msg=lambda: Header(stamp=Time(sec=5)).stamp)
        return SimpleNamespace(now=lambda: now)


def test_label_info_is_filled_where_vision_msgs_is(monkeypatch):
    assert optional_messages('vision_msgs') is None
    package, messages = ModuleType('vision_msgs'), ModuleType('vision_msgs.msg')
    package.__spec__ = ModuleSpec('vision_msgs', None, origin='vision_msgs/__init__.py')
    messages.LabelInfo, messages.VisionClass = StandInLabelInfo, StandInVisionClass
    monkeypatch.setitem(sys.modules, 'vision_msgs', package)
    monkeypatch.setitem(sys.modules, 'vision_msgs.msg', messages)
    contract = known_contract(ImageSize(32, 64))
    node = StandInNode()
    ClassTablePublisher(node, ['front', 'rear']).publish(contract)
    for name in ('front', 'rear'):
        (info,) = node.published[f'{name}/segmentation/label_info']
        assert {c.class_id: c.class_name for c in info.class_map} == {
            c.id: c.name for c in contract.table.classes
        }
        assert info.threshold == 0.0
        assert info.header.stamp.sec == 5


def test_a_folder_of_sources_is_no_package_of_messages(monkeypatch, tmp_path):
    # As in ~/ws/src, where PYTHONPATH holds the current folder.
    (tmp_path / 'vision_msgs' / 'msg').mkdir(parents=True)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert optional_messages('vision_msgs') is None
    assert optional_messages('std_msgs').String is String

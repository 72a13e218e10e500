"""The doctor among real nodes in other processes: what is well, and what is not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from support.graph import Graph
from support.verbs import Verbs

from unet_seg_ros.cli.doctor_graph import read_topics
from unet_seg_ros.ros.graph_check import silence_reason, similar_topic
from unet_seg_ros.ros.graph_check_node import RunningNode

pytestmark = pytest.mark.ros

NODE = [sys.executable, '-m', 'unet_seg_ros.ros', '--ros-args']

# Publishes images, described as JSON, at 20 Hz until it is killed; `stock` leaves Fast DDS as it
# is. Each has a CameraInfo beside it, with the focal length that is asked for.
CAMERAS = """
import json, sys, time
cameras = json.loads(sys.argv[1])
if sys.argv[2] != 'stock':
    from unet_seg_ros.ros.shared_memory import prepare
    prepare()
import numpy as np
import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from unet_seg_ros.core.pixels import RawFrame
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.ros.messages import camera_info_message, frame_message
rclpy.init()
node = rclpy.create_node('cameras')
publishers = []
for camera in cameras:
    topic = camera['topic']
    qos = QoSProfile(depth=1, reliability=ReliabilityPolicy[camera.get('reliability', 'RELIABLE')])
    kind = CompressedImage if topic.endswith('/compressed') else Image
    info_topic = topic.rpartition('/')[0] + '/camera_info'
    publishers.append((
        camera, kind, node.create_publisher(kind, topic, qos),
        node.create_publisher(CameraInfo, info_topic, qos),
    ))
def send():
    for camera, kind, images, infos in publishers:
        height, width = camera.get('size', [48, 64])
        size = ImageSize(height, width)
        stamp = node.get_clock().now().to_msg()
        header = Header(stamp=stamp, frame_id=camera.get('frame', 'optical'))
        info_header = Header(stamp=stamp, frame_id='optical')
        k = np.array([[camera.get('focal', width / 2), 0, width / 2],
                      [0, camera.get('focal', width / 2), height / 2], [0, 0, 1.]])
        data = np.zeros(height * width * 4, np.uint8)
        frame = RawFrame(data, camera.get('encoding', 'bgra8'), size, width * 4)
        infos.publish(camera_info_message(k, size, info_header))
        images.publish(frame_message(frame, header) if kind is Image else CompressedImage())
node.create_timer(0.05, send)
rclpy.spin(node)
"""

# Reads masks as something that wants the last one kept would.
LATCHED_READER = """
import sys
import rclpy
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image
rclpy.init()
node = rclpy.create_node('mapper')
qos = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
node.create_subscription(Image, sys.argv[1], lambda message: None, qos)
rclpy.spin(node)
"""


class Processes:
    """Other processes, killed with the test."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen] = []

    def start(self, *command: str) -> None:
        self._running.append(subprocess.Popen(command))

    def cameras(self, *cameras: dict[str, Any], setting: str = 'ours') -> None:
        self.start(sys.executable, '-c', CAMERAS, json.dumps(cameras), setting)

    def end(self) -> None:
        for process in self._running:
            process.kill()
            process.wait()


@pytest.fixture
def processes(ros_domain) -> Iterator[Processes]:
    processes = Processes()
    yield processes
    processes.end()


@pytest.fixture
def graph(ros_domain) -> Iterator[Graph]:
    graph = Graph(ros_domain)
    yield graph
    graph.close()


def examine(verbs: Verbs, *arguments: Any) -> tuple[int, list[dict[str, str]]]:
    """Return the doctor's exit status and its findings."""
    doctor = verbs.start('doctor', '--json', *arguments)
    output, errors = doctor.communicate(timeout=100)
    assert 'Traceback' not in errors
    return doctor.returncode, json.loads(output)


def about(findings, subject: str, level: str) -> list[str]:
    return [
        f'{f["what"]}: {f["remedy"]}' if f['remedy'] else f['what']
        for f in findings
        if (f['subject'], f['level']) == (subject, level)
    ]


def write_yaml(path, values: dict[str, Any]) -> str:
    path.write_text(yaml.safe_dump({'/**': {'ros__parameters': values}}))
    return str(path)


def wait_for_topics(graph: Graph, *topics: str) -> None:
    """Wait until others publish, or subscribe to, some topics."""
    graph.wait_until(
        lambda: all(
            graph.peer.count_publishers(t) + graph.peer.count_subscribers(t) for t in topics
        ),
        f'{topics}',
    )


def test_what_is_wrong_with_each_camera(processes, verbs, graph, known_model, tmp_path):
    processes.cameras(
        {'topic': '/good/image_raw'},
        {'topic': '/depth/image_raw', 'encoding': '32FC1'},
        {'topic': '/wide/image_raw', 'focal': 32 * 300, 'frame': 'base_link'},
        {'topic': '/carla/ego_vehicle/rgb_rear/image'},
        {'topic': '/lossy/image_raw', 'reliability': 'BEST_EFFORT'},
        {'topic': '/small/image_raw/compressed'},
    )
    processes.start(sys.executable, '-c', LATCHED_READER, '/good/segmentation/mask')
    wait_for_topics(graph, '/small/image_raw/compressed', '/good/segmentation/mask')
    file = write_yaml(
        tmp_path / 'my.yaml',
        {
            'model': str(known_model),
            'cameras': ['good', 'depth', 'wide', 'rear', 'lossy', 'small'],
            'rear': {'image_topic': '/carla/ego_vehicle/rgb_raer/image'},
            'qos_overrides': {'/lossy/image_raw': {'subscription': {'reliability': 'reliable'}}},
        },
    )
    status, findings = examine(verbs, '--params-file', file)
    assert status == 1

    assert about(findings, 'camera good', 'fail') == []
    good = about(findings, 'camera good', 'ok')
    assert good[0] == '/cameras publishes /good/image_raw, the QoS match'
    assert 'images/s arrive' in good[1]
    assert good[2] == 'images are 64x48 px bgra8'
    assert good[-1] == 'camera_info: 64x48 px, sees 90 by 74 degrees'

    (encoding,) = about(findings, 'camera depth', 'fail')
    assert encoding.startswith("images are 64x48 px 32FC1, which the node drops: encoding '32FC1'")
    (k,) = about(findings, 'camera wide', 'fail')
    assert 'a K with a focal length of 9600 px, which at a width of 64 px' in k
    (frame,) = about(findings, 'camera wide', 'warn')
    assert frame.startswith("images are in frame base_link, camera_info is in 'optical'")
    (name,) = about(findings, 'camera rear', 'fail')
    assert name == (
        'nobody publishes /carla/ego_vehicle/rgb_raer/image: '
        'is /carla/ego_vehicle/rgb_rear/image meant?'
    )
    (qos,) = about(findings, 'camera lossy', 'fail')
    assert 'best effort publisher and reliable subscription' in qos
    assert 'qos_overrides./lossy/image_raw.subscription' in qos
    (transport,) = about(findings, 'camera small', 'fail')
    assert transport == (
        'nobody publishes /small/image_raw, only /small/image_raw/compressed: '
        "set the camera's transport to compressed"
    )
    (reader,) = about(findings, 'output good', 'fail')
    assert reader.startswith('/good/segmentation/mask: the QoS of the reader /mapper does not')


def test_a_node_that_is_well(processes, verbs, graph, known_model):
    processes.cameras({'topic': '/front/image_raw'})
    parameters = [
        '-p',
        f'model:={known_model}',
        '-p',
        'cameras:=[front]',
        '-p',
        'backend:=onnxruntime',
    ]
    processes.start(*NODE, *parameters, '-r', '__ns:=/vehicle', '-r', 'front/image_raw:=/x')
    processes.start(*NODE, *parameters)
    graph.wait_until_active('/segmentation_node')
    graph.wait_until_active('/vehicle/segmentation_node')
    status, findings = examine(verbs)
    assert [f for f in findings if f['level'] == 'fail'] == []
    assert status == 0
    assert about(findings, 'node', 'ok') == ['/segmentation_node is active']
    # From the running node's own parameters.
    assert about(findings, 'model', 'ok')[0].startswith('known, ')
    assert about(findings, 'engine onnxruntime', 'ok')
    assert len(about(findings, 'camera front', 'ok')) == 6

    status, findings = examine(verbs, '--node', '/vehicle/segmentation_node')
    assert status == 0
    assert about(findings, 'camera front', 'warn') == []
    (remapped,) = about(findings, 'camera front', 'skip')
    assert 'does not read /vehicle/front/image_raw, but /x: remapped' in remapped


@pytest.mark.parametrize(
    ('remapping', 'options', 'node'),
    [
        ('__node:=seg', ['--node', 'seg'], '/seg'),
        ('__ns:=/car', [], '/car/segmentation_node'),
    ],
)
def test_a_node_that_is_not_active(remapping, options, node, processes, verbs, graph, known_model):
    processes.start(
        *NODE, '-p', f'model:={known_model}', '-p', 'autostart:=false', '-r', remapping
    )
    assert graph.state(node) == 'unconfigured'
    _, findings = examine(verbs, *options, '--seconds', 0.1)
    assert about(findings, 'node', 'warn') == [
        f'{node} is unconfigured: it publishes nothing: `ros2 lifecycle set {node} configure`, or '
        'set autostart'
    ]


def test_of_a_node_that_has_ended_meanwhile_no_topics_are_asked(graph):
    seen = SimpleNamespace(node=graph.peer, image_topics=pytest.fail)
    assert read_topics(seen, RunningNode('/gone', 'active', {})) == []


def test_nodes_that_do_the_same(processes, verbs, graph, known_model):
    parameters = ['-p', f'model:={known_model}', '-p', 'backend:=onnxruntime']
    processes.start(*NODE, *parameters)
    processes.start(*NODE, *parameters, '-r', '__node:=other')
    graph.wait_until(
        lambda: graph.peer.count_publishers('/camera/segmentation/mask') == 2, 'both nodes'
    )
    _, findings = examine(verbs)
    assert about(findings, 'node', 'fail') == [
        '2 nodes publish /camera/segmentation/mask: end all but one, or name another camera'
    ]
    processes.start(*NODE, *parameters)
    graph.wait_until(
        lambda: graph.peer.get_node_names().count('segmentation_node') == 2, 'a second of a name'
    )
    status, findings = examine(verbs)
    assert status == 1
    (twins,) = about(findings, 'node', 'fail')
    assert twins.startswith('2 nodes are called /segmentation_node: ')


def test_what_does_not_fit_the_images(processes, verbs, graph, known_model, tmp_path):
    for _ in range(2):
        processes.cameras({'topic': '/front/image_raw'})
    graph.wait_until(lambda: graph.peer.count_publishers('/front/image_raw') == 2, 'the cameras')
    cv2.imwrite(str(tmp_path / 'ego.png'), np.eye(48, 96, dtype=np.uint8))
    file = write_yaml(
        tmp_path / 'my.yaml',
        {
            'model': str(known_model),
            'cameras': ['front'],
            'front': {'region': [1, 0, 64, 48], 'ego_mask': str(tmp_path / 'ego.png')},
        },
    )
    status, findings = examine(verbs, '--params-file', file)
    assert status == 1
    (region,) = about(findings, 'camera front', 'fail')
    assert region.startswith('the region 64x48 at 1,0 reaches out of the images of 64x48 px')
    ego, publishers = about(findings, 'camera front', 'warn')
    assert 'ego.png is 96x48 px, the images are 64x48 px' in ego
    assert publishers.startswith('2 publishers send images to /front/image_raw')


def test_a_publisher_with_fast_dds_own_shared_memory(processes, verbs, graph, known_model):
    processes.cameras({'topic': '/front/image_raw', 'size': [480, 640]}, setting='stock')
    wait_for_topics(graph, '/front/image_raw')
    status, findings = examine(verbs, '--cameras', 'front')
    assert status == 1
    (lost,) = about(findings, 'camera front', 'fail')
    assert lost.startswith('an image of 1.2 MB does not fit into the 0.5 MB of shared memory')
    assert 'FASTRTPS_DEFAULT_PROFILES_FILE' in lost


def test_simulated_time_that_nobody_tells(processes, verbs, graph):
    processes.cameras({'topic': '/carla/ego/front/image'})
    wait_for_topics(graph, '/carla/ego/front/image')
    topic = '/carla/ego/{camera}/image'
    status, findings = examine(
        verbs, '--cameras', 'front', '--image-topic', topic, '--use-sim-time'
    )
    assert status == 1
    (clock,) = about(findings, 'clock', 'fail')
    assert clock.startswith('use_sim_time is true, but nobody publishes /clock')
    assert about(findings, 'camera front', 'fail') == []


def test_a_file_that_ros_refuses(verbs, tmp_path):
    path = tmp_path / 'my.yaml'
    path.write_text('segmentation_node:\n  ros__parameters: {region: [1, 2.0]}\n')
    status, findings = examine(verbs, '--params-file', path, '--seconds', 0.1)
    assert status == 1
    (refused,) = about(findings, 'params file', 'fail')
    assert 'ROS refuses it: Sequence should be of same type' in refused
    assert about(findings, 'cameras', 'skip')


def test_parameters_that_the_node_refuses(verbs, tmp_path):
    file = write_yaml(tmp_path / 'my.yaml', {'overlay_opacity': 2.0})
    status, findings = examine(verbs, '--params-file', file, '--seconds', 0.1)
    assert status == 1
    assert about(findings, 'parameters', 'fail')[0].startswith('parameter overlay_opacity: ')


@pytest.mark.parametrize(
    ('values', 'subject'),
    [
        ({'model': 5}, 'parameters'),
        ({'engine_cache': 5}, 'parameters'),
        ({'cameras': 5}, 'parameters'),
        ({'use_sim_time': 'yes please'}, 'parameter use_sim_time'),
        (
            {'qos_overrides./front/image_raw.subscription.reliability': 'bogus'},
            'parameter qos_overrides./front/image_raw.subscription.reliability',
        ),
    ],
)
def test_values_that_no_node_starts_with(values, subject, verbs, tmp_path):
    values = {'cameras': ['front'], 'backend': 'onnxruntime'} | values
    file = write_yaml(tmp_path / 'my.yaml', values)
    status, findings = examine(verbs, '--params-file', file, '--seconds', 0.1)
    assert status == 1
    assert len(about(findings, subject, 'fail')) == 1
    assert about(findings, 'cameras', 'skip')


@pytest.mark.parametrize(
    ('camera', 'topic', 'kind', 'reason'),
    [
        (
            {'topic': '/carla/ego_vehicle/rgb_front/image'},
            '/carla/ego_vehicle/rgb_frnt/image',
            Image,
            'nobody publishes /carla/ego_vehicle/rgb_frnt/image: '
            'is /carla/ego_vehicle/rgb_front/image meant?',
        ),
        (
            {'topic': '/front/image_raw', 'reliability': 'BEST_EFFORT'},
            '/front/image_raw',
            Image,
            '/front/image_raw: the QoS of /cameras and of the reader do not match (best effort '
            'publisher and reliable subscription): set '
            'qos_overrides./front/image_raw.subscription.* in the YAML to what it offers',
        ),
        (
            {'topic': '/front/image_raw/compressed'},
            '/front/image_raw',
            Image,
            'nobody publishes /front/image_raw, only /front/image_raw/compressed: '
            "set the camera's transport to compressed",
        ),
        (
            {'topic': '/front/image_raw'},
            '/front/image_raw/compressed',
            CompressedImage,
            'nobody publishes /front/image_raw/compressed, only /front/image_raw: '
            "set the camera's transport to raw",
        ),
        (
            {'topic': '/front/image_raw'},
            '/front/image_raw',
            CompressedImage,
            '/cameras publishes sensor_msgs/msg/Image on /front/image_raw, not '
            'sensor_msgs/msg/CompressedImage: set another topic, or let it publish that type',
        ),
        (
            {'topic': '/sky/picture'},
            '/front/image_raw',
            Image,
            'nobody publishes /front/image_raw: others of its type are /sky/picture',
        ),
        ({'topic': '/front/image_raw', 'reliability': 'RELIABLE'}, '/front/image_raw', Image, ''),
    ],
)
def test_why_a_topic_is_silent(camera, topic, kind, reason, processes, graph):
    qos = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
    graph.peer.create_subscription(kind, topic, lambda message: None, qos)
    processes.cameras(camera)
    wait_for_topics(graph, topic, camera['topic'])
    graph.wait_until(
        lambda: (
            [p.node_name for p in graph.peer.get_publishers_info_by_topic(camera['topic'])]
            == ['cameras']
        ),
        'the camera',
    )
    assert silence_reason(graph.peer, topic) == reason


def test_without_any_image_the_driver_is_asked_for(graph):
    assert silence_reason(graph.peer, '/front/image_raw') == ''
    graph.peer.create_subscription(Image, '/front/image_raw', lambda message: None, 1)
    graph.wait_until(lambda: graph.peer.count_subscribers('/front/image_raw'), 'the reader')
    assert silence_reason(graph.peer, '/front/image_raw') == (
        'nobody publishes /front/image_raw: is its driver running, in the same ROS_DOMAIN_ID and '
        'within discovery?'
    )


def test_what_another_reader_of_the_node_has_is_not_proposed(processes, graph):
    for topic in ('/front/image_raw', '/rear/image_raw'):
        graph.peer.create_subscription(Image, topic, lambda message: None, 1)
    processes.cameras({'topic': '/front/image_raw'})
    graph.wait_until(lambda: graph.peer.count_publishers('/front/image_raw'), 'the camera')
    assert 'is its driver running' in silence_reason(graph.peer, '/rear/image_raw')


@pytest.mark.parametrize(
    ('topic', 'others', 'meant'),
    [
        ('/frnt/image_raw', ['/front/image_raw', '/map'], '/front/image_raw'),
        ('/rgb_front/image_raw', ['/carla/ego/rgb_front/image'], '/carla/ego/rgb_front/image'),
        ('/front/image_raw', ['/lidar/intensity'], ''),
        ('/image', ['/x'], ''),
        ('/front/image_raw', [], ''),
    ],
)
def test_similar_topics(topic, others, meant):
    assert similar_topic(topic, others) == meant

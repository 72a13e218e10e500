"""The executable as a vehicle runs it: processes of their own, DDS between them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rclpy
from lifecycle_msgs.srv import GetState
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from support.child_processes import seconds_to_end

from unet_seg_ros.ros.messages import image_message
from unet_seg_ros.ros.shared_memory import profile_variable

pytestmark = pytest.mark.ros

NUM_FRAMES = 300
NODE = [sys.executable, '-m', 'unet_seg_ros.ros', '--ros-args']

# The camera's process: numbered frames, the next one when the test has seen the last mask. It
# paces itself by the masks, so a gap is a lost message and never a busy machine.
CAMERA = """
import sys
import numpy as np
from unet_seg_ros.ros.shared_memory import prepare
prepare()
import rclpy
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from unet_seg_ros.ros.messages import image_message
from std_msgs.msg import Header
from unet_seg_ros.ros.messages import image_message
rclpy.init()
node = rclpy.create_node('camera')
publisher = node.create_publisher(Image, 'camera/image_raw', qos_profile_sensor_data)
while publisher.get_subscription_count() == 0:
    rclpy.spin_once(node, timeout_sec=0.05)
frame = np.zeros((720, 1280, 3), np.uint8)
for line in sys.stdin:
    header = Header(frame_id=line.strip())
    header.stamp.sec = int(line)
    frame[:, :, 0] = int(line) % 256
    publisher.publish(image_message(frame, 'bgr8', header))
"""


@pytest.fixture
def processes(ros_domain) -> Iterator[list[subprocess.Popen]]:
    running: list[subprocess.Popen] = []
    yield running
    for process in running:
        process.kill()
        process.communicate()


def start_node(processes, known_model, *extra: str) -> subprocess.Popen:
    command = [*NODE, '-p', f'model:={known_model}', *extra]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    processes.append(process)
    return process


def wait_until_active(process: subprocess.Popen) -> None:
    for line in process.stderr:
        if '-> camera/segmentation/mask' in line:
            return
    pytest.fail(f'the node ended with {process.wait()}')


def test_300_numbered_frames_of_720p_without_a_gap(processes, known_model, ros_domain):
    node = start_node(processes, known_model)
    wait_until_active(node)
    context = Context()
    rclpy.init(context=context, domain_id=ros_domain)
    executor = SingleThreadedExecutor(context=context)
    reader = rclpy.create_node('reader', context=context)
    executor.add_node(reader)
    masks: list[tuple[int, str, int, int]] = []
    qos = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
    reader.create_subscription(
        Image,
        'camera/segmentation/mask',
        lambda m: masks.append((m.header.stamp.sec, m.header.frame_id, m.width, m.data[0])),
        qos,
    )

    def spin_until(condition, what):
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end, f'waited in vain for {what}'
            executor.spin_once(timeout_sec=0.05)

    camera = subprocess.Popen([sys.executable, '-c', CAMERA], stdin=subprocess.PIPE, text=True)
    processes.append(camera)
    spin_until(lambda: reader.count_publishers('camera/segmentation/mask'), 'the node')
    spin_until(lambda: reader.count_publishers('camera/image_raw'), 'the camera')
    # Discovery between the node and this reader has no event here: the first frame may be asked
    # for again until its mask comes; from then on every frame is sent exactly once.
    while not masks:
        camera.stdin.write('0\n')
        camera.stdin.flush()
        end = time.monotonic() + 0.5
        while not masks and time.monotonic() < end:
            executor.spin_once(timeout_sec=0.05)
    for number in range(1, NUM_FRAMES + 1):
        camera.stdin.write(f'{number}\n')
        camera.stdin.flush()
        spin_until(lambda n=number: masks[-1][0] == n, f'mask {number}')
    expected = [(n, str(n), 1280, n % 256 // 64) for n in range(1, NUM_FRAMES + 1)]
    assert [mask for mask in masks if mask[0] > 0] == expected
    executor.shutdown()
    reader.destroy_node()
    rclpy.try_shutdown(context=context)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(processes, known_model, number):
    node = start_node(processes, known_model)
    wait_until_active(node)
    node.send_signal(number)
    assert node.wait(timeout=20) == 0
    assert 'Traceback' not in node.stderr.read()


def test_autostart_with_a_wrong_model_says_so_once_and_exits(processes):
    node = start_node(processes, '/nowhere.onnx')
    assert node.wait(timeout=60) == 1
    assert node.stderr.read().count('/nowhere.onnx') == 1


@pytest.mark.parametrize(
    ('arguments', 'says'),
    [
        (
            ['--params-file', '/nowhere.yaml'],
            "'--params-file /nowhere.yaml'. Error: Error opening",
        ),
        (['--log-level', 'loud'], 'does not use a valid severity level'),
        (['-p', 'cameras:=[front, 1]'], 'Sequence should be of same type'),
        (['--frobnicate'], "['--frobnicate']"),
    ],
)
def test_a_command_line_that_ros_refuses_is_told_in_one_line(
    processes, known_model, arguments, says
):
    node = start_node(processes, known_model, *arguments)
    assert node.wait(timeout=60) == 1
    (said,) = (line for line in node.stderr if '[rcl]' not in line)
    assert 'ROS does not start: ' in said
    assert says in said
    assert ', at /' not in said


def test_a_file_of_parameters_for_another_node_is_told(processes, known_model, tmp_path):
    texts = {
        'misspelt': 'segmentaton_node:\n  ros__parameters:\n    gpu: 1\n',
        'elsewhere': '/car:\n  segmentation_node:\n    ros__parameters: {gpu: 1}\n',
        'empty': '',
        'shared': 'other:\n  ros__parameters: {a: 1}\n/*:\n  ros__parameters: {gpu: 0}\n',
        'tuples': '/**:\n  ros__parameters:\n    gpu: 0\n    b: !!python/tuple [x]\n',
        'documents': 'other:\n  ros__parameters: {a: 1}\n---\n/**:\n  ros__parameters: {gpu: 0}\n',
    }
    files = []
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        files += ['--params-file', str(tmp_path / name)]
    node = start_node(processes, known_model, *files)
    said = []
    for line in node.stderr:
        said.append(line)
        if '-> camera/segmentation/mask' in line:
            break
    told = [line.partition(': ')[2].strip() for line in said if 'sets nothing' in line]
    beside = 'write /** or /segmentation_node'
    assert told == [
        f'{tmp_path}/misspelt sets nothing for /segmentation_node, only for /segmentaton_node: '
        + beside,
        f'{tmp_path}/elsewhere sets nothing for /segmentation_node, only for '
        f'/car/segmentation_node: {beside}',
        f'{tmp_path}/empty sets nothing for /segmentation_node, only for nobody: {beside}',
    ]


def test_without_autostart_it_waits_to_be_told(processes, known_model, ros_domain):
    node = start_node(processes, known_model, '-p', 'autostart:=false')
    assert 'waits for `ros2 lifecycle set /segmentation_node configure`' in node.stderr.readline()
    context = Context()
    rclpy.init(context=context, domain_id=ros_domain)
    executor = SingleThreadedExecutor(context=context)
    peer = rclpy.create_node('peer', context=context)
    executor.add_node(peer)
    client = peer.create_client(GetState, 'segmentation_node/get_state')

    end = time.monotonic() + 60
    future = client.call_async(GetState.Request())
    while not future.done():
        assert time.monotonic() < end
        # An answer is lost if the node has not discovered the client's reader yet: ask again.
        future = client.call_async(GetState.Request())
        executor.spin_until_future_complete(future, timeout_sec=1.0)
    # Services are answered only once the node spins, by when autostart would have acted.
    assert future.result().current_state.label == 'unconfigured'
    executor.shutdown()
    peer.destroy_node()
    rclpy.try_shutdown(context=context)


def test_a_users_own_fast_dds_profile_is_kept(processes, known_model, monkeypatch, tmp_path):
    profile = tmp_path / 'own.xml'
    profile.write_text('<profiles xmlns="http://www.eprosima.com"/>')
    monkeypatch.setenv(profile_variable(), str(profile))
    node = start_node(processes, known_model)
    said = []
    for line in node.stderr:
        said.append(line)
        if '-> camera/segmentation/mask' in line:
            break
    assert any(f'{profile}: that Fast DDS profile is kept' in line for line in said)


# Runs the node with an engine that meets a bug at its first real frame.
BUGGY_NODE = """
import sys
from unet_seg_ros.inference.openvino_backend import OpenVinoBackend
from unet_seg_ros.ros.__main__ import main
infer = OpenVinoBackend._infer
calls = []
def buggy(self, images):
    calls.append(images)
    return infer(self, images) if len(calls) == 1 else 1 / 0
OpenVinoBackend._infer = buggy
sys.exit(main())
"""


def test_a_bug_ends_the_process_with_its_traceback(processes, known_model, ros_domain):
    command = [sys.executable, '-c', BUGGY_NODE, '--ros-args', '-p', f'model:={known_model}']
    node = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    processes.append(node)
    wait_until_active(node)
    context = Context()
    rclpy.init(context=context, domain_id=ros_domain)
    peer = rclpy.create_node('peer', context=context)
    peer.create_subscription(Image, 'camera/segmentation/mask', lambda message: None, 1)
    publisher = peer.create_publisher(Image, 'camera/image_raw', 1)
    frame = image_message(np.zeros((8, 8, 3), np.uint8), 'bgr8', Header())
    end = time.monotonic() + 60
    while node.poll() is None:
        assert time.monotonic() < end
        publisher.publish(frame)
        try:
            node.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            continue
    assert node.returncode == 1
    assert 'ZeroDivisionError' in node.stderr.read()
    peer.destroy_node()
    rclpy.try_shutdown(context=context)


# Runs the node with a stand-in for TensorRT whose building takes minutes; `deaf` is one that
# cannot be told to stop.
SLOW_NODE = """
import sys, time
from pytest import MonkeyPatch
from support import stand_in_engines
faults = stand_in_engines.install(MonkeyPatch())
faults.built.clear()
if {is_deaf}:
    faults.built.wait = lambda timeout: time.sleep(300)
from unet_seg_ros.ros.__main__ import main
sys.exit(main())
"""


@pytest.mark.parametrize('is_deaf', [False, True])
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_building_of_an_engine(
    processes, known_model, monkeypatch, number, is_deaf
):
    monkeypatch.setenv('PYTHONPATH', str(Path(__file__).parents[1]), prepend=os.pathsep)
    program = SLOW_NODE.format(is_deaf=is_deaf)
    arguments = ['-p', f'model:={known_model}', '-p', 'backend:=tensorrt']
    command = [sys.executable, '-c', program, '--ros-args', *arguments]
    node = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    processes.append(node)
    for line in node.stderr:
        if 'building: 40 %' in line:
            break
    else:
        pytest.fail(f'the node ended with {node.wait()}')
    assert seconds_to_end(node, number) < 2
    assert 'Traceback' not in node.stderr.read()

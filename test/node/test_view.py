"""The viewer as a process of its own, asked over HTTP as its page asks."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import support
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import String
from support.child_processes import seconds_to_end
from support.stage import Stage, picture, pixels, to_message
from support.verbs import refusal
from support.viewing import Viewing

pytestmark = pytest.mark.ros

FOREIGN_PEER = str(Path(support.__file__).with_name('foreign_dds.py'))
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
TABLE = {
    'classes': [
        {'id': 0, 'name': 'road', 'color': [128, 64, 128]},
        {'id': 3, 'name': '<b>sky</b>', 'color': [70, 130, 180]},
    ],
    'drivable': ['road'],
}


@pytest.fixture
def viewing(stage: Stage) -> Iterator[Viewing]:
    viewing = Viewing(stage)
    yield viewing
    viewing.close()


def publisher(stage: Stage, kind: str = 'overlay', camera: str = 'front') -> Any:
    """Return a publisher of a topic as the node has it; the peer stands in for the node."""
    return stage.peer.create_publisher(Image, f'{camera}/segmentation/{kind}', 2)


def frame(value: int = 100) -> Image:
    return to_message(np.full((48, 96, 3), value, np.uint8))


def test_it_shows_what_the_node_publishes(stage, viewing, known_model):
    browser = viewing.browse()
    stage.start_active(cameras=['front'], model=str(known_model), diagnostics_period_s=0.1)
    stage.listen('front/segmentation/overlay')
    images = stage.camera('front/image_raw')
    message = to_message(picture())
    browser.ask_until(
        lambda: browser.shows('/front', 'live') and browser.camera('/front')['rate_hz'],
        'the camera',
        lambda: images.publish(message),
    )
    overlay = pixels(stage.received['front/segmentation/overlay'][-1])
    name, shown = browser.pictures[-1]
    assert name == '/front'
    assert shown.shape == overlay.shape
    assert np.abs(shown.astype(int) - overlay).mean() < 12

    def has_figures() -> bool:
        status = browser.camera('/front')['status']
        return status is not None and int(status['values']['segmented']) > 0

    browser.ask_until(has_figures, 'the figures', lambda: images.publish(message))
    camera, (node,) = browser.camera('/front'), browser.state['nodes']
    assert (camera['topic'], camera['size']) == ('/front/segmentation/overlay', '96x48')
    assert camera['status']['level'] == 'OK'
    assert float(camera['status']['values']['total_ms_p50']) > 0
    assert node['name'] == '/segmentation_node'
    assert (node['status']['level'], node['status']['message']) == ('OK', 'active')
    browser.ask_until(lambda: all(c['color'] for c in browser.state['classes']), 'the colours')
    names = [c['name'] for c in browser.state['classes']]
    assert node['status']['values']['classes'] == ', '.join(names)
    assert 'road' in {c['name'] for c in browser.state['classes'] if c['drivable']}


def test_the_node_works_only_while_somebody_looks(stage, viewing):
    overlays = publisher(stage)
    browser = viewing.browse()
    browser.ask_until(lambda: browser.shows('/front', 'waiting'), 'the camera')
    # By when it has looked at the graph again.
    publisher(stage, camera='rear')
    browser.seen.clear()
    browser.ask_until(lambda: browser.camera('/rear'), 'another camera', browser.seen.clear)
    assert overlays.get_subscription_count() == 0
    num_readers = []

    def publish() -> None:
        overlays.publish(frame())
        num_readers.append(overlays.get_subscription_count())

    browser.ask_until(lambda: browser.pictures, 'a picture', publish)
    assert max(num_readers) == 1
    stage.spin_until(lambda: overlays.get_subscription_count() == 0, 'the end of the interest')
    # Who looks again later is not shown the old picture.
    browser.seen, browser.pictures = {'/front': '0'}, []
    browser.ask_until(lambda: overlays.get_subscription_count() == 1, 'new interest')
    assert browser.pictures == []
    assert not browser.camera('/front')['has_picture']


def test_a_camera_that_stops_is_stale_within_two_seconds(stage, viewing):
    overlays = publisher(stage)
    browser = viewing.browse()
    browser.ask_until(
        lambda: browser.shows('/front', 'live'), 'the camera', lambda: overlays.publish(frame())
    )
    ages_s: dict[str, float] = {}

    def is_stale() -> bool:
        camera = browser.camera('/front')
        ages_s[camera['state']] = camera['age_s']
        return 'stale' in ages_s

    browser.ask_until(is_stale, 'the fault')
    assert ages_s['live'] < 2
    assert ages_s['stale'] > 1


def test_a_camera_that_never_sends_is_stale_too(stage, viewing):
    publisher(stage)
    browser = viewing.browse()
    browser.ask_until(lambda: browser.shows('/front', 'stale'), 'the fault')
    assert not browser.camera('/front')['has_picture']


def test_a_node_may_go_and_come_back(stage, viewing):
    overlays = publisher(stage)
    browser = viewing.browse()
    for _ in range(2):
        browser.ask_until(
            lambda: browser.shows('/front', 'live'),
            'the camera',
            lambda: overlays.publish(frame()),  # noqa: B023
        )
        stage.peer.destroy_publisher(overlays)
        browser.ask_until(lambda: browser.shows('/front', 'gone'), 'the end of the node')
        overlays = publisher(stage)


def test_classes_come_with_their_colours(stage, viewing):
    publisher(stage)
    table = stage.peer.create_publisher(String, '/peer/class_table', LATCHED)
    table.publish(String(data=json.dumps(TABLE)))
    browser = viewing.browse()
    browser.ask_until(lambda: browser.state.get('classes'), 'the classes')
    assert browser.state['classes'] == [
        {'name': 'road', 'color': [128, 64, 128], 'drivable': True},
        {'name': '<b>sky</b>', 'color': [70, 130, 180], 'drivable': False},
    ]


@pytest.mark.parametrize(
    'text', ['{', '[]', '{"classes": [7]}', '{"classes": [{"id": 300, "name": "", "color": []}]}']
)
def test_a_broken_class_table_is_told_once_and_left_out(stage, viewing, text):
    overlays = publisher(stage)
    table = stage.peer.create_publisher(String, '/peer/class_table', LATCHED)
    table.publish(String(data=text))
    process, port = viewing.start()
    browser = viewing.browser(port)
    stage.spin_until(lambda: table.get_subscription_count() == 1, 'the reader of the table')
    assert table.wait_for_all_acked()
    browser.ask_until(lambda: browser.pictures, 'a picture', lambda: overlays.publish(frame()))
    assert browser.state['classes'] == []
    process.terminate()
    _, errors = process.communicate(timeout=20)
    assert 'Traceback' not in errors
    assert errors.count('/peer/class_table: ') == 1


def test_a_mask_is_shown_in_the_colours_of_its_classes(stage, viewing):
    masks = publisher(stage, 'mask')
    table = stage.peer.create_publisher(String, '/peer/class_table', LATCHED)
    table.publish(String(data=json.dumps(TABLE)))
    browser = viewing.browse()
    browser.ask_until(lambda: browser.state.get('classes'), 'the classes')
    mask = to_message(np.full((48, 2000), 3, np.uint8), encoding='mono8')
    browser.ask_until(lambda: browser.pictures, 'a picture', lambda: masks.publish(mask))
    (_, shown), *_ = browser.pictures
    assert shown.shape == (23, 960, 3)
    assert np.abs(shown.astype(int) - (70, 130, 180)).max() < 4
    # The overlay takes its place as soon as there is one.
    overlays = publisher(stage)
    browser.ask_until(
        lambda: browser.pictures[-1][1].shape == (48, 96, 3),
        'the overlay',
        lambda: overlays.publish(frame()),
    )


def test_an_image_that_cannot_be_read_is_told(stage, viewing):
    overlays = publisher(stage)
    browser = viewing.browse()
    broken = frame()
    broken.step = 7
    browser.ask_until(
        lambda: browser.shows('/front', 'unreadable'), 'it', lambda: overlays.publish(broken)
    )
    assert 'got step 7' in browser.camera('/front')['refusal']
    assert browser.pictures == []


def test_an_odd_picture_does_not_hide_the_others(stage, viewing):
    colors = np.zeros((48, 96, 3), np.uint8)
    colors[...] = (0, 0, 200)
    odd = {
        ('front', 'mask'): (to_message(colors), (48, 96, 3)),  # Coloured, as others have it.
        ('tall', 'overlay'): (to_message(np.zeros((70000, 1, 3), np.uint8)), (960, 1, 3)),
        ('tiny', 'overlay'): (to_message(np.zeros((1, 1, 3), np.uint8)), (1, 1, 3)),
    }
    publishers = {key: publisher(stage, key[1], key[0]) for key in odd}

    def publish() -> None:
        for key, (message, _) in odd.items():
            publishers[key].publish(message)

    browser = viewing.browse()
    browser.ask_until(lambda: len(dict(browser.pictures)) == 3, 'all pictures', publish)
    shown = dict(browser.pictures)
    assert {(c, k): shown[f'/{c}'].shape for c, k in odd} == {k: s for k, (_, s) in odd.items()}
    assert np.abs(shown['/front'].astype(int) - (200, 0, 0)).max() < 4


@pytest.mark.skipif(
    find_spec('cyclonedds') is None, reason='no wheel of cyclonedds for this machine'
)
def test_a_topic_whose_name_ros_does_not_take_is_left_out(stage, viewing, ros_domain):
    foreign = subprocess.Popen(
        [
            sys.executable,
            FOREIGN_PEER,
            str(ros_domain),
            'reliable',
            'rt/a-b/segmentation/mask',
            'x',
        ],
        stdin=subprocess.PIPE,
    )
    try:
        stage.spin_until(
            lambda: '/a-b/segmentation/mask' in dict(stage.peer.get_topic_names_and_types()),
            'the foreign topic',
        )
        browser = viewing.browse()
        # Each is seen by another look at the graph, with the foreign topic in it.
        for camera in ('front', 'rear'):
            publisher(stage, camera=camera)
            browser.ask_until(lambda name=f'/{camera}': browser.camera(name), camera)
        assert {c['name'] for c in browser.state['cameras']} == {'/front', '/rear'}
    finally:
        foreign.kill()
        foreign.communicate()


def test_only_the_cameras_asked_for_are_shown(stage, viewing):
    for camera in ('front', 'rear', '/truck/front', 'far_front'):
        publisher(stage, camera=camera)
    browser = viewing.browse('--cameras', 'front', '/rear', 'roof')
    shown = ['/front', '/rear', '/truck/front']
    browser.ask_until(lambda: sorted(browser.seen) == shown, 'the cameras')
    assert [c['name'] for c in browser.state['cameras']] == shown
    assert browser.state['missing'] == ['roof']


def test_browsers_do_not_hinder_each_other(stage, viewing):
    overlays = publisher(stage)
    _, port = viewing.start()
    noise = to_message(np.random.default_rng(0).integers(0, 256, (240, 400, 3), np.uint8))
    first, second = viewing.browser(port), viewing.browser(port)
    first.ask_until(lambda: first.pictures, 'a picture', lambda: overlays.publish(noise))
    with socket.create_connection(('127.0.0.1', port)) as slow:
        # More answers than its buffers hold, and it reads none of them.
        slow.sendall(b'GET /live?seen=/front:0 HTTP/1.1\r\nHost: localhost\r\n\r\n' * 100)
        for _ in range(5):
            for browser in (first, second):
                browser.pictures = []
                browser.ask_until(
                    lambda: browser.pictures,  # noqa: B023
                    'a picture',
                    lambda: overlays.publish(noise),
                )


@pytest.mark.parametrize(
    ('request_', 'status'),
    [
        (b'GET /live?seen=/front:' + b'9' * 5000 + b' HTTP/1.1\r\nHost: localhost', b'200'),
        (b'GET http://[ HTTP/1.1\r\nHost: localhost', b'400'),
        (b'GET / HTTP/1.1\r\nHost: [', b'400'),
        (b'POST / HTTP/1.1\r\nHost: localhost', b'501'),
    ],
)
def test_a_request_that_no_browser_sends_is_answered(viewing, request_, status):
    process, port = viewing.start()
    with socket.create_connection(('127.0.0.1', port), timeout=30) as odd:
        odd.sendall(request_ + b'\r\n\r\n')
        assert odd.recv(12) == b'HTTP/1.1 ' + status
    process.terminate()
    _, errors = process.communicate(timeout=20)
    assert errors == 'unet-seg view: interrupted\n'


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_within_two_seconds(stage, viewing, number):
    overlays = publisher(stage)
    process, port = viewing.start()
    browser = viewing.browser(port)
    browser.ask_until(lambda: browser.pictures, 'a picture', lambda: overlays.publish(frame()))
    with socket.create_connection(('127.0.0.1', port)) as waiting:
        waiting.sendall(b'GET /live?seen=/front:0 HTTP/1.1\r\nHost: localhost\r\n\r\n')
        assert seconds_to_end(process, number) < 2
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (130, 'unet-seg view: interrupted\n')


def test_the_page_loads_nothing_from_elsewhere_and_runs_nothing_foreign(stage, viewing):
    browser = viewing.browse()
    texts = {}
    for path, kind in {'/': 'html', '/view.css': 'css', '/view.js': 'javascript'}.items():
        answer = browser.get(path)
        assert answer.status == 200
        assert answer.headers['Content-Type'] == f'text/{kind}; charset=utf-8'
        policy = answer.headers['Content-Security-Policy']
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert 'unsafe' not in policy
        texts[path] = answer.read().decode()
    for text in texts.values():
        assert '//' not in text.replace('  // ', '').replace('\n// ', '')
    for way in ('innerHTML', 'outerHTML', 'insertAdjacent', 'document.write', 'eval('):
        assert way not in texts['/view.js']
    assert browser.get('/../setup.py').status == 404


@pytest.mark.parametrize(
    ('host', 'status'),
    [('localhost:1', 200), ('[::1]:8080', 200), ('192.168.0.7', 200), ('evil.example', 421)],
)
def test_a_foreign_name_for_this_machine_is_refused(stage, viewing, host, status):
    assert viewing.browse().get('/', Host=host).status == status


def test_an_address_that_cannot_be_had_is_told_in_one_line(stage, viewing):
    _, port = viewing.start()
    line = refusal(viewing._verbs.start('view', '--port', port))
    assert line == (
        f'unet-seg view: cannot listen on 127.0.0.1:{port}: in use; choose another --port'
    )
    line = refusal(viewing._verbs.start('view', '--host', '203.0.113.7'))
    assert line.startswith('unet-seg view: cannot listen on 203.0.113.7:8080: ')
    assert line.endswith('; choose another --host')
    line = refusal(viewing._verbs.start('view', '--host', 'ü..b'))
    assert line.startswith("unet-seg view: --host 'ü..b' is no address: ")

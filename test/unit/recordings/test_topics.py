from __future__ import annotations

import pytest

from unet_seg_ros.core.errors import RecordingError
from unet_seg_ros.recordings.topics import choose_topics

EGO = '/carla/ego_vehicle'


@pytest.mark.parametrize(
    ('topics', 'images', 'labels'),
    [
        # The bridge, with its own extra cameras.
        (
            ['rgb_front', 'rgb_view', 'depth_front', 'dvs_front', 'semantic_segmentation_front'],
            f'{EGO}/rgb_front/image',
            f'{EGO}/semantic_segmentation_front/image',
        ),
        (
            ['rgb', 'semantic_segmentation'],
            f'{EGO}/rgb/image',
            f'{EGO}/semantic_segmentation/image',
        ),
        # One camera that is called otherwise.
        (['front', 'semantic'], f'{EGO}/front/image', f'{EGO}/semantic/image'),
    ],
)
def test_sensors_are_told_by_their_names(topics, images, labels):
    topics = [f'{EGO}/{sensor}/image' for sensor in topics]
    assert choose_topics(topics) == (images, labels)


def test_what_our_own_player_and_node_publish_is_told():
    topics = [
        'camera/image_raw',
        'camera/segmentation/mask',
        'camera/segmentation/overlay',
        'camera/semantic_segmentation/image',
    ]
    assert choose_topics(topics) == ('camera/image_raw', 'camera/semantic_segmentation/image')


def test_raw_comes_before_compressed():
    rgb, semantic = f'{EGO}/rgb_front/image', f'{EGO}/semantic_segmentation_front/image'
    assert choose_topics([f'{rgb}/compressed', rgb, semantic]) == (rgb, semantic)
    assert choose_topics([f'{rgb}/compressed', semantic]) == (f'{rgb}/compressed', semantic)


STEREO = [
    f'{EGO}/{kind}_{side}/image' for kind in ('rgb', 'semantic_segmentation') for side in 'ab'
]


def test_several_cameras_are_refused_with_the_candidates():
    with pytest.raises(RecordingError) as raised:
        choose_topics(STEREO)
    assert str(raised.value) == (
        'several topics may be meant; name one for images of '
        f'{STEREO[0]}, {STEREO[1]} and one for labels of {STEREO[2]}, {STEREO[3]}'
    )


def test_one_name_is_enough_to_tell_the_other():
    assert choose_topics(STEREO, images=STEREO[1]) == (STEREO[1], STEREO[3])
    assert choose_topics(STEREO, labels=STEREO[2]) == (STEREO[0], STEREO[2])


def test_names_are_taken_as_they_are():
    assert choose_topics(['/a', '/b', '/c'], '/c', '/a') == ('/c', '/a')


def test_a_named_topic_must_be_there():
    with pytest.raises(RecordingError, match='no images on /d; there are /a, /b'):
        choose_topics(['/b', '/a'], '/d', '/a')


@pytest.mark.parametrize(
    ('topics', 'what'),
    [
        (['/camera/image_raw'], 'labels; name one of /camera/image_raw'),
        (['/semantic/image'], 'images; name one of /semantic/image'),
        ([], 'images; name one of none'),
    ],
)
def test_a_missing_half_is_refused(topics, what):
    with pytest.raises(RecordingError, match=f'no topic looks like {what}'):
        choose_topics(topics)

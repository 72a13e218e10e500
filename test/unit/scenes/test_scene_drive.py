from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.scenes import (
    HELD_OUT_LAYOUTS,
    TRAINING_LAYOUTS,
    Drive,
    Frame,
    PinholeCamera,
    still,
)
from unet_seg_ros.scenes.camera import View
from unet_seg_ros.scenes.renderer import Renderer
from unet_seg_ros.scenes.surface import draw_inks
from unet_seg_ros.scenes.town import generator, town
from unet_seg_ros.scenes.weather import draw_weather

CAMERA = PinholeCamera(ImageSize(height=160, width=320))
TAGS = CARLA_TAGS[29]


@pytest.fixture(scope='module')
def drive() -> Drive:
    return Drive('maple_town', 3, CAMERA)


def _same(first: Frame, second: Frame) -> bool:
    return np.array_equal(first.image, second.image) and np.array_equal(first.tags, second.tags)


def _share(tags: np.ndarray, name: str) -> float:
    return float(np.mean(tags == TAGS.ids_by_name[name]))


def test_training_and_held_out_layouts_are_disjoint() -> None:
    assert len(TRAINING_LAYOUTS) >= 3
    assert len(HELD_OUT_LAYOUTS) >= 2
    assert not set(TRAINING_LAYOUTS) & set(HELD_OUT_LAYOUTS)


def test_an_unknown_layout_is_refused_with_the_names() -> None:
    with pytest.raises(ConfigurationError, match=r"'atlantis'.*maple_town.*lagoon_village"):
        Drive('atlantis', 0, CAMERA)
    with pytest.raises(ConfigurationError, match='atlantis'):
        still('atlantis', 0, CAMERA)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ConfigurationError, match='seed -1'):
        Drive('maple_town', -1, CAMERA)


def test_any_frame_in_any_order_has_the_same_bytes(drive: Drive) -> None:
    in_order = [drive.frame(index) for index in range(4)]
    another = Drive('maple_town', 3, CAMERA)

    assert all(_same(another.frame(index), in_order[index]) for index in (2, 0, 3, 1))


def test_seeds_give_different_drives(drive: Drive) -> None:
    assert not _same(drive.frame(0), Drive('maple_town', 4, CAMERA).frame(0))


def test_a_frame_has_the_cameras_size_and_layout_of_memory(drive: Drive) -> None:
    frame = drive.frame(0)

    assert frame.image.shape == (160, 320, 3)
    assert frame.tags.shape == (160, 320)
    assert frame.image.dtype == frame.tags.dtype == np.uint8
    assert frame.image.flags.c_contiguous
    assert frame.tags.flags.c_contiguous


def test_an_odd_size_can_be_drawn() -> None:
    frame = Drive('maple_town', 3, PinholeCamera(ImageSize(height=91, width=153))).frame(7)

    assert frame.image.shape == (91, 153, 3)


@pytest.mark.parametrize('layout', TRAINING_LAYOUTS + HELD_OUT_LAYOUTS)
def test_every_layout_shows_a_street(layout: str) -> None:
    drive = Drive(layout, 0, CAMERA)
    tags = np.stack([drive.frame(index).tags for index in range(0, 1800, 180)])

    assert set(np.unique(tags)) <= {c.id for c in TAGS.classes}
    assert 0.15 < _share(tags, 'Roads') < 0.45
    assert 0.0005 < _share(tags, 'RoadLines') < 0.05
    assert 0.002 < _share(tags, 'Sidewalks') < 0.3
    assert 0.02 < _share(tags, 'Sky') < 0.5
    assert _share(tags, 'Buildings') + _share(tags, 'Vegetation') > 0.05


def test_a_drive_meets_traffic_people_and_furniture(drive: Drive) -> None:
    met = set(np.unique(np.stack([drive.frame(index).tags for index in range(0, 1200, 60)])))

    wanted = ('Car', 'Pedestrians', 'Poles', 'TrafficSigns', 'Vegetation', 'Terrain', 'Static')
    assert met >= set(TAGS.ids_of(wanted))


def test_the_road_is_before_the_wheels_and_the_horizon_where_the_pitch_puts_it() -> None:
    road_tags = TAGS.ids_of(('Roads', 'RoadLines'))
    tops = []
    for pitch_deg in (0.0, 8.0):
        camera = PinholeCamera(CAMERA.size, pitch_deg=pitch_deg)
        tags = Drive('maple_town', 3, camera).frame(40).tags
        assert np.isin(tags[-1, 150:170], road_tags).all()
        assert (tags[0] != TAGS.ids_by_name['Roads']).all()
        tops.append(int(np.isin(tags, road_tags).any(axis=1).argmax()))

    # The focal length is 160 px, the horizon of a level camera in row 80.
    assert 80 <= tops[0] <= 92
    assert tops[1] - tops[0] == pytest.approx(160 * np.tan(np.radians(8.0)), abs=2)


def test_the_kerb_is_where_the_streets_width_puts_it() -> None:
    place = town('maple_town', 3)
    rng = generator('test')
    renderer = Renderer(place, draw_weather(rng, 'overcast'), draw_inks(rng, place.layout), rng)
    # Midway between two junctions, where the road is straight, looking along it.
    first, second = place.street.junctions[:2]
    station_m = first.station_m + 0.35 * (second.station_m - first.station_m)
    line = place.street.centerline
    heading = float(line.heading(np.array(station_m)))
    view = View(CAMERA, line.point(station_m, 0.0, 1.6), heading, 0.0, 0.0)

    tags = renderer.render(view, station_m, 0.0, [])[..., 3]

    kerb = line.point(station_m + 8.0, -place.street.half_m)
    column, row = np.rint(view.to_pixels(view.to_camera(kerb))).astype(int)
    assert np.isin(tags[row, column - 4], TAGS.ids_of(('Roads', 'RoadLines')))
    assert tags[row, column + 3] == TAGS.ids_by_name['Sidewalks']


def test_consecutive_frames_differ_a_little(drive: Drive) -> None:
    frames = [drive.frame(index) for index in range(20, 26)]

    for before, after in pairwise(frames):
        moved = float(np.mean(before.tags != after.tags))
        assert 0.0 < moved < 0.12


def test_the_street_goes_on_where_it_repeats() -> None:
    # At 12 m/s and 20 Hz the period of 960 m is passed within 1600 frames.
    drive = Drive('maple_town', 3, CAMERA, speed_m_s=12.0)
    starts = [index for index in range(1600) if drive.station_m(index) < 0.6]

    assert len(starts) == 1
    before, after = drive.frame(starts[0] - 1), drive.frame(starts[0])
    assert float(np.mean(before.tags != after.tags)) < 0.15


def test_stills_are_reproducible_and_varied() -> None:
    stills = [still('maple_town', seed, CAMERA) for seed in range(4)]

    assert all(_same(still('maple_town', seed, CAMERA), stills[seed]) for seed in (3, 1))
    brightness = [float(frame.image.mean()) for frame in stills]
    assert np.ptp(brightness) > 3.0

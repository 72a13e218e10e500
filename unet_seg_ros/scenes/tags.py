"""The CARLA tags that the renderer draws, and the ground's materials with their tags."""

from __future__ import annotations

from enum import IntEnum

from unet_seg_ros.core.classes import CARLA_TAGS


def _tag(name: str) -> int:
    return CARLA_TAGS[29].ids_by_name[name]


ROAD = _tag('Roads')
SIDEWALK = _tag('Sidewalks')
BUILDING = _tag('Buildings')
WALL = _tag('Walls')
FENCE = _tag('Fences')
POLE = _tag('Poles')
TRAFFIC_LIGHT = _tag('TrafficLight')
TRAFFIC_SIGN = _tag('TrafficSigns')
VEGETATION = _tag('Vegetation')
TERRAIN = _tag('Terrain')
SKY = _tag('Sky')
PEDESTRIAN = _tag('Pedestrians')
RIDER = _tag('Rider')
CAR = _tag('Car')
TRUCK = _tag('Truck')
BUS = _tag('Bus')
MOTORCYCLE = _tag('Motorcycle')
BICYCLE = _tag('Bicycle')
STATIC = _tag('Static')
DYNAMIC = _tag('Dynamic')
ROAD_LINE = _tag('RoadLines')
GUARD_RAIL = _tag('GuardRail')


class Material(IntEnum):
    """What a piece of ground is made of."""

    ROAD = 0
    PATCH_DARK = 1
    PATCH_LIGHT = 2
    MANHOLE = 3
    LINE_WHITE = 4
    LINE_YELLOW = 5
    KERB_FACE = 6
    KERB_TOP = 7
    SIDEWALK = 8
    SIDEWALK_PATCH = 9
    GRASS = 10


#: The tag of each material, by the material's number.
MATERIAL_TAGS: tuple[int, ...] = (
    ROAD,
    ROAD,
    ROAD,
    ROAD,
    ROAD_LINE,
    ROAD_LINE,
    SIDEWALK,
    SIDEWALK,
    SIDEWALK,
    SIDEWALK,
    TERRAIN,
)

"""The districts that can be drawn: what their streets, houses and surfaces look like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from unet_seg_ros.core.errors import ConfigurationError

#: Red, green, blue in sunlight, each 0 to 255, as one reads them off a picture.
Color: TypeAlias = tuple[int, int, int]
#: The least and the largest value of a random draw.
Span: TypeAlias = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """
    What the streets of a district have in common.

    Attributes
    ----------
    lanes : tuple of int
        Numbers of lanes per direction that occur.
    lane_width_m, sidewalk_width_m, setback_m, verge_m : Span
        Widths; the setback lies between sidewalk and facade, the verge between kerb and sidewalk.
    parking : float
        Share of streets that have a parking lane at either side.
    sidewalk_missing : float
        Share of street sides that have a grass shoulder and no sidewalk.
    centre, lane_line, edge_line : tuple of str
        Line styles to draw from: ``none``, ``dashed``, ``solid``, ``double``; a leading ``y-``
        makes it yellow.
    block_m : Span
        Distance between junctions.
    bends_deg : Span
        Change of heading of a bend, to either side; gentle to right-angled.
    bend_radius_m : Span
        Mean radius of a bend.
    building_share : float
        Share of the frontage that is built on.
    building_width_m, building_depth_m : Span
        Footprint of a house.
    floors : tuple of int
        Least and largest number of floors.
    styles : tuple of str
        Facade styles, see `facades`.
    roof_share : float
        Share of houses with a pitched roof.
    walls, roofs, roads, sidewalks, grounds : tuple of Color
        Palettes.
    trees : tuple of str
        Kinds of trees, see `sprites`.
    trees_per_100_m, props_per_100_m, parked_per_100_m, pedestrians_per_100_m : float
        Densities along each side.
    traffic : Span
        Vehicles per 100 m of lane.
    fence_share : float
        Share of gaps between houses with a wall or a fence.
    green_setback : float
        Share of setbacks that are grass and not paved.
    """

    lanes: tuple[int, ...]
    lane_width_m: Span
    sidewalk_width_m: Span
    setback_m: Span
    verge_m: Span
    parking: float
    sidewalk_missing: float
    centre: tuple[str, ...]
    lane_line: tuple[str, ...]
    edge_line: tuple[str, ...]
    block_m: Span
    bends_deg: Span
    bend_radius_m: Span
    building_share: float
    building_width_m: Span
    building_depth_m: Span
    floors: tuple[int, int]
    styles: tuple[str, ...]
    roof_share: float
    walls: tuple[Color, ...]
    roofs: tuple[Color, ...]
    roads: tuple[Color, ...]
    sidewalks: tuple[Color, ...]
    grounds: tuple[Color, ...]
    trees: tuple[str, ...]
    trees_per_100_m: float
    props_per_100_m: float
    parked_per_100_m: float
    pedestrians_per_100_m: float
    traffic: Span
    fence_share: float
    green_setback: float


_MAPLE_TOWN = Layout(
    lanes=(1,),
    lane_width_m=(3.5, 4.2),
    sidewalk_width_m=(2.0, 6.5),
    setback_m=(1.0, 7.0),
    verge_m=(0.0, 0.0),
    parking=0.1,
    sidewalk_missing=0.05,
    centre=('y-dashed', 'y-dashed', 'y-double', 'dashed', 'none'),
    lane_line=('dashed',),
    edge_line=('none', 'none', 'none', 'solid'),
    block_m=(50.0, 110.0),
    bends_deg=(70.0, 90.0),
    bend_radius_m=(14.0, 30.0),
    building_share=0.7,
    building_width_m=(9.0, 22.0),
    building_depth_m=(8.0, 14.0),
    floors=(1, 4),
    styles=('brick', 'plaster', 'siding', 'shop'),
    roof_share=0.6,
    walls=((150, 70, 55), (190, 185, 178), (175, 145, 110), (110, 112, 120), (205, 190, 150)),
    roofs=((130, 60, 45), (95, 85, 85), (70, 70, 76)),
    roads=((196, 192, 186), (165, 163, 162), (140, 138, 138), (205, 200, 190)),
    sidewalks=((160, 156, 148), (178, 174, 168), (140, 136, 130), (170, 160, 146)),
    grounds=((104, 128, 62), (86, 112, 50), (120, 130, 70)),
    trees=('round', 'autumn', 'conifer', 'poplar'),
    trees_per_100_m=4.0,
    props_per_100_m=5.0,
    parked_per_100_m=1.5,
    pedestrians_per_100_m=1.2,
    traffic=(0.3, 1.2),
    fence_share=0.6,
    green_setback=0.5,
)

_HARBOR_CITY = Layout(
    lanes=(2, 2, 3),
    lane_width_m=(3.2, 3.8),
    sidewalk_width_m=(3.5, 8.0),
    setback_m=(0.0, 2.0),
    verge_m=(0.0, 0.0),
    parking=0.3,
    sidewalk_missing=0.0,
    centre=('y-double', 'y-double', 'double', 'y-solid'),
    lane_line=('dashed',),
    edge_line=('solid', 'solid', 'none'),
    block_m=(70.0, 130.0),
    bends_deg=(10.0, 50.0),
    bend_radius_m=(40.0, 120.0),
    building_share=0.95,
    building_width_m=(14.0, 34.0),
    building_depth_m=(14.0, 24.0),
    floors=(4, 14),
    styles=('office', 'brick', 'stone', 'shop', 'glass'),
    roof_share=0.05,
    walls=((120, 88, 70), (176, 164, 146), (92, 94, 100), (150, 140, 128), (196, 190, 180)),
    roofs=((90, 86, 84),),
    roads=((112, 108, 104), (92, 90, 90), (132, 128, 122), (74, 74, 78)),
    sidewalks=((168, 152, 132), (150, 146, 142), (188, 178, 164), (128, 116, 104)),
    grounds=((150, 142, 130), (128, 124, 120)),
    trees=('round', 'palm'),
    trees_per_100_m=4.0,
    props_per_100_m=9.0,
    parked_per_100_m=5.0,
    pedestrians_per_100_m=4.0,
    traffic=(0.8, 2.5),
    fence_share=0.3,
    green_setback=0.05,
)

_PINE_ROAD = Layout(
    lanes=(1, 1, 2),
    lane_width_m=(3.3, 3.9),
    sidewalk_width_m=(1.5, 4.0),
    setback_m=(5.0, 14.0),
    verge_m=(0.0, 2.5),
    parking=0.0,
    sidewalk_missing=0.35,
    centre=('y-double', 'dashed', 'solid', 'y-dashed', 'double'),
    lane_line=('dashed',),
    edge_line=('solid', 'solid', 'none', 'y-solid'),
    block_m=(110.0, 220.0),
    bends_deg=(15.0, 70.0),
    bend_radius_m=(35.0, 150.0),
    building_share=0.25,
    building_width_m=(8.0, 16.0),
    building_depth_m=(7.0, 12.0),
    floors=(1, 2),
    styles=('siding', 'plaster', 'brick'),
    roof_share=0.95,
    walls=((200, 196, 186), (150, 120, 90), (120, 130, 140), (165, 90, 70)),
    roofs=((92, 80, 74), (110, 62, 50), (62, 64, 70)),
    roads=((104, 106, 112), (128, 130, 134), (84, 84, 88), (150, 146, 140)),
    sidewalks=((160, 158, 154), (136, 134, 130), (176, 170, 160)),
    grounds=((88, 116, 48), (108, 122, 60), (74, 98, 44), (128, 120, 72)),
    trees=('conifer', 'conifer', 'round', 'autumn', 'bush'),
    trees_per_100_m=13.0,
    props_per_100_m=2.5,
    parked_per_100_m=0.3,
    pedestrians_per_100_m=0.4,
    traffic=(0.3, 1.4),
    fence_share=0.35,
    green_setback=1.0,
)

_FOUNDRY_YARD = Layout(
    lanes=(1, 2),
    lane_width_m=(3.0, 3.6),
    sidewalk_width_m=(1.5, 4.5),
    setback_m=(0.0, 6.0),
    verge_m=(0.0, 0.0),
    parking=0.25,
    sidewalk_missing=0.1,
    centre=('dashed', 'solid', 'double', 'none'),
    lane_line=('dashed',),
    edge_line=('none', 'solid'),
    block_m=(60.0, 140.0),
    bends_deg=(40.0, 90.0),
    bend_radius_m=(18.0, 50.0),
    building_share=0.65,
    building_width_m=(16.0, 40.0),
    building_depth_m=(14.0, 24.0),
    floors=(1, 3),
    styles=('shed', 'brick', 'shed', 'plaster'),
    roof_share=0.3,
    walls=((120, 118, 116), (140, 84, 66), (156, 160, 160), (98, 110, 122), (176, 168, 140)),
    roofs=((110, 112, 114), (90, 70, 62)),
    roads=((70, 70, 72), (94, 92, 90), (118, 112, 104), (146, 140, 132)),
    sidewalks=((150, 110, 92), (126, 122, 118), (158, 130, 110), (108, 104, 100)),
    grounds=((128, 118, 96), (110, 106, 98), (98, 108, 66)),
    trees=('bush', 'round'),
    trees_per_100_m=2.0,
    props_per_100_m=6.0,
    parked_per_100_m=4.0,
    pedestrians_per_100_m=0.8,
    traffic=(0.4, 1.6),
    fence_share=0.9,
    green_setback=0.3,
)

_GARDEN_SUBURB = Layout(
    lanes=(1, 1, 2),
    lane_width_m=(3.4, 4.5),
    sidewalk_width_m=(1.6, 3.6),
    setback_m=(4.0, 9.0),
    verge_m=(1.0, 3.0),
    parking=0.4,
    sidewalk_missing=0.1,
    centre=('none', 'y-double', 'y-dashed', 'dashed', 'y-solid'),
    lane_line=('dashed',),
    edge_line=('none', 'none', 'solid'),
    block_m=(60.0, 120.0),
    bends_deg=(20.0, 90.0),
    bend_radius_m=(18.0, 70.0),
    building_share=0.6,
    building_width_m=(10.0, 18.0),
    building_depth_m=(9.0, 13.0),
    floors=(1, 2),
    styles=('siding', 'plaster', 'brick', 'siding'),
    roof_share=1.0,
    walls=((214, 206, 188), (188, 170, 140), (160, 176, 186), (196, 150, 120), (150, 160, 140)),
    roofs=((120, 96, 84), (86, 84, 88), (140, 84, 64)),
    roads=((150, 150, 152), (176, 172, 168), (122, 122, 124), (98, 96, 96)),
    sidewalks=((196, 190, 180), (176, 172, 164), (206, 204, 198)),
    grounds=((98, 136, 54), (112, 140, 70), (84, 118, 48)),
    trees=('round', 'round', 'poplar', 'bush', 'conifer'),
    trees_per_100_m=7.0,
    props_per_100_m=4.0,
    parked_per_100_m=3.0,
    pedestrians_per_100_m=1.2,
    traffic=(0.2, 1.0),
    fence_share=0.7,
    green_setback=0.95,
)

_LAGOON_VILLAGE = Layout(
    lanes=(1,),
    lane_width_m=(3.1, 3.4),
    sidewalk_width_m=(1.8, 2.8),
    setback_m=(0.5, 3.5),
    verge_m=(0.0, 0.8),
    parking=0.7,
    sidewalk_missing=0.0,
    centre=('dashed', 'solid'),
    lane_line=('dashed',),
    edge_line=('none', 'solid'),
    block_m=(45.0, 80.0),
    bends_deg=(25.0, 60.0),
    bend_radius_m=(25.0, 60.0),
    building_share=0.85,
    building_width_m=(7.0, 12.0),
    building_depth_m=(8.0, 11.0),
    floors=(2, 3),
    styles=('shutter', 'shutter', 'shop'),
    roof_share=1.0,
    walls=((226, 214, 192), (222, 184, 150), (232, 204, 160), (214, 156, 128), (206, 212, 206)),
    roofs=((186, 98, 66), (172, 88, 60)),
    roads=((120, 116, 118), (138, 132, 128)),
    sidewalks=((200, 180, 150), (190, 172, 148)),
    grounds=((146, 136, 92), (112, 124, 66)),
    trees=('cypress', 'olive', 'palm'),
    trees_per_100_m=6.0,
    props_per_100_m=6.0,
    parked_per_100_m=7.0,
    pedestrians_per_100_m=2.5,
    traffic=(0.5, 1.2),
    fence_share=0.8,
    green_setback=0.45,
)

_MERIDIAN_BOULEVARD = Layout(
    lanes=(2, 3),
    lane_width_m=(3.4, 3.6),
    sidewalk_width_m=(4.0, 5.5),
    setback_m=(0.5, 3.0),
    verge_m=(1.2, 2.0),
    parking=0.0,
    sidewalk_missing=0.0,
    centre=('double', 'y-double'),
    lane_line=('dashed',),
    edge_line=('solid',),
    block_m=(85.0, 150.0),
    bends_deg=(8.0, 30.0),
    bend_radius_m=(90.0, 220.0),
    building_share=0.9,
    building_width_m=(18.0, 30.0),
    building_depth_m=(16.0, 24.0),
    floors=(6, 18),
    styles=('glass', 'panel', 'glass', 'office'),
    roof_share=0.0,
    walls=((96, 120, 140), (190, 196, 198), (70, 84, 92), (168, 150, 130)),
    roofs=((110, 110, 110),),
    roads=((86, 88, 96), (104, 106, 112)),
    sidewalks=((172, 172, 176), (158, 150, 150)),
    grounds=((96, 128, 60), (150, 148, 146)),
    trees=('plane', 'plane', 'bush'),
    trees_per_100_m=7.0,
    props_per_100_m=8.0,
    parked_per_100_m=0.0,
    pedestrians_per_100_m=3.5,
    traffic=(1.0, 2.2),
    fence_share=0.2,
    green_setback=0.2,
)

_TRAINING = {
    'maple_town': _MAPLE_TOWN,
    'harbor_city': _HARBOR_CITY,
    'pine_road': _PINE_ROAD,
    'foundry_yard': _FOUNDRY_YARD,
    'garden_suburb': _GARDEN_SUBURB,
}
_HELD_OUT = {
    'lagoon_village': _LAGOON_VILLAGE,
    'meridian_boulevard': _MERIDIAN_BOULEVARD,
}

#: Names of the layouts that the shipped model was trained on.
TRAINING_LAYOUTS: tuple[str, ...] = tuple(_TRAINING)
#: Names of the layouts that are kept from training, for the demo and for measuring.
HELD_OUT_LAYOUTS: tuple[str, ...] = tuple(_HELD_OUT)


def layout_named(name: str) -> Layout:
    """
    Return a layout.

    Raises
    ------
    ConfigurationError
        If there is none of that name.

    """
    layouts = _TRAINING | _HELD_OUT
    if name not in layouts:
        raise ConfigurationError(f'layout {name!r}: choose one of {", ".join(layouts)}')
    return layouts[name]

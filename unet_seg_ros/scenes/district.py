"""What a district is described by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

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

"""Classes of pixels, and the tables of tags that recordings are labelled with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.size import ByteArray

#: The id that a mask carries where the class is not known; never a class of a model.
UNKNOWN_ID = 255


@dataclass(frozen=True, slots=True)
class PixelClass:
    """
    One class of pixels.

    Attributes
    ----------
    id : int
        The value in a class map, 0 to 254.
    name : str
        Unique within its table.
    color : tuple of int
        Red, green, blue, each 0 to 255.
    """

    id: int
    name: str
    color: tuple[int, int, int]


@dataclass(frozen=True)
class ClassTable:
    """
    Classes by id.

    Raises
    ------
    ConfigurationError
        If ids or names repeat, an id is outside 0 to 254, or a colour is none.

    """

    classes: tuple[PixelClass, ...]

    def __post_init__(self) -> None:
        """Refuse a table in which an id or a name is not unique."""
        ids = [c.id for c in self.classes]
        names = [c.name for c in self.classes]
        if not ids or len(set(ids)) < len(ids) or len(set(names)) < len(names):
            raise ConfigurationError(f'class table: ids and names must be unique: {names}')
        if min(ids) < 0 or max(ids) >= UNKNOWN_ID:
            raise ConfigurationError(f'class table: ids must be 0 to {UNKNOWN_ID - 1}: {ids}')
        for c in self.classes:
            if len(c.color) != 3 or min(c.color) < 0 or max(c.color) > 255:
                raise ConfigurationError(
                    f'class {c.name}: color {c.color} is not three numbers from 0 to 255'
                )

    def __len__(self) -> int:
        """Return the number of classes."""
        return len(self.classes)

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the table's order."""
        return tuple(c.name for c in self.classes)

    @cached_property
    def ids_by_name(self) -> Mapping[str, int]:
        """The id of each name."""
        return {c.name: c.id for c in self.classes}

    def ids_of(self, names: Sequence[str]) -> tuple[int, ...]:
        """
        Return the ids of some classes.

        Raises
        ------
        ConfigurationError
            If a name is not in the table.

        """
        missing = [n for n in names if n not in self.ids_by_name]
        if missing:
            raise ConfigurationError(f'no class named {missing[0]!r}; there are {self.names}')
        return tuple(self.ids_by_name[n] for n in names)

    @cached_property
    def palette_rgb(self) -> ByteArray:
        """Colours by id, uint8 [256, 3] in RGB; ids outside the table are black."""
        palette = np.zeros((256, 3), np.uint8)
        for c in self.classes:
            palette[c.id] = c.color
        return palette


def _table(text: str) -> ClassTable:
    rows = [line.split() for line in text.strip().splitlines()]
    return ClassTable(
        tuple(PixelClass(int(i), n, (int(r), int(g), int(b))) for i, n, r, g, b in rows)
    )


_TAGS_13 = """
0 Unlabeled 0 0 0
1 Building 70 70 70
2 Fence 190 153 153
3 Other 250 170 160
4 Pedestrian 220 20 60
5 Pole 153 153 153
6 RoadLine 157 234 50
7 Road 128 64 128
8 Sidewalk 244 35 232
9 Vegetation 107 142 35
10 Vehicle 0 0 142
11 Wall 102 102 156
12 TrafficSign 220 220 0
"""

_TAGS_23 = """
0 Unlabeled 0 0 0
1 Building 70 70 70
2 Fence 100 40 40
3 Other 55 90 80
4 Pedestrian 220 20 60
5 Pole 153 153 153
6 RoadLine 157 234 50
7 Road 128 64 128
8 Sidewalk 244 35 232
9 Vegetation 107 142 35
10 Vehicle 0 0 142
11 Wall 102 102 156
12 TrafficSign 220 220 0
13 Sky 70 130 180
14 Ground 81 0 81
15 Bridge 150 100 100
16 RailTrack 230 150 140
17 GuardRail 180 165 180
18 TrafficLight 250 170 30
19 Static 110 190 160
20 Dynamic 170 120 50
21 Water 45 60 150
22 Terrain 145 170 100
"""

_TAGS_29 = """
0 None 0 0 0
1 Roads 128 64 128
2 Sidewalks 244 35 232
3 Buildings 70 70 70
4 Walls 102 102 156
5 Fences 190 153 153
6 Poles 153 153 153
7 TrafficLight 250 170 30
8 TrafficSigns 220 220 0
9 Vegetation 107 142 35
10 Terrain 152 251 152
11 Sky 70 130 180
12 Pedestrians 220 20 60
13 Rider 255 0 0
14 Car 0 0 142
15 Truck 0 0 70
16 Bus 0 60 100
17 Train 0 80 100
18 Motorcycle 0 0 230
19 Bicycle 119 11 32
20 Static 110 190 160
21 Dynamic 170 120 50
22 Other 55 90 80
23 Water 45 60 150
24 RoadLines 157 234 50
25 Ground 81 0 81
26 Bridge 150 100 100
27 RailTrack 230 150 140
28 GuardRail 180 165 180
"""

# The SegNet tutorial's labels of CamVid, with the colours of the CARLA classes that are nearest.
_CAMVID = """
0 Sky 70 130 180
1 Building 70 70 70
2 Pole 153 153 153
3 Road 128 64 128
4 Pavement 244 35 232
5 Tree 107 142 35
6 SignSymbol 220 220 0
7 Fence 190 153 153
8 Car 0 0 142
9 Pedestrian 220 20 60
10 Bicyclist 119 11 32
11 Unlabelled 0 0 0
"""

#: CARLA's tag tables by their number of tags: 13 before 0.9.10, 23 from 0.9.10 to 0.9.13, 29 from
#: 0.9.14 on. Source: CARLA's sensor reference of those versions and its CityScapesPalette.
CARLA_TAGS: Mapping[int, ClassTable] = {
    13: _table(_TAGS_13),
    23: _table(_TAGS_23),
    29: _table(_TAGS_29),
}

#: Every table that a recording may be labelled with, by the name that recipes give it.
TAG_TABLES: Mapping[int | str, ClassTable] = {
    **{number: table for number, table in CARLA_TAGS.items()},
    'camvid': _table(_CAMVID),
}

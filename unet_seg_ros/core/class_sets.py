"""
The sets of classes that models learn, and what the tags of a recording mean in them.

All goes by name through the newest CARLA table: an older tag stands for the newest tags that it
may be, and a class gathers newest tags. A tag that may be of several classes is a coarse label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from unet_seg_ros.core.classes import (
    CARLA_TAGS,
    TAG_TABLES,
    UNKNOWN_ID,
    ClassTable,
    PixelClass,
)
from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.size import ByteArray

_VEHICLES = ('Car', 'Truck', 'Bus', 'Train', 'Motorcycle', 'Bicycle')
_SINGULAR = {
    'Building': ('Buildings',),
    'Fence': ('Fences',),
    'Pedestrian': ('Pedestrians', 'Rider'),
    'Pole': ('Poles',),
    'Road': ('Roads',),
    'RoadLine': ('RoadLines',),
    'Sidewalk': ('Sidewalks',),
    'TrafficSign': ('TrafficSigns',),
    'Unlabeled': ('None',),
    'Vehicle': _VEHICLES,
    'Wall': ('Walls',),
}

#: For each table the newest CARLA tags that its tags may be; a tag that is not named is itself.
#: What 13 tags have no name for, the sky for one, is Unlabeled or Other there.
_MAY_BE: Mapping[int | str, Mapping[str, tuple[str, ...]]] = {
    13: {
        **_SINGULAR,
        'Fence': ('Fences', 'GuardRail'),
        'Other': ('Other', 'Static', 'Dynamic', 'Ground', 'Bridge', 'RailTrack', 'Water'),
        'TrafficSign': ('TrafficSigns', 'TrafficLight'),
        'Unlabeled': (
            *('None', 'Sky', 'Terrain', 'Other', 'Static', 'Dynamic', 'Ground', 'Bridge'),
            *('RailTrack', 'GuardRail', 'TrafficLight', 'Water'),
        ),
        'Vegetation': ('Vegetation', 'Terrain'),
    },
    23: _SINGULAR,
    29: {},
    'camvid': {'Unlabelled': ()},
}


@dataclass(frozen=True)
class LabelMap:
    """
    What the tags of a recording mean in a model's classes.

    Attributes
    ----------
    table : ClassTable
        The model's classes, K of them.
    possible : ndarray
        uint32 [256], for each tag the classes that it may be, bit k for class k; 0 where a tag
        does not count.

    """

    table: ClassTable
    possible: npt.NDArray[np.uint32]

    @cached_property
    def classes(self) -> ByteArray:
        """The class of each tag, uint8 [256]; ``UNKNOWN_ID`` where it may be none or several."""
        return np.array(
            [int(p).bit_length() - 1 if p and not p & (p - 1) else UNKNOWN_ID for p in self._bits],
            np.uint8,
        )

    @cached_property
    def is_coarse(self) -> npt.NDArray[np.bool_]:
        """Whether a tag may be of several classes, bool [256]."""
        return np.array([bool(p & (p - 1)) for p in self._bits])

    @property
    def _bits(self) -> list[int]:
        return [int(p) for p in self.possible]

    def truth(self, tags_hw: ByteArray, predicted_hw: ByteArray) -> ByteArray:
        """
        Return the true classes of tags, as far as they are known.

        Parameters
        ----------
        tags_hw, predicted_hw : ndarray
            uint8 [H, W], tags of the recording and class ids of a prediction.

        Returns
        -------
        ndarray
            uint8 [H, W]; under a coarse label ``UNKNOWN_ID`` where the prediction may be right,
            and K, the number of classes, where it is wrong whatever the class is.

        """
        truth: ByteArray = self.classes[tags_hw]
        coarse = self.is_coarse[tags_hw]
        if coarse.any():
            shift = np.minimum(predicted_hw[coarse], 31).astype(np.uint32)
            may_be = (self.possible[tags_hw[coarse]] >> shift) & 1
            truth[coarse] = np.where(may_be, UNKNOWN_ID, len(self.table))
        return truth


@dataclass(frozen=True)
class ClassSet:
    """
    The classes that a model learns, and the tags that each of them gathers.

    Attributes
    ----------
    name : str
        How recipes name the set.
    table : ClassTable
        The model's classes; ids are the positions 0, 1, 2 ..., at most 32.
    gathers : mapping
        For each class name the names of its tags, in CARLA's newest table, or in that of the
        recordings where they are not CARLA's.
    drivable : tuple of str
        The classes that a vehicle may drive on.
    groups : mapping
        Names of groups with their classes; a model gives the probability of each group.
    tag_tables : tuple
        The tables whose recordings can be learned from.

    """

    name: str
    table: ClassTable
    gathers: Mapping[str, tuple[str, ...]]
    drivable: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]
    tag_tables: tuple[int | str, ...] = tuple(CARLA_TAGS)

    def labels(self, tags: int | str, only: Sequence[str] = ()) -> LabelMap:
        """
        Return what the tags of a recording mean in these classes.

        Parameters
        ----------
        tags : int or str
            A key of ``TAG_TABLES``.
        only : sequence of str
            Where a recording keeps some tags only, their names: any other pixel is of tag 0 and
            may be whatever they are not.

        Raises
        ------
        ConfigurationError
            If the table is none of `tag_tables`, or lacks a name of `only`.

        """
        if tags not in self.tag_tables:
            raise ConfigurationError(
                f'class set {self.name} is made of the tag tables '
                f'{", ".join(map(str, self.tag_tables))}, not of {tags}'
            )
        table, may_be = TAG_TABLES[tags], _MAY_BE[tags]
        members = {c.name: may_be.get(c.name, (c.name,)) for c in table.classes}
        if only:
            table.ids_of(only)
            named = {tag for name in only for tag in members[name]}
            everything = {tag for names in self.gathers.values() for tag in names}
            members = {name: members[name] for name in only}
            members[table.classes[0].name] = tuple(everything - named)
        possible = np.zeros(256, np.uint32)
        for c in table.classes:
            for tag in members.get(c.name, ()):
                possible[c.id] |= np.uint32(1 << self._class_of[tag])
        return LabelMap(self.table, possible)

    @cached_property
    def _class_of(self) -> Mapping[str, int]:
        ids = self.table.ids_by_name
        return {tag: ids[name] for name, tags in self.gathers.items() for tag in tags}


def class_set_of(table: ClassTable) -> ClassSet:
    """
    Return the set to which a model's classes belong.

    Raises
    ------
    ConfigurationError
        If they are none of ``CLASS_SETS``: no recording can be read in them.

    """
    for classes in CLASS_SETS.values():
        if classes.table == table:
            return classes
    raise ConfigurationError(
        f'classes {", ".join(table.names)} are none of the sets {", ".join(CLASS_SETS)}'
    )


def _class_set(
    name: str,
    gathers: Mapping[str, tuple[str, ...]],
    colors: Mapping[str, tuple[int, int, int]],
    groups: Mapping[str, tuple[str, ...]],
) -> ClassSet:
    """Make a set of CARLA tags; the first class gathers what the others do not."""
    first, *_ = colors
    named = {tag for tags in gathers.values() for tag in tags}
    rest = tuple(tag for tag in CARLA_TAGS[29].names if tag not in named)
    table = ClassTable(tuple(PixelClass(i, n, c) for i, (n, c) in enumerate(colors.items())))
    return ClassSet(name, table, {first: rest, **gathers}, groups['drivable'], groups)


_ROAD = {'roadline': ('RoadLines',), 'road': ('Roads',), 'sidewalk': ('Sidewalks',)}
_ROAD_COLORS = {
    'other': (0, 0, 0),
    'roadline': (157, 234, 50),
    'road': (128, 64, 128),
    'sidewalk': (244, 35, 232),
}

#: The shipped model's classes: what a vehicle may drive on, its edge, and anything else.
ROAD_CLASSES = _class_set('road', _ROAD, _ROAD_COLORS, {'drivable': ('road', 'roadline')})

_DRIVABLE = _class_set(
    'drivable',
    {'drivable': ('Roads', 'RoadLines')},
    {'other': (0, 0, 0), 'drivable': (128, 64, 128)},
    {'drivable': ('drivable',)},
)

_DRIVING = _class_set(
    'driving',
    {
        **_ROAD,
        'structure': ('Buildings', 'Walls', 'Fences', 'GuardRail', 'Bridge'),
        'vegetation': ('Vegetation', 'Terrain'),
        'sky': ('Sky',),
        'vehicle': _VEHICLES,
        'pedestrian': ('Pedestrians', 'Rider'),
    },
    {
        **_ROAD_COLORS,
        'structure': (70, 70, 70),
        'vegetation': (107, 142, 35),
        'sky': (70, 130, 180),
        'vehicle': (0, 0, 142),
        'pedestrian': (220, 20, 60),
    },
    {'drivable': ('road', 'roadline'), 'vehicle': ('vehicle',), 'pedestrian': ('pedestrian',)},
)

_FULL = ClassSet(
    'full',
    CARLA_TAGS[29],
    {name: (name,) for name in CARLA_TAGS[29].names},
    ('Roads', 'RoadLines'),
    {
        'drivable': ('Roads', 'RoadLines'),
        'vehicle': _VEHICLES,
        'pedestrian': ('Pedestrians', 'Rider'),
    },
)

_CAMVID_TABLE = ClassTable(TAG_TABLES['camvid'].classes[:11])
_CAMVID = ClassSet(
    'camvid',
    _CAMVID_TABLE,
    {name: (name,) for name in _CAMVID_TABLE.names},
    ('Road',),
    {'drivable': ('Road',), 'vehicle': ('Car',), 'pedestrian': ('Pedestrian', 'Bicyclist')},
    tag_tables=('camvid',),
)

CLASS_SETS: Mapping[str, ClassSet] = {
    c.name: c for c in (ROAD_CLASSES, _DRIVING, _DRIVABLE, _FULL, _CAMVID)
}

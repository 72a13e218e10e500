"""The order of a recording's frames, and where one drive ends and the next begins."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

# A step longer than this many usual ones is a cut: stamps jitter, frame numbers double.
_CUT = 1.5

_NUMBER = re.compile(r'([0-9]+(?:\.[0-9]+)?)')


class Place(NamedTuple):
    """
    Where a frame belongs.

    Attributes
    ----------
    series : str
        Frames of another series are of another drive.
    position : float
        Where it lies in its series: a frame number, or a stamp [s].

    """

    series: str
    position: float


def natural_order(name: str) -> list[tuple[str, int]]:
    """Return a sort key that puts 2 before 10."""
    parts = re.split(r'([0-9]+)', name)
    return [('', int(part)) if i % 2 else (part, 0) for i, part in enumerate(parts)]


def place_of(name: str) -> Place:
    """
    Return where a file belongs by its name: the last number counts.

    All its other numbers may change on the way, as in Town10HD_000033_5026200; its words do not.
    """
    parts = _NUMBER.split(name)
    return Place('#'.join(parts[::2]), float(parts[-2]) if len(parts) > 1 else 0.0)


def drives(names: Sequence[str], places: Sequence[Place]) -> list[str]:
    """
    Return for each frame the name of the first frame of its drive.

    Parameters
    ----------
    names, places : sequence
        Of all frames of one folder or bag, in order.

    """
    steps = [b.position - a.position for a, b in itertools.pairwise(places)]
    usual = median([s for s in steps if s > 0] or [0.0])
    first = ''
    found = []
    for i, name in enumerate(names):
        if i == 0 or _is_cut(places[i - 1], places[i], usual):
            first = name
        found.append(first)
    return found


def _is_cut(before: Place, after: Place, usual: float) -> bool:
    step = after.position - before.position
    return before.series != after.series or step < 0 or step > _CUT * usual

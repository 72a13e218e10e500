"""Which stamps of two series belong together."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from statistics import median


def within_a_step(stamps_ns: Sequence[int], tolerance_ns: int) -> int:
    """
    Return a tolerance below half the usual step, so that nothing pairs across two steps.

    Parameters
    ----------
    stamps_ns : sequence of int
        Stamps of the images [ns] in rising order.
    tolerance_ns : int
        The tolerance asked for [ns].

    """
    steps = [b - a for a, b in pairwise(stamps_ns) if b > a]
    return min(tolerance_ns, int(median(steps) - 1) // 2) if steps else tolerance_ns


def pair_stamps(
    images_ns: Sequence[int], labels_ns: Sequence[int], tolerance_ns: int
) -> list[tuple[int, int]]:
    """
    Pair stamps, the nearest first and each once.

    Parameters
    ----------
    images_ns, labels_ns : sequence of int
        Stamps [ns] in rising order.
    tolerance_ns : int
        How far apart those of a pair may be at most [ns].

    Returns
    -------
    list of tuple
        Positions of image and labels, in the order of the images.

    """
    candidates = []
    for i, stamp in enumerate(images_ns):
        begin = bisect_left(labels_ns, stamp - tolerance_ns)
        end = bisect_right(labels_ns, stamp + tolerance_ns)
        candidates += [(abs(labels_ns[j] - stamp), i, j) for j in range(begin, end)]
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in sorted(candidates):
        if i not in pairs and j not in taken:
            pairs[i] = j
            taken.add(j)
    return sorted(pairs.items())

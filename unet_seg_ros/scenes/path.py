"""The road's centre line: a closed-form list of bends, repeated without end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unet_seg_ros.scenes.camera import FloatArray

_STEP_M = 0.5


@dataclass(frozen=True)
class Bend:
    """
    A stretch of the centre line with its own change of heading.

    Attributes
    ----------
    start_m, length_m : float
        Where the bend begins and how long it is, along the line.
    turn_rad : float
        Change of heading, positive to the left.
    """

    start_m: float
    length_m: float
    turn_rad: float


class Centerline:
    """
    The centre line over one period; beyond its ends it continues straight.

    Parameters
    ----------
    length_m : float
        The period.
    margin_m : float
        How far before and behind the period the line is tabulated.
    bends : list of Bend
        They follow each other within the period; beyond it they repeat.

    """

    def __init__(self, length_m: float, margin_m: float, bends: list[Bend]) -> None:
        self.length_m = length_m
        self.margin_m = margin_m
        self._s = np.arange(-margin_m, length_m + margin_m + _STEP_M, _STEP_M)
        curvature = np.zeros_like(self._s)
        for bend in bends:
            for shift in (-length_m, 0.0, length_m):
                phase = (self._s - bend.start_m - shift) / bend.length_m
                inside = (phase > 0.0) & (phase < 1.0)
                # A raised cosine keeps the curvature continuous, as a real road's transition.
                curvature[inside] += (
                    bend.turn_rad / bend.length_m * (1.0 - np.cos(2 * np.pi * phase[inside]))
                )
        self._curvature = curvature
        self._heading = np.cumsum(curvature) * _STEP_M
        self._x = np.cumsum(np.cos(self._heading)) * _STEP_M
        self._y = np.cumsum(np.sin(self._heading)) * _STEP_M

    def heading(self, s_m: FloatArray) -> FloatArray:
        """Return the heading [rad] at stations [m]."""
        return np.interp(s_m, self._s, self._heading)

    def curvature(self, s_m: FloatArray) -> FloatArray:
        """Return the curvature [1/m] at stations [m], positive to the left."""
        return np.interp(s_m, self._s, self._curvature)

    def points(self, s_m: FloatArray, d_m: FloatArray, z_m: FloatArray) -> FloatArray:
        """Return world points [..., 3] at stations, offsets to the left, and heights."""
        s_m, d_m, z_m = np.broadcast_arrays(s_m, d_m, z_m)
        heading = self.heading(s_m)
        x_m = np.interp(s_m, self._s, self._x) - d_m * np.sin(heading)
        y_m = np.interp(s_m, self._s, self._y) + d_m * np.cos(heading)
        return np.stack([x_m, y_m, z_m], axis=-1)

    def point(self, s_m: float, d_m: float, z_m: float = 0.0) -> FloatArray:
        """Return one world point, float64 [3]."""
        return self.points(np.float64(s_m), np.float64(d_m), np.float64(z_m))

    def table(self) -> tuple[FloatArray, FloatArray]:
        """Return the tabulated stations [n] and the line's world points [n, 2]."""
        return self._s, np.stack([self._x, self._y], axis=-1)

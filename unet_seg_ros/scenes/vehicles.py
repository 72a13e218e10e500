"""Vehicles as small meshes of convex faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unet_seg_ros.scenes import tags
from unet_seg_ros.scenes.camera import FloatArray

BODY, GLASS, DARK, TYRE, FRONT_LIGHT, REAR_LIGHT, PLATE = range(7)

_Faces = list[tuple[int, list[tuple[float, float, float]]]]


@dataclass(frozen=True)
class Mesh:
    """
    A vehicle about its own origin: x ahead, y left, z up, on the ground at its middle.

    Attributes
    ----------
    points_m : ndarray
        float64 [p, 3], the corners of all faces, one after the other; later faces cover earlier
        ones.
    lengths : ndarray
        int64 [n], numbers of corners.
    firsts_m : ndarray
        float64 [n, 3], the first corner of each face.
    normals : ndarray
        float64 [n, 3].
    coarse : ndarray
        bool [n], the faces that matter from afar.
    paint : ndarray
        int64 [n], what each face is made of.
    tag : int
        The CARLA tag.
    length_m, width_m, height_m : float
        Its size.
    """

    points_m: FloatArray
    lengths: npt.NDArray[np.int64]
    firsts_m: FloatArray
    normals: FloatArray
    coarse: npt.NDArray[np.bool_]
    paint: npt.NDArray[np.int64]
    tag: int
    length_m: float
    width_m: float
    height_m: float


def _mesh(faces: _Faces, tag: int, size: tuple[float, float, float]) -> Mesh:
    corners = [np.array(points, np.float64) for _, points in faces]
    normals = np.stack([np.cross(c[1] - c[0], c[2] - c[1]) for c in corners])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
    return Mesh(
        points_m=np.concatenate(corners),
        lengths=np.array([len(c) for c in corners]),
        firsts_m=np.stack([c[0] for c in corners]),
        normals=normals,
        coarse=np.array([paint not in (PLATE, FRONT_LIGHT) for paint, _ in faces]),
        paint=np.array([paint for paint, _ in faces]),
        tag=tag,
        length_m=size[0],
        width_m=size[1],
        height_m=size[2],
    )


def _hull(
    faces: _Faces,
    low: tuple[float, float, float, float],
    high: tuple[float, float, float, float],
    paints: tuple[int, int, int, int],
) -> None:
    """Add a truncated pyramid; low and high are (rear x, front x, half width, z)."""
    (r0, f0, w0, z0), (r1, f1, w1, z1) = low, high
    side, front, rear, top = paints
    faces.append((side, [(f0, -w0, z0), (f1, -w1, z1), (r1, -w1, z1), (r0, -w0, z0)]))
    faces.append((side, [(r0, w0, z0), (r1, w1, z1), (f1, w1, z1), (f0, w0, z0)]))
    faces.append((front, [(f0, w0, z0), (f1, w1, z1), (f1, -w1, z1), (f0, -w0, z0)]))
    faces.append((rear, [(r0, -w0, z0), (r1, -w1, z1), (r1, w1, z1), (r0, w0, z0)]))
    faces.append((top, [(f1, -w1, z1), (f1, w1, z1), (r1, w1, z1), (r1, -w1, z1)]))


def _wheels(faces: _Faces, axles: tuple[float, ...], half_width: float, radius: float) -> None:
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    for x in axles:
        for sign in (1, -1):
            for paint, size, out in ((TYRE, radius, 0.01), (PLATE, radius * 0.55, 0.015)):
                turn = angle * -sign
                faces.append(
                    (
                        paint,
                        [
                            (
                                x + size * np.cos(a),
                                sign * (half_width + out),
                                radius + size * np.sin(a),
                            )
                            for a in turn
                        ],
                    )
                )


def _end_details(faces: _Faces, half_length: float, half_width: float, z_m: float) -> None:
    """Add lights, plates and bumpers at both ends."""
    for end, paint in ((1, FRONT_LIGHT), (-1, REAR_LIGHT)):
        x = end * (half_length + 0.01)
        w = half_width
        strips = [
            (DARK, -0.95 * w, 0.95 * w, 0.24, 0.42),
            (PLATE, -0.26, 0.26, 0.44, 0.56),
            (paint, 0.62 * w, 0.97 * w, z_m, z_m + 0.17),
            (paint, -0.97 * w, -0.62 * w, z_m, z_m + 0.17),
        ]
        if end == 1:
            strips.insert(1, (DARK, -0.5 * w, 0.5 * w, z_m - 0.02, z_m + 0.13))
        for material, y0, y1, z0, z1 in strips:
            loop = [(x, y1, z0), (x, y1, z1), (x, y0, z1), (x, y0, z0)]
            faces.append((material, loop if end == 1 else loop[::-1]))


def _car(length: float, width: float, height: float, van: bool) -> Mesh:
    half, w, waist = length / 2, width / 2, height * 0.58
    faces: _Faces = []
    _hull(faces, (-half, half, w * 0.96, 0.22), (-half, half, w, waist * 0.72), (BODY,) * 4)
    _hull(
        faces,
        (-half, half, w, waist * 0.72),
        (-half * 0.97, half * 0.95, w * 0.96, waist),
        (BODY,) * 4,
    )
    _wheels(faces, (-half * 0.6, half * 0.62), w, 0.32)
    _end_details(faces, half, w, waist * 0.68)
    rear, front = (-half * 0.95, half * 0.45) if van else (-half * 0.86, half * 0.42)
    top_rear, top_front = (-half * 0.88, half * 0.2) if van else (-half * 0.52, half * 0.1)
    glass = (rear, front, w * 0.95, waist), (top_rear, top_front, w * 0.76, height)
    _hull(faces, *glass, (GLASS, GLASS, GLASS, BODY))
    for sign in (1, -1):
        for x_low, x_top in ((-0.02, -0.06), (0.5, 0.3)):
            low_y, top_y = sign * (w * 0.955), sign * (w * 0.765)
            a, b = x_low * half * 0.8, x_top * half * 0.8
            loop = [
                (a, low_y, waist),
                (b, top_y, height),
                (b + 0.09, top_y, height),
                (a + 0.09, low_y, waist),
            ]
            faces.append((BODY, loop if sign == 1 else loop[::-1]))
    return _mesh(faces, tags.CAR, (length, width, height))


def _box_vehicle(tag: int, length: float, width: float, height: float) -> Mesh:
    """Return a truck (cab and box) or a bus (one box with a band of windows)."""
    half, w = length / 2, width / 2
    faces: _Faces = []
    split = half - (2.0 if tag == tags.TRUCK else 0.0)
    if tag == tags.TRUCK:
        _hull(faces, (-half, half, w * 0.9, 0.5), (-half, half, w * 0.9, 0.95), (DARK,) * 4)
        _hull(faces, (split + 0.1, half, w, 0.6), (split + 0.1, half - 0.2, w, 2.6), (BODY,) * 4)
        x0, x1 = half + 0.01, half - 0.17
        faces.append(
            (
                GLASS,
                [
                    (x0 - 0.1, w * 0.9, 1.5),
                    (x1, w * 0.9, 2.4),
                    (x1, -w * 0.9, 2.4),
                    (x0 - 0.1, -w * 0.9, 1.5),
                ],
            )
        )
        _hull(
            faces, (-half, split, w, 0.95), (-half, split, w, height), (PLATE, PLATE, PLATE, PLATE)
        )
    else:
        _hull(faces, (-half, half, w, 0.35), (-half, half, w, height), (BODY,) * 4)
        for sign in (1, -1):
            y = sign * (w + 0.01)
            for x in np.arange(-half + 0.4, half - 1.2, 1.6):
                loop = [(x, y, 1.4), (x, y, 2.4), (x + 1.4, y, 2.4), (x + 1.4, y, 1.4)]
                faces.append((GLASS, loop if sign == 1 else loop[::-1]))
        for end in (1, -1):
            x = end * (half + 0.01)
            loop = [(x, w * 0.9, 1.3), (x, w * 0.9, 2.6), (x, -w * 0.9, 2.6), (x, -w * 0.9, 1.3)]
            faces.append((GLASS, loop if end == 1 else loop[::-1]))
    _wheels(faces, (-half * 0.6, half * 0.66), w, 0.48)
    _end_details(faces, half, w, 0.75)
    return _mesh(faces, tag, (length, width, height))


#: Vehicles by kind.
MESHES: dict[str, Mesh] = {
    'hatchback': _car(4.0, 1.76, 1.48, van=True),
    'saloon': _car(4.7, 1.84, 1.44, van=False),
    'suv': _car(4.6, 1.92, 1.74, van=True),
    'van': _car(5.1, 2.0, 2.1, van=True),
    'truck': _box_vehicle(tags.TRUCK, 7.4, 2.4, 3.3),
    'bus': _box_vehicle(tags.BUS, 11.0, 2.5, 3.1),
}

#: How often each kind is met.
KIND_SHARES: dict[str, float] = {
    'hatchback': 0.28,
    'saloon': 0.3,
    'suv': 0.22,
    'van': 0.08,
    'truck': 0.07,
    'bus': 0.05,
}

#: Body colours in BGR.
BODY_COLORS: tuple[tuple[int, int, int], ...] = (
    (228, 228, 226),
    (36, 34, 34),
    (120, 118, 116),
    (176, 176, 174),
    (40, 30, 160),
    (150, 84, 34),
    (70, 96, 60),
    (60, 140, 190),
    (190, 190, 150),
    (52, 52, 84),
)

#: Colours in BGR of everything but the body, by paint.
PAINT_COLORS: dict[int, tuple[int, int, int]] = {
    GLASS: (66, 54, 46),
    DARK: (38, 36, 36),
    TYRE: (28, 26, 26),
    FRONT_LIGHT: (236, 240, 240),
    REAR_LIGHT: (38, 30, 190),
    PLATE: (196, 198, 200),
}

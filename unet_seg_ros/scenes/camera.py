"""The pinhole camera as CARLA defines it, and where it stands in the world."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.size import ImageSize

#: Coordinates in metres or pixels.
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PinholeCamera:
    """
    A camera without distortion, mounted on a vehicle and looking ahead.

    Attributes
    ----------
    size : ImageSize
        Rows and columns of the picture [px].
    horizontal_fov_deg : float
        Angle between the left and the right border; CARLA's default is 90.
    height_m : float
        Height of the lens above the road.
    pitch_deg : float
        Positive looks up, as in CARLA.

    Raises
    ------
    ConfigurationError
        If the field of view is not between 10 and 150 degrees, the height is not between 0.3 and
        10 m, or the pitch is beyond 30 degrees.

    """

    size: ImageSize
    horizontal_fov_deg: float = 90.0
    height_m: float = 1.6
    pitch_deg: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        if not 10.0 <= self.horizontal_fov_deg <= 150.0:
            raise ConfigurationError(
                f'camera: horizontal_fov_deg {self.horizontal_fov_deg}: give 10 to 150'
            )
        if not 0.3 <= self.height_m <= 10.0:
            raise ConfigurationError(f'camera: height_m {self.height_m}: give 0.3 to 10')
        if abs(self.pitch_deg) > 30.0:
            raise ConfigurationError(f'camera: pitch_deg {self.pitch_deg}: give -30 to 30')

    @property
    def focal_px(self) -> float:
        """The focal length [px], the same in both directions."""
        return self.size.width / (2.0 * float(np.tan(np.radians(self.horizontal_fov_deg) / 2.0)))

    @property
    def matrix(self) -> FloatArray:
        """The intrinsic matrix K, float64 [3, 3], with the centre at half the size."""
        matrix = np.eye(3)
        matrix[0, 0] = matrix[1, 1] = self.focal_px
        matrix[0, 2] = self.size.width / 2.0
        matrix[1, 2] = self.size.height / 2.0
        return matrix


@dataclass(frozen=True)
class View:
    """
    A camera at a place: the map from world points to pixels.

    The world is x ahead, y left, z up, with the road at z = 0.

    Attributes
    ----------
    camera : PinholeCamera
        The lens and the picture's size; its own height and pitch are not used here.
    position_m : ndarray
        float64 [3], the lens in the world.
    yaw_rad, pitch_rad, roll_rad : float
        Heading to the left, looking up, and the right side down.
    """

    camera: PinholeCamera
    position_m: FloatArray
    yaw_rad: float
    pitch_rad: float
    roll_rad: float

    @cached_property
    def axes(self) -> FloatArray:
        """Rows right, down, ahead of the camera in world coordinates, float64 [3, 3]."""
        sin_y, cos_y = np.sin(self.yaw_rad), np.cos(self.yaw_rad)
        sin_p, cos_p = np.sin(self.pitch_rad), np.cos(self.pitch_rad)
        ahead = np.array([cos_y * cos_p, sin_y * cos_p, sin_p])
        right = np.array([sin_y, -cos_y, 0.0])
        down = np.cross(ahead, right)
        sin_r, cos_r = np.sin(self.roll_rad), np.cos(self.roll_rad)
        return np.stack([cos_r * right + sin_r * down, cos_r * down - sin_r * right, ahead])

    @cached_property
    def projection(self) -> FloatArray:
        """
        The map from camera axes to pixel indices, float64 [3, 3].

        K counts from the picture's corner, a pixel's index is its centre: half a pixel apart.
        """
        matrix = self.camera.matrix
        matrix[:2, 2] -= 0.5
        return matrix

    @cached_property
    def world_to_image(self) -> FloatArray:
        """The map from world directions to homogeneous pixel indices, float64 [3, 3]."""
        return np.asarray(self.projection @ self.axes, np.float64)

    @property
    def ground_forward(self) -> FloatArray:
        """Direction of view on the ground, float64 [2], of length 1."""
        return np.array([np.cos(self.yaw_rad), np.sin(self.yaw_rad)])

    def to_camera(self, points_m: FloatArray) -> FloatArray:
        """Return world points [..., 3] in camera axes: right, down, ahead [m]."""
        return np.asarray((points_m - self.position_m) @ self.axes.T, np.float64)

    def to_pixels(self, points_camera_m: FloatArray) -> FloatArray:
        """Return pixel indices [..., 2] (column, row) of points in camera axes, ahead > 0."""
        focal = self.camera.focal_px
        centre = self.projection[:2, 2]
        return np.asarray(
            points_camera_m[..., :2] * (focal / points_camera_m[..., 2:]) + centre, np.float64
        )

    def homography(self, origin_m: FloatArray, u_m: FloatArray, v_m: FloatArray) -> FloatArray:
        """Return the map from (u, v, 1) on the plane origin + u * U + v * V to the picture."""
        plane = np.stack([u_m, v_m, origin_m - self.position_m], axis=1)
        return np.asarray(self.world_to_image @ plane, np.float64)

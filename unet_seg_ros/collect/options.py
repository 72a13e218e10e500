"""What is to be recorded, from where and to where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from unet_seg_ros.core.errors import ConfigurationError, UserError
from unet_seg_ros.core.size import ImageSize


class ServerError(UserError):
    """A CARLA server that does not answer, refuses a call or loses a frame."""


class Mount(NamedTuple):
    """
    Where the camera sits on the vehicle, in CARLA's axes: x ahead, y right, z up.

    Attributes
    ----------
    x_m, y_m, z_m : float
        From the vehicle's origin, which lies on the ground below its middle.
    pitch_deg : float
        Positive looks up.
    """

    x_m: float
    y_m: float
    z_m: float
    pitch_deg: float


@dataclass(frozen=True, kw_only=True)
class CollectOptions:
    """
    One run of the recorder.

    Attributes
    ----------
    host, port, timeout_s
        The server, and how long one answer or one frame may take.
    tm_port : int
        Port of the traffic manager.
    towns : tuple of str
        Names of maps; empty for the one that the server has loaded.
    weathers : tuple of str
        Presets, or 'random'; each town is driven through once in each.
    num_frames, every_ticks : int
        Frames of a drive, and simulation steps from one to the next.
    num_vehicles, num_walkers : int
        The traffic; fewer where the town has no room.
    size, fov_deg, mount
        The two cameras.
    seed : int
        Of the first drive; the next has the next.
    output, append
        The folder, and whether drives are added to those it holds.

    Raises
    ------
    ConfigurationError
        If a number is out of its range.

    """

    host: str
    port: int
    timeout_s: float
    tm_port: int
    towns: tuple[str, ...]
    weathers: tuple[str, ...]
    num_frames: int
    every_ticks: int
    num_vehicles: int
    num_walkers: int
    size: ImageSize
    fov_deg: float
    mount: Mount
    seed: int
    output: Path
    append: bool

    def __post_init__(self) -> None:
        """Refuse what cannot be recorded."""
        for name, value in (('--frames', self.num_frames), ('--every', self.every_ticks)):
            if value < 1:
                raise ConfigurationError(f'{name} {value}: give at least 1')
        for name, value in (('--port', self.port), ('--tm-port', self.tm_port)):
            if not 1 <= value <= 65535:
                raise ConfigurationError(f'{name} {value}: give 1 to 65535')
        if not 10.0 <= self.fov_deg <= 150.0:
            raise ConfigurationError(f'--fov {self.fov_deg:g}: give 10 to 150 degrees')

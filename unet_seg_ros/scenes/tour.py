"""Several drives, one after another."""

from __future__ import annotations

from collections.abc import Sequence

from unet_seg_ros.scenes import Drive, Frame, PinholeCamera
from unet_seg_ros.scenes.layouts import layout_named


class Tour:
    """
    Drives through layouts in turn; each round of them takes the next seed.

    Parameters
    ----------
    layouts : sequence of str
        Names of layouts, see `scenes`; at least one.
    seed : int
        The seed of the first round.
    leg_frames : int
        Frames in one layout before the next one follows; 0 stays in the first for ever.
    camera : PinholeCamera
        The camera.
    rate_hz : float
        Frames per second.

    Raises
    ------
    ConfigurationError
        If there is no layout of one of the names.

    """

    def __init__(
        self,
        layouts: Sequence[str],
        seed: int,
        leg_frames: int,
        camera: PinholeCamera,
        rate_hz: float,
    ) -> None:
        """Check the names; the first drive is built with its first frame."""
        for layout in layouts:
            layout_named(layout)
        self._layouts, self._seed, self._leg_frames = layouts, seed, leg_frames
        self._camera, self._rate_hz = camera, rate_hz
        self._leg = -1
        self._drive: Drive | None = None

    def frame(self, index: int) -> Frame:
        """Draw a frame; one that is not of the leg of the last one builds its drive first."""
        leg, place = divmod(index, self._leg_frames) if self._leg_frames else (0, index)
        if self._drive is None or leg != self._leg:
            round_, turn = divmod(leg, len(self._layouts))
            self._drive = Drive(
                self._layouts[turn], self._seed + round_, self._camera, rate_hz=self._rate_hz
            )
            self._leg = leg
        return self._drive.frame(place)

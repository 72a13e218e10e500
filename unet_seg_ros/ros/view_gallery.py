"""The newest picture of each camera, between the thread that receives and those that serve."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import Condition, Lock

import cv2

from unet_seg_ros.core.pixels import RawFrame
from unet_seg_ros.core.resize import resize_ids, resize_image
from unet_seg_ros.core.size import ByteArray, ImageSize

#: Larger pictures are made smaller; a page with several of them shows no more [px].
_MAX_SIDE = 960

_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 80)

#: A camera counts as watched for so long after it was last asked for: browsers ask all the time,
#: and one that is reloaded should not unsubscribe [s].
_LINGER_S = 1.0


class Picture:
    """
    A picture for people: compressed when the first browser asks for it, once for all of them.

    Parameters
    ----------
    number : int
        Different for each picture of a camera.
    frame : RawFrame
        The image; its pixels can be read.
    palette_bgr : ndarray or None
        uint8 [256, 3], the colours of a mask's ids; None for an image.

    """

    def __init__(self, number: int, frame: RawFrame, palette_bgr: ByteArray | None = None) -> None:
        """Keep the image; nothing is drawn yet."""
        self.number = number
        self._frame = frame
        self._palette_bgr = palette_bgr
        self._lock = Lock()
        self._jpeg: bytes | None = None

    def jpeg(self) -> bytes:
        """Return the picture as a JPEG file of at most 960 px in width and height."""
        with self._lock:
            if self._jpeg is None:
                _, data = cv2.imencode('.jpg', self._draw(), _JPEG)
                self._jpeg = data.tobytes()
            return self._jpeg

    def _draw(self) -> ByteArray:
        shrinkage = max(max(self._frame.size) / _MAX_SIDE, 1.0)
        size = ImageSize(*(max(round(side / shrinkage), 1) for side in self._frame.size))
        if self._palette_bgr is not None:
            drawn: ByteArray = self._palette_bgr[resize_ids(self._frame.pixels(), size)]
            return drawn
        return self._frame.bgr(lambda image: resize_image(image, size))


class Gallery:
    """
    Holds one picture of each camera; browsers that are slow miss pictures and delay nobody.

    Attributes
    ----------
    state : bytes
        What the page tells beside the pictures, as JSON in UTF-8.

    """

    def __init__(self) -> None:
        """Start empty."""
        self.state = b'{}'
        self._pictures: dict[str, Picture | None] = {}
        self._changed = Condition()
        self._closed = False
        self._num_watching: Counter[str] = Counter()
        self._last_asked_s: dict[str, float] = {}

    def add(self, camera: str) -> None:
        """Make a place for a camera, or empty the one it has: an old picture is no new one."""
        with self._changed:
            self._pictures[camera] = None

    def put(self, camera: str, picture: Picture) -> None:
        """Hang a camera's newest picture in the place of the one before."""
        with self._changed:
            self._pictures[camera] = picture
            self._changed.notify_all()

    def remove(self, camera: str) -> None:
        """Forget a camera."""
        with self._changed:
            # Whoever watches it still counts, and stops counting later.
            self._pictures.pop(camera, None)
            self._last_asked_s.pop(camera, None)

    def wait(self, seen: Mapping[str, int], timeout_s: float) -> dict[str, Picture]:
        """
        Wait for pictures that a browser has not seen yet.

        Parameters
        ----------
        seen : mapping of str to int
            The cameras that it looks at, each with the number of the picture last seen.
        timeout_s : float
            After which nothing is returned [s].

        """

        def unseen() -> dict[str, Picture]:
            found = ((camera, self._pictures.get(camera), n) for camera, n in seen.items())
            return {camera: p for camera, p, n in found if p is not None and p.number != n}

        with self._changed:
            self._changed.wait_for(lambda: self._closed or unseen(), timeout_s)
            return unseen()

    @contextmanager
    def watching(self, cameras: Iterable[str]) -> Iterator[None]:
        """Count cameras as watched within the block, and for a moment after it."""
        with self._changed:
            known = [camera for camera in cameras if camera in self._pictures]
            self._num_watching.update(known)
        try:
            yield
        finally:
            with self._changed:
                self._num_watching -= Counter(known)
                now_s = time.monotonic()
                self._last_asked_s.update((c, now_s) for c in known if c in self._pictures)

    def is_watched(self, camera: str) -> bool:
        """Return whether a browser looks at a camera."""
        with self._changed:
            last_s = self._last_asked_s.get(camera)
            is_recent = last_s is not None and time.monotonic() - last_s < _LINGER_S
            return is_recent or self._num_watching[camera] > 0

    def close(self) -> None:
        """Let nobody wait any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

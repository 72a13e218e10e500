"""The viewer's cameras: found in the graph, subscribed to while a browser looks at them."""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import cv2
import numpy as np
from rclpy.node import Node
from rclpy.subscription import Subscription
from sensor_msgs.msg import Image

from unet_seg_ros.core.classes import UNKNOWN_ID
from unet_seg_ros.core.errors import FrameError
from unet_seg_ros.core.size import ByteArray, ImageSize
from unet_seg_ros.ros.camera import input_qos
from unet_seg_ros.ros.conversion import to_frame
from unet_seg_ros.ros.graph_check import IMAGE, topics
from unet_seg_ros.ros.view_gallery import Gallery, Picture
from unet_seg_ros.ros.view_health import Legend

#: A camera that has sent nothing for so long is stale [s].
_STALE_S = 1.2

#: The rate is that of so long [s].
_RATE_WINDOW_S = 2.0


@dataclass(frozen=True)
class Source:
    """Where a camera's pictures come from: a topic, and the whole name of the node behind it."""

    topic: str
    node: str


def find_sources(node: Node) -> dict[str, Source]:
    """Return the cameras whose overlay, or at least mask, somebody publishes, by their names."""
    sources = {}
    # The overlay comes behind the mask, in whose place it is shown.
    for topic, types in sorted(topics(node).items()):
        camera, _, kind = topic.rpartition('/segmentation/')
        if kind in ('mask', 'overlay') and IMAGE in types:
            for end in node.get_publishers_info_by_topic(topic)[:1]:
                owner = f'{end.node_namespace.rstrip("/")}/{end.node_name}'
                sources[camera or '/'] = Source(topic, owner)
    return sources


class ViewedCamera:
    """
    One camera of the page.

    Parameters
    ----------
    node : Node
        The node that owns the subscription.
    gallery : Gallery
        Where its pictures go, and which knows whether anybody looks.
    name : str
        Its namespace in the graph, such as ``/vehicle/front``.
    source : Source
        Where its pictures come from.

    Attributes
    ----------
    source : Source
        The last one that was in the graph.
    gone_s : float
        Since when nobody publishes it, on the steady clock [s]; infinite while somebody does.

    """

    def __init__(self, node: Node, gallery: Gallery, name: str, source: Source) -> None:
        """Subscribe to nothing yet."""
        self.name = name
        self.source = source
        self.gone_s = math.inf
        self._node, self._gallery = node, gallery
        self._subscription: Subscription | None = None
        self._since_s = math.inf
        self._arrivals_s: deque[float] = deque(maxlen=256)
        self._num_received = 0
        self._size: ImageSize | None = None
        self._refusal = ''
        self._legend: Legend | None = None
        gallery.add(name)

    def follow(self, source: Source | None) -> None:
        """Go on with what the graph has now: None if nobody publishes it any more."""
        if source is None:
            self.gone_s = min(self.gone_s, time.monotonic())
            return
        self.gone_s = math.inf
        if source.topic != self.source.topic:
            self._unsubscribe()
        self.source = source

    def attend(self, legend: Legend | None) -> None:
        """
        Subscribe if somebody looks now, and unsubscribe if nobody does any more.

        Parameters
        ----------
        legend : Legend or None
            The colours of its masks, where they are known.

        """
        self._legend = legend
        is_watched = self._gallery.is_watched(self.name)
        if is_watched and self._subscription is None:
            self._since_s = time.monotonic()
            self._subscription = self._node.create_subscription(
                Image, self.source.topic, self._receive, input_qos()
            )
        elif not is_watched:
            self._unsubscribe()

    def close(self) -> None:
        """Leave the page."""
        self._unsubscribe()
        self._gallery.remove(self.name)

    def state(self) -> dict[str, Any]:
        """Return what the page tells of its pictures."""
        now_s = time.monotonic()
        last_s = self._arrivals_s[-1] if self._arrivals_s else None
        age_s = now_s - (last_s or self._since_s)
        return {
            'name': self.name,
            'topic': self.source.topic,
            'state': self._judge(last_s is not None, age_s),
            'age_s': round(max(age_s, 0.0), 1),
            'has_picture': last_s is not None,
            'rate_hz': self._rate_hz(now_s),
            'size': str(self._size or ''),
            'refusal': self._refusal,
        }

    def _judge(self, has_picture: bool, age_s: float) -> str:
        if self.gone_s < math.inf:
            return 'gone'
        if self._subscription is None:
            return 'waiting'
        if age_s > _STALE_S:
            return 'stale'
        if self._refusal:
            return 'unreadable'
        return 'live' if has_picture else 'waiting'

    def _rate_hz(self, now_s: float) -> float | None:
        recent_s = [t for t in self._arrivals_s if now_s - t < _RATE_WINDOW_S]
        if len(recent_s) < 2:
            return None
        return round((len(recent_s) - 1) / (recent_s[-1] - recent_s[0]), 1)

    def _receive(self, message: Image) -> None:
        self._arrivals_s.append(time.monotonic())
        self._num_received += 1
        try:
            frame = to_frame(message)
            frame.pixels()
        except FrameError as e:
            self._refusal = str(e)
            return
        self._refusal = ''
        self._size = frame.size
        # Others than our node publish coloured masks.
        is_mask = self.source.topic.endswith('/mask') and frame.encoding == 'mono8'
        palette = _palette_bgr(self._legend) if is_mask else None
        self._gallery.put(self.name, Picture(self._num_received, frame, palette))

    def _unsubscribe(self) -> None:
        if self._subscription is None:
            return
        self._node.destroy_subscription(self._subscription)
        self._subscription = None
        self._since_s = math.inf
        self._arrivals_s.clear()
        self._gallery.add(self.name)


@lru_cache
def _palette_bgr(legend: Legend | None) -> ByteArray:
    """Return colours by id, uint8 [256, 3]; without a table, hues that neighbours do not share."""
    if legend is not None:
        return np.ascontiguousarray(legend.table.palette_rgb[:, ::-1])
    hsv = np.full((1, 256, 3), 200, np.uint8)
    # The golden angle, in OpenCV's half degrees.
    hsv[0, :, 0] = (np.arange(256) * 68.75) % 180
    palette: ByteArray = cast(ByteArray, cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR))[0]
    palette[UNKNOWN_ID] = 0
    return palette


def matches(camera: str, wanted: str) -> bool:
    """Return whether a camera is meant by a name: its whole name, or the end of it."""
    return camera == wanted if wanted.startswith('/') else camera.endswith(f'/{wanted}')


def status_names(camera: str, source: Source) -> list[str]:
    """Return the names that a camera's status may have, the more exact first."""
    parts = camera.strip('/').split('/')
    prefix = source.node.lstrip('/')
    return [f'{prefix}: {"/".join(parts[i:])}' for i in range(len(parts))]


def engine_status_name(node: str) -> str:
    """Return the name of the status of a node's engine."""
    return f'{node.lstrip("/")}: engine'

"""
The viewer: a page that shows what the segmentation nodes publish, for those without rviz.

A page of our own on the standard library's web server, because the kept viewer was too heavy:
rerun-sdk 0.41 takes 490 MB, and 170 MB more for pyarrow (``du`` of a fresh environment). It would
also have to be told what a class, a rate and a diagnostic are, which is most of what is here.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from unet_seg_ros.ros.source import ros_node
from unet_seg_ros.ros.view_cameras import (
    ViewedCamera,
    engine_status_name,
    find_sources,
    matches,
    status_names,
)
from unet_seg_ros.ros.view_gallery import Gallery
from unet_seg_ros.ros.view_health import Diagnostics, Legends
from unet_seg_ros.ros.view_server import ViewServer

#: How often the page's state is made anew, and browsers that come or go are noticed [s].
_ATTEND_PERIOD_S = 0.1

#: How often the graph is looked at [s].
_LOOK_PERIOD_S = 0.5

#: A camera that nobody publishes leaves the page after so long [s].
_GONE_S = 60.0


@dataclass(frozen=True)
class ViewOptions:
    """
    What is shown, and where.

    Attributes
    ----------
    cameras : tuple of str
        Names of cameras, or the last parts of their names; none for all that there are.
    host : str
        The address to listen on.
    port : int
        The port; 0 for any that is free.

    """

    cameras: tuple[str, ...] = ()
    host: str = '127.0.0.1'
    port: int = 8080


def serve_view(options: ViewOptions, tell: Callable[[str], None]) -> None:
    """
    Serve the page until a signal comes.

    Parameters
    ----------
    options : ViewOptions
        What is shown, and where.
    tell : callable
        Is given the page's address, once it is served.

    Raises
    ------
    ConfigurationError
        If it cannot be served there.
    KeyboardInterrupt
        On SIGINT or SIGTERM.

    """
    with ros_node('unet_seg_view') as node:
        gallery = Gallery()
        viewer = Viewer(node, gallery, options.cameras)
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        viewer.attend()
        with closing(ViewServer(gallery, options.host, options.port)) as server:
            tell(server.url)
            while True:
                executor.spin_once(timeout_sec=_ATTEND_PERIOD_S)
                viewer.attend()


class Viewer:
    """
    Keeps the gallery up to date with the graph.

    Parameters
    ----------
    node : Node
        The node that owns the subscriptions.
    gallery : Gallery
        The pictures and the state.
    wanted : iterable of str
        The cameras to show; none for all.

    """

    def __init__(self, node: Node, gallery: Gallery, wanted: Iterable[str]) -> None:
        """Know no camera yet."""
        self._node, self._gallery = node, gallery
        self._wanted = tuple(wanted)
        self._cameras: dict[str, ViewedCamera] = {}
        self._diagnostics = Diagnostics(node)
        self._legends = Legends(node)
        self._next_look_s = self._next_attend_s = 0.0

    def attend(self) -> None:
        """Do what is due; to be called often."""
        now_s = time.monotonic()
        if now_s >= self._next_look_s:
            self._next_look_s = now_s + _LOOK_PERIOD_S
            self._look(now_s)
        if now_s >= self._next_attend_s:
            self._next_attend_s = now_s + _ATTEND_PERIOD_S
            for camera in self._cameras.values():
                camera.attend(self._legends.find(camera.source.node))
            self._gallery.state = json.dumps(self._state()).encode()

    def _look(self, now_s: float) -> None:
        sources = find_sources(self._node)
        for name, source in sources.items():
            if name not in self._cameras and (
                not self._wanted or any(matches(name, wanted) for wanted in self._wanted)
            ):
                self._cameras[name] = ViewedCamera(self._node, self._gallery, name, source)
        for name, camera in tuple(self._cameras.items()):
            camera.follow(sources.get(name))
            if now_s - camera.gone_s > _GONE_S:
                self._cameras.pop(name).close()
        self._legends.follow(self._nodes())

    def _nodes(self) -> list[str]:
        return sorted({camera.source.node for camera in self._cameras.values()})

    def _state(self) -> dict[str, Any]:
        cameras = sorted(self._cameras.values(), key=lambda camera: camera.name)
        missing = [w for w in self._wanted if not any(matches(c.name, w) for c in cameras)]
        return {
            'cameras': [{**c.state(), 'status': self._camera_status(c)} for c in cameras],
            'missing': missing,
            'nodes': [
                {'name': name, 'status': self._status(engine_status_name(name))}
                for name in self._nodes()
            ],
            'classes': self._classes(),
            'domain': os.environ.get('ROS_DOMAIN_ID', '0'),
        }

    def _camera_status(self, camera: ViewedCamera) -> dict[str, Any] | None:
        names = status_names(camera.name, camera.source)
        return next((found for name in names if (found := self._status(name))), None)

    def _status(self, name: str) -> dict[str, Any] | None:
        status = self._diagnostics.find(name)
        return None if status is None else status.state()

    def _classes(self) -> list[dict[str, Any]]:
        """Return the classes of all nodes, each once; those of the diagnostics have no colour."""
        classes: dict[tuple[str, Any], dict[str, Any]] = {}
        for node in self._nodes():
            legend = self._legends.find(node)
            if legend is not None:
                for c in legend.table.classes:
                    drivable = c.name in legend.drivable
                    entry = {'name': c.name, 'color': c.color, 'drivable': drivable}
                    classes[c.name, c.color] = entry
            elif status := self._diagnostics.find(engine_status_name(node)):
                for name in filter(None, status.values.get('classes', '').split(', ')):
                    classes[name, None] = {'name': name, 'color': None, 'drivable': False}
        return list(classes.values())

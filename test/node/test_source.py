"""The life of a source's node."""

from __future__ import annotations

import pytest
import rclpy
from rclpy.node import Node

from unet_seg_ros.ros import source

pytestmark = pytest.mark.ros


@pytest.mark.parametrize('error', [KeyboardInterrupt, ValueError])
def test_the_node_goes_however_the_block_ends(ros_domain, monkeypatch, error):
    destroyed = []

    class WatchedNode(Node):
        def destroy_node(self) -> None:
            destroyed.append(self.get_name())
            super().destroy_node()

    def fail() -> None:
        with source.ros_node('camera'):
            raise error

    monkeypatch.setattr(source, 'Node', WatchedNode)
    monkeypatch.setattr(source, 'prepare', lambda: None)
    with pytest.raises(error):
        fail()
    assert destroyed == ['camera']
    assert not rclpy.ok()

"""What a verb needs is named before it begins."""

from __future__ import annotations

import pytest

from unet_seg_ros.cli import requirements
from unet_seg_ros.cli.main import main


@pytest.mark.parametrize('arguments', [['play', 'folder'], ['drive'], ['demo']])
def test_a_missing_ros_is_named_with_its_remedy(monkeypatch, capsys, arguments):
    monkeypatch.setattr(requirements, 'find_spec', lambda name: None)
    assert main(arguments) == 1
    assert capsys.readouterr().err == (
        f'unet-seg {arguments[0]}: rclpy is not installed: '
        "source a ROS 2, or pip install 'unet_seg_ros[ros]'\n"
    )

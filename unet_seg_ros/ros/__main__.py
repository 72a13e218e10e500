"""The executable ``segmentation_node``."""

from __future__ import annotations

import sys

from unet_seg_ros.ros.interrupts import Interrupts


def main(args: list[str] | None = None) -> int:
    """Run the segmentation node until it is told to end; see `run_node`."""
    interrupts = Interrupts()
    # ROS and the engines take a while to import, and Ctrl-C may come just then.
    from unet_seg_ros.ros.node_process import run_node

    return run_node(interrupts, args)


if __name__ == '__main__':
    sys.exit(main())

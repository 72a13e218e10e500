"""The executable ``segmentation_node``."""

from __future__ import annotations

import sys


def main(args: list[str] | None = None) -> int:
    """Run the segmentation node until it is told to end; see `run_node`."""
    try:
        # ROS takes a while to import, and Ctrl-C may come just then.
        from unet_seg_ros.ros.node_process import run_node
    except KeyboardInterrupt:
        return 0
    return run_node(args)


if __name__ == '__main__':
    sys.exit(main())

"""``unet-seg view``: a page that shows the cameras with their overlays, rates and health."""

from __future__ import annotations

import argparse

from unet_seg_ros.cli.options import whole_number
from unet_seg_ros.cli.requirements import require_ros

_MAX_PORT = 65535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        '--cameras',
        nargs='+',
        default=[],
        metavar='CAMERA',
        help='the cameras to show (default: every one that is segmented)',
    )
    parser.add_argument(
        '--port', type=_port, default=8080, help='of the page; 0 for any that is free'
    )
    parser.add_argument(
        '--host',
        default='127.0.0.1',
        metavar='ADDRESS',
        help='to listen on; 0.0.0.0 shows the cameras to the whole network',
    )


def run(args: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C."""
    require_ros()
    from unet_seg_ros.ros.view import ViewOptions, serve_view

    options = ViewOptions(tuple(args.cameras), args.host, args.port)
    serve_view(options, lambda url: print(f'{url} - Ctrl-C ends it', flush=True))
    return 0


def _port(text: str) -> int:
    port = whole_number(text)
    if port > _MAX_PORT:
        raise argparse.ArgumentTypeError(f'{text!r}: give a number up to {_MAX_PORT}')
    return port

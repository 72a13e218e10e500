"""The command ``unet-seg``: one verb each, loaded when it is called."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from unet_seg_ros import __version__
from unet_seg_ros.core.errors import UserError, one_line

#: The verbs; each is a module of this package with `add_arguments` and `run`.
VERBS = {
    'doctor': 'tell what is wrong with a set-up, running or not, and how to mend it',
    'demo': 'segment a rendered drive, or a recording, with the real node and show the result',
    'play': 'publish a folder of images or a rosbag2 as a camera',
    'record': 'write cameras and their masks into an MCAP file (needs the recordings extra)',
    'drive': 'publish a rendered drive as the CARLA ROS bridge does',
    'view': 'show what the node publishes on a page in the browser',
    'collect': 'record a CARLA server: images and tags of drives (needs the carla extra)',
    'inspect': 'tell what a recording holds, and what of it cannot be used',
    'build-engine': 'build the TensorRT engine of a model file, as the node would',
    'engines': 'list the TensorRT engines that were built, and remove some',
    'evaluate': 'score a model on a labelled folder, as the vehicle would run it',
    'train': 'train a U-Net (needs the training extra)',
    'report': 'show what a trained network gets right and wrong (needs the training extra)',
    'export': 'write a checkpoint as a model file (needs the training extra)',
}


def main(argv: list[str] | None = None) -> int:
    """
    Run one verb.

    Returns
    -------
    int
        The exit status: 0 success, 1 a mistake told in one line, 2 a wrong command line,
        130 interrupted.

    """
    arguments = sys.argv[1:] if argv is None else argv
    try:
        parsed = _parse(arguments)
        return int(parsed.run(parsed))
    except UserError as e:
        sys.stderr.write(f'{_name(arguments)}: {e}\n')
        return 1
    except OSError as e:
        # What the system refuses is no bug: a full disk, a folder that may not be read.
        where = f'{e.filename}: ' if e.filename else ''
        sys.stderr.write(f'{_name(arguments)}: {where}{e.strerror or one_line(e)}\n')
        return 1
    except KeyboardInterrupt:
        sys.stderr.write(f'{_name(arguments)}: interrupted\n')
        return 130


def _parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options of the verb asked for, and what runs it."""
    parser = argparse.ArgumentParser(prog='unet-seg', description=__doc__)
    parser.add_argument('--version', action='version', version=__version__)
    verbs = parser.add_subparsers(dest='verb', required=True, metavar='VERB')
    for verb, text in VERBS.items():
        verb_parser = verbs.add_parser(verb, help=text, description=text)
        if verb in arguments[:1]:
            name = verb.replace('-', '_')
            with _interrupts_at_once(verb):
                module = importlib.import_module(f'unet_seg_ros.cli.{name}')
            module.add_arguments(verb_parser)
            verb_parser.set_defaults(run=module.run)
    return parser.parse_args(arguments)


@contextmanager
def _interrupts_at_once(verb: str) -> Iterator[None]:
    """
    Let Ctrl-C end the process at once.

    In the midst of an extension's import a KeyboardInterrupt would be lost, or crash the process.
    """

    def end(number: int, frame: FrameType | None) -> None:
        os.write(2, f'unet-seg {verb}: interrupted\n'.encode())
        os._exit(130)

    # A process in a script's background ignores it, and goes on to do so.
    handler = signal.getsignal(signal.SIGINT)
    if handler is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def _name(arguments: list[str]) -> str:
    """Return what a message is from: the command and its verb."""
    return ' '.join(['unet-seg', *arguments[:1]])


if __name__ == '__main__':
    sys.exit(main())

"""The kernels that TensorRT-RTX compiled for one GPU, kept beside the engine for later starts."""

from __future__ import annotations

from pathlib import Path

from unet_seg_ros.core.backend import Watch
from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.inference.tensorrt.storage import read_trusted, write_whole


def load_kernels(path: Path, watch: Watch) -> bytes:
    """
    Return what `keep_kernels` wrote; empty if it is not there.

    Kernels are code: those that others could have written are left alone, which the watch hears.
    """
    try:
        return read_trusted(path)
    except FileNotFoundError:
        return b''
    except EngineError as e:
        watch.say(f'kernels are compiled anew: {e}')
        return b''


def keep_kernels(path: Path, kernels: bytes, watch: Watch) -> None:
    """Write kernels for later starts; where that is impossible the watch hears it, no more."""
    try:
        write_whole(path, kernels)
    except OSError as e:
        watch.say(f'kernels are not kept for the next start: {path}: {e.strerror}')

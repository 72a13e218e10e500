"""The kernels that TensorRT-RTX compiled for one GPU, kept beside the engine for later starts."""

from __future__ import annotations

import hashlib
from pathlib import Path

from unet_seg_ros.core.backend import Watch
from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.inference.tensorrt.storage import read_trusted, write_whole

_DIGEST_BYTES = 32


def load_kernels(path: Path, watch: Watch) -> bytes:
    """
    Return what `keep_kernels` wrote; empty if it is not there.

    Kernels are code: those that others could have written, or that are not what was written, are
    left alone, which the watch hears.
    """
    try:
        kept = read_trusted(path)
    except FileNotFoundError:
        return b''
    except EngineError as e:
        watch.say(f'kernels are compiled anew: {e}')
        return b''
    digest, kernels = kept[:_DIGEST_BYTES], kept[_DIGEST_BYTES:]
    if hashlib.sha256(kernels).digest() != digest:
        watch.say(f'kernels are compiled anew: {path} is damaged')
        return b''
    return kernels


def keep_kernels(path: Path, kernels: bytes, watch: Watch) -> None:
    """Write kernels, their digest first; where that is impossible the watch hears it, no more."""
    try:
        write_whole(path, hashlib.sha256(kernels).digest() + kernels)
    except OSError as e:
        watch.say(f'kernels are not kept for the next start: {path}: {e.strerror}')

"""What tests do with a cache of engines, and to what lies in it."""

from __future__ import annotations

from pathlib import Path

import onnx

from unet_seg_ros.inference.tensorrt.probe import Gpu

TURING = Gpu(0, 'NVIDIA GeForce RTX 2080 Ti', (7, 5), 11 << 30, 13000)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def touch_up(model: Path) -> None:
    """Write the model anew, as another file that gives the same."""
    changed = onnx.load(model)
    changed.doc_string = 'another file'
    onnx.save(changed, model)


def flip(engine: Path, manifest: Path) -> None:
    """Change one bit of an engine."""
    data = bytearray(engine.read_bytes())
    data[len(data) // 2] ^= 1
    engine.write_bytes(data)

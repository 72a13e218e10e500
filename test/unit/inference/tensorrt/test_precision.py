"""Asking for a precision that a model file does not carry."""

from __future__ import annotations

import shutil

import pytest

from unet_seg_ros.core.contract import read_contract
from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.inference.tensorrt.precision import require_precision


def test_its_own_precision_passes(shipped_model):
    require_precision(shipped_model, read_contract(shipped_model), 'fp32')


def test_the_file_beside_it_is_named(shipped_model):
    with pytest.raises(EngineError, match=r'computes in fp32, not int8: use .*_int8\.onnx$'):
        require_precision(shipped_model, read_contract(shipped_model), 'int8')


def test_where_there_is_none_the_export_is_named(shipped_model, known_model, tmp_path):
    half = shipped_model.with_stem(f'{shipped_model.stem}_fp16')
    shutil.copy(half, tmp_path / 'model.onnx')
    # Of another model, and no model at all.
    shutil.copy(known_model, tmp_path / 'known.onnx')
    assert read_contract(known_model).precision == 'fp32'
    (tmp_path / 'broken.onnx').touch()
    with pytest.raises(EngineError, match=r'`unet-seg export --precision fp32`$'):
        require_precision(tmp_path / 'model.onnx', read_contract(half), 'fp32')

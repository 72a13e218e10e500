"""The verb build-engine with TensorRT-RTX's real builder."""

from __future__ import annotations

import os
import platform
import signal
from pathlib import Path

import pytest
from support.child_processes import builder_of, is_running
from support.verbs import Verbs, refusal

from unet_seg_ros.cli.main import main
from unet_seg_ros.inference.tensorrt.flavours import FLAVOURS

RTX = FLAVOURS['tensorrt_rtx']
needs_rtx = pytest.mark.skipif(
    platform.machine() != 'x86_64', reason='TensorRT-RTX has wheels for x86-64 alone'
)


@pytest.fixture
def verbs():
    started = Verbs()
    yield started
    started.end()


@needs_rtx
def test_the_engine_is_built_once_and_its_path_printed_last(known_model, tmp_path, capsys):
    command = ['build-engine', '--model', str(known_model), '--module', RTX.name]
    command += ['--max-batch', '2', '--precision', 'fp32', '--cache', str(tmp_path)]
    assert main(command) == 0
    first = capsys.readouterr()
    path = Path(first.out.splitlines()[-1])
    assert path.parent == tmp_path
    assert path.stat().st_size > 10_000
    assert 'known.onnx: no engine of it yet; building\n' in first.err
    assert 'known.onnx: built in ' in first.err
    assert main(command) == 0
    again = capsys.readouterr()
    assert again.out == first.out
    assert again.err.startswith('known.onnx: is there since ')


def test_another_precision_names_the_file(shipped_model, tmp_path, capsys):
    command = ['build-engine', '--model', str(shipped_model), '--precision', 'int8']
    assert main([*command, '--cache', str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(f'use {shipped_model.with_stem("unet_town02_int8")}')


@needs_rtx
def test_a_gpu_that_is_asked_for_must_be_there(verbs, known_model, tmp_path):
    # Nobody has so many.
    command = ('build-engine', '--model', known_model, '--cache', tmp_path, '--module', RTX.name)
    line = refusal(verbs.start(*command, '--gpu', 999))
    assert 'no NVIDIA driver' in line or 'no GPU 999' in line


@pytest.mark.skipif(FLAVOURS['tensorrt'].is_installed(), reason='TensorRT is installed here')
def test_a_tensorrt_that_is_not_installed_is_told(known_model, tmp_path, capsys):
    command = ['build-engine', '--model', str(known_model), '--module', 'tensorrt']
    assert main([*command, '--cache', str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert FLAVOURS['tensorrt'].remedy in line


@pytest.mark.parametrize(
    ('model', 'told'), [('none.onnx', 'not found'), ('folder', 'Is a directory')]
)
def test_a_model_that_is_not_there(model, told, tmp_path, capsys):
    (tmp_path / 'folder').mkdir()
    assert main(['build-engine', '--model', str(tmp_path / model)]) == 1
    assert told in capsys.readouterr().err


@needs_rtx
def test_ctrl_c_ends_the_builder_and_leaves_nothing(verbs, shipped_model, tmp_path):
    verb = verbs.start(
        'build-engine', '--model', shipped_model, '--module', RTX.name, '--cache', tmp_path
    )
    child = builder_of(verb.pid)
    os.kill(child, signal.SIGSTOP)
    # A terminal sends it to all of a session's foreground; the builder is in another one.
    assert os.getsid(child) == child
    verb.send_signal(signal.SIGINT)
    _, errors = verb.communicate(timeout=30)
    assert verb.returncode == 130
    assert errors.splitlines()[-1] == 'unet-seg build-engine: interrupted'
    assert not is_running(child)
    assert [path.name for path in tmp_path.iterdir()] == ['.lock']

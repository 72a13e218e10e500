"""
The driver and the runtime are found out without harm to this process.

There is no driver here: `StandInDriver` has the functions of libcuda and shows only that they are
called in order and what is made of their answers. The runtimes that crash are fake modules, but
the child that they bring down is real.
"""

from __future__ import annotations

import _ctypes
import os
import shutil
import subprocess
import sys

import pytest

from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.inference.tensorrt import child as children
from unet_seg_ros.inference.tensorrt import probe
from unet_seg_ros.inference.tensorrt.flavours import Flavour
from unet_seg_ros.inference.tensorrt.probe import Gpu, check_runtime, describe_gpu, find_gpu

GPU = Gpu(0, 'a GPU', (8, 9), 24 << 30, 13000, '580.65')

FAKE = """
class ILogger:
    class Severity: ERROR, INTERNAL_ERROR = range(2)
class Runtime:
    max_threads = 1
    def __init__(self, log):
        import os, signal
        {}
"""


class StandInDriver:
    """libcuda's functions with two GPUs."""

    def __init__(self, **statuses: int) -> None:
        self.calls: list[str] = []
        self._statuses = statuses

    def __getattr__(self, name: str):
        def call(*arguments):
            if name == 'cuGetErrorString':
                arguments[1]._obj.value = b'no device is there'
                return 0
            self.calls.append(name)
            return self._statuses.get(name) or self._answer(name, *arguments)

        return call

    def _answer(self, name: str, first, *rest) -> int:
        if name == 'cuDeviceGetName':
            first.value = b'NVIDIA GeForce RTX 4090'
        elif name != 'cuInit':
            first._obj.value = {
                'cuDeviceGetCount': 2,
                'cuDeviceGet': 7,
                'cuDeviceTotalMem_v2': 24 << 30,
                'cuDeviceGetAttribute': {75: 8, 76: 9}.get(rest[0]) if rest else None,
                'cuDriverGetVersion': 13000,
            }[name]
        return 0


@pytest.fixture
def staged(tmp_path, monkeypatch):
    """Return what stages a TensorRT whose runtime does something."""
    monkeypatch.syspath_prepend(tmp_path)

    def stage(does: str) -> Flavour:
        folder = tmp_path / 'fake_tensorrt'
        folder.mkdir(exist_ok=True)
        (folder / '__init__.py').write_text(FAKE.format(does))
        return Flavour('fake', ('fake_tensorrt',), 'buy it')

    return stage


def test_no_driver_is_told_in_one_line(monkeypatch):
    monkeypatch.setattr(probe, '_LIBRARY', 'libnocuda.so.1')
    with pytest.raises(EngineError, match=r'^no NVIDIA driver here \(libnocuda.so.1: .*\): .*$'):
        find_gpu()


def test_what_the_driver_says_of_a_gpu(monkeypatch, tmp_path):
    version = tmp_path / 'version'
    version.write_text('NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Sun Jul\n')
    monkeypatch.setattr(probe, '_DRIVER', version)
    driver = StandInDriver()
    assert describe_gpu(driver, 1) == Gpu(
        1, 'NVIDIA GeForce RTX 4090', (8, 9), 24 << 30, 13000, '580.65.06'
    )
    assert driver.calls[:3] == ['cuInit', 'cuDeviceGetCount', 'cuDeviceGet']


def test_a_driver_that_fails_is_told_with_its_own_words():
    driver = StandInDriver(cuInit=100)
    with pytest.raises(EngineError, match=r'cuInit: no device is there \(100\)$'):
        describe_gpu(driver, 0)
    assert driver.calls == ['cuInit']


@pytest.mark.parametrize('index', [2, -1])
def test_an_index_that_there_is_not(index):
    with pytest.raises(EngineError, match=f'^there is no GPU {index}: .* has 2'):
        describe_gpu(StandInDriver(), index)


def test_the_real_rtx_runtime_passes(rtx):
    check_runtime(rtx, GPU)


@pytest.mark.parametrize(
    ('does', 'told'),
    [
        ('os.kill(os.getpid(), signal.SIGSEGV)', r'died by SIGSEGV$'),
        ('raise RuntimeError("CUDA is\\n too old")', r'makes no runtime: CUDA is too old$'),
        ('raise TypeError("factory function returned nullptr")', r'makes no runtime: factory'),
        ('signal.pause()', r'took longer than 0\.5 s and was ended$'),
        ('os._exit(3)', r'ended with status 3$'),
        ('os.closerange(0, 99); signal.pause()', r'took longer than 0\.5 s and was ended$'),
    ],
    ids=['crash', 'error', 'null', 'hang', 'exit', 'silence'],
)
def test_a_runtime_that_fails_fails_in_the_child(staged, does, told):
    timeout_s = 0.5 if 'pause' in does else 30
    with pytest.raises(EngineError, match=told):
        check_runtime(staged(does), GPU, timeout_s=timeout_s)


@pytest.mark.parametrize(
    'does',
    [
        'print("hello", flush=True)',
        'os.write(1, b"{}" * 100_000)',
        'import atexit; atexit.register(signal.pause)',
    ],
    ids=['words', 'flood', 'hangs at its end'],
)
def test_what_a_library_prints_or_does_at_the_end_spoils_nothing(staged, does):
    check_runtime(staged(does), GPU, timeout_s=20)


def test_what_the_interpreter_prints_as_it_starts_spoils_nothing(staged, tmp_path, monkeypatch):
    (tmp_path / 'sitecustomize.py').write_text('print("{not a reply", end="", flush=True)')
    monkeypatch.setenv('PYTHONPATH', str(tmp_path))
    check_runtime(staged('pass'), GPU)


def test_modules_of_the_working_folder_are_not_the_childs(staged, tmp_path, monkeypatch):
    # As Python 3.10 does always, and later ones unless they are told otherwise.
    (tmp_path / 'here').mkdir()
    (tmp_path / 'here' / 'runpy.py').write_text('raise SystemExit(4)')
    (tmp_path / 'here' / 'cv2.py').write_text('raise SystemExit(4)')
    monkeypatch.chdir(tmp_path / 'here')
    monkeypatch.setenv('PYTHONSAFEPATH', '')
    check_runtime(staged('pass'), GPU)


def test_a_child_that_cannot_be_started_is_told(staged, monkeypatch):
    monkeypatch.setattr(sys, 'executable', '/no/such/python')
    with pytest.raises(EngineError, match=r'^no child process can be started: .*/no/such/python'):
        check_runtime(staged('pass'), GPU)


def test_a_child_that_does_not_even_die_is_not_waited_for(staged, monkeypatch):
    killed = []
    monkeypatch.setattr(children, '_BURIAL_S', 0.1)
    with monkeypatch.context() as patch:
        patch.setattr(subprocess.Popen, 'kill', lambda process: killed.append(process))
        with pytest.raises(EngineError, match='took longer'):
            check_runtime(staged('signal.pause()'), GPU, timeout_s=0.3)
    (process,) = killed
    process.kill()
    process.wait()


def test_another_version_of_a_library_is_tried_anew(staged, tmp_path, monkeypatch):
    # Its module stays as it is, as that of a driver or of libnvinfer does.
    library = tmp_path / 'libfake.so'
    shutil.copy(_ctypes.__file__, library)
    flavour = staged(f'import ctypes; ctypes.CDLL({str(library)!r})')
    check_runtime(flavour, GPU, tmp_path / 'cache')
    os.utime(library, (0, 0))
    monkeypatch.setattr(probe, 'Child', None)
    with pytest.raises(TypeError):
        check_runtime(flavour, GPU, tmp_path / 'cache')


def test_what_passed_is_remembered(staged, tmp_path, monkeypatch):
    memory = tmp_path / 'cache'
    flavour = staged('pass')
    check_runtime(flavour, GPU, memory)
    with monkeypatch.context() as context:
        context.setattr(probe, 'Child', None)
        check_runtime(flavour, GPU, memory)
    other_gpu = Gpu(0, 'another GPU', (8, 9), 24 << 30, 13000, '580.65')
    flavour = staged('os._exit(3)')
    # Another version of its files, and another GPU, are tried anew.
    with pytest.raises(EngineError, match='status 3'):
        check_runtime(flavour, GPU, memory)
    check_runtime(staged('pass'), GPU, memory)
    monkeypatch.setattr(probe, 'Child', None)
    with pytest.raises(TypeError):
        check_runtime(flavour, other_gpu, memory)


def test_the_folder_it_makes_is_nobody_elses(staged, tmp_path):
    umask = os.umask(0o002)
    try:
        check_runtime(staged('pass'), GPU, tmp_path / 'cache')
    finally:
        os.umask(umask)
    assert (tmp_path / 'cache').stat().st_mode & 0o777 == 0o755


def test_what_failed_is_not_remembered(staged, tmp_path):
    for _ in range(2):
        with pytest.raises(EngineError, match='status 3'):
            check_runtime(staged('os._exit(3)'), GPU, tmp_path / 'cache')


def test_a_folder_that_cannot_be_written_costs_the_child_only(staged, tmp_path):
    (tmp_path / 'file').touch()
    check_runtime(staged('pass'), GPU, tmp_path / 'file' / 'cache')


@pytest.mark.parametrize('text', ['{"gpu": ', '[]', '{}', '{"libraries": 3}', '[' * 100_000])
def test_a_memory_that_is_damaged_is_passed_over(staged, tmp_path, text):
    (tmp_path / 'runtime-fake.json').write_text(text)
    check_runtime(staged('pass'), GPU, tmp_path)
    with pytest.raises(EngineError, match='status 3'):
        check_runtime(staged('os._exit(3)'), GPU, tmp_path)

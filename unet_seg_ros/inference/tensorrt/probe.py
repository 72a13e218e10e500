"""
Whether a GPU and a TensorRT runtime can be used here, found out without being crashed by them.

In this order: the driver by ctypes, then the import of TensorRT, then its first ``Runtime`` in a
child process. Without a driver TensorRT's own runtime gives an object that dies by SIGSEGV when
it is used (seen with the lean runtime 11.4, which shares that code); no ``except`` helps there.
"""

from __future__ import annotations

import ctypes
import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from unet_seg_ros.core.errors import EngineError, one_line
from unet_seg_ros.inference.tensorrt.child import Child
from unet_seg_ros.inference.tensorrt.flavours import Flavour
from unet_seg_ros.inference.tensorrt.storage import make_folder, write_whole

_LIBRARY = 'libcuda.so.1'
_DRIVER = Path('/proc/driver/nvidia/version')

# CUdevice_attribute in cuda.h.
_MAJOR, _MINOR = 75, 76

_PROBE = 'unet_seg_ros.inference.tensorrt.probe_child'


@dataclass(frozen=True, slots=True)
class Gpu:
    """
    A GPU as its driver describes it.

    Attributes
    ----------
    index : int
        As CUDA counts, ``CUDA_VISIBLE_DEVICES`` considered.
    name : str
        Such as ``NVIDIA GeForce RTX 4090``.
    compute_capability : tuple of int
        Major and minor.
    memory_bytes : int
        All of its memory [B].
    cuda : int
        The CUDA version that the driver supports, such as 13000 for 13.0.
    driver : str
        The driver's own version, empty where it does not tell.

    """

    index: int
    name: str
    compute_capability: tuple[int, int]
    memory_bytes: int
    cuda: int
    driver: str = ''


def find_gpu(index: int = 0) -> Gpu:
    """
    Return what the driver says of a GPU; no CUDA context is made.

    Raises
    ------
    EngineError
        If there is no driver, no GPU, or none of that index.

    """
    try:
        cuda = ctypes.CDLL(_LIBRARY)
    except OSError as e:
        raise EngineError(
            f'no NVIDIA driver here ({one_line(e)}): install it, or start the container with '
            'access to the GPU'
        ) from e
    return describe_gpu(cuda, index)


def describe_gpu(cuda: Any, index: int) -> Gpu:
    """
    Ask a loaded driver library for a GPU.

    Raises
    ------
    EngineError
        If a call of it fails, or there is no GPU of that index.

    """
    _call(cuda, 'cuInit', 0)
    count = _integer(cuda, 'cuDeviceGetCount')
    if not 0 <= index < count:
        raise EngineError(
            f'there is no GPU {index}: the NVIDIA driver has {count}, counted from 0'
        )
    device = _integer(cuda, 'cuDeviceGet', index)
    name = ctypes.create_string_buffer(256)
    _call(cuda, 'cuDeviceGetName', name, len(name), device)
    memory = ctypes.c_size_t()
    _call(cuda, 'cuDeviceTotalMem_v2', ctypes.byref(memory), device)
    return Gpu(
        index=index,
        name=name.value.decode(errors='replace'),
        compute_capability=(
            _integer(cuda, 'cuDeviceGetAttribute', _MAJOR, device),
            _integer(cuda, 'cuDeviceGetAttribute', _MINOR, device),
        ),
        memory_bytes=memory.value,
        cuda=_integer(cuda, 'cuDriverGetVersion'),
        driver=_driver_version(),
    )


def check_runtime(
    flavour: Flavour, gpu: Gpu, memory: Path | None = None, timeout_s: float = 30
) -> None:
    """
    Make sure that a TensorRT runtime can be made without crashing this process.

    The first one is made in a child process. What passed is remembered, so that later starts with
    the same files, driver and GPU do without the child.

    Parameters
    ----------
    flavour : Flavour
        Which TensorRT.
    gpu : Gpu
        What it is to run on.
    memory : Path, optional
        The folder to remember in; one that cannot be written costs the child each time.
    timeout_s : float
        When to give up [s].

    Raises
    ------
    EngineError
        If the runtime crashes, hangs or cannot be made.

    """
    facts = {
        'gpu': {**asdict(gpu), 'compute_capability': list(gpu.compute_capability)},
        'files': _versions(map(str, flavour.files())),
    }
    passed = None if memory is None else memory / f'runtime-{flavour.name}.json'
    if passed is not None and _is_remembered(passed, facts):
        return
    libraries: list[str] = []
    what = f'{flavour.name}: making its first runtime, in a child process,'
    with Child(_PROBE, {'flavour': flavour.name, 'modules': flavour.modules}) as child:
        for reply in child.replies(what, timeout_s):
            if reply is not None and 'failed' in reply:
                raise EngineError(reply['failed'])
            libraries += (reply or {}).get('libraries', [])
    if passed is not None:
        with suppress(OSError):
            make_folder(passed.parent)
            facts['libraries'] = _versions(libraries)
            write_whole(passed, json.dumps(facts).encode())


def _is_remembered(path: Path, facts: Mapping[str, Any]) -> bool:
    with suppress(OSError, LookupError, AttributeError, TypeError, ValueError, RecursionError):
        known = json.loads(path.read_text())
        # What was loaded: an update of TensorRT or of the driver may leave the module as it is.
        libraries = known.pop('libraries')
        return bool(known == facts and libraries == _versions(name for name, *_ in libraries))
    return False


def _versions(files: Iterable[str]) -> list[list[Any]]:
    """Return each file with size and time of change, which are others in another version."""
    stats = [(name, Path(name).stat()) for name in files]
    return [[name, found.st_size, found.st_mtime_ns] for name, found in stats]


def _call(cuda: Any, function: str, *arguments: Any) -> None:
    status = getattr(cuda, function)(*arguments)
    if status != 0:
        text = ctypes.c_char_p()
        cuda.cuGetErrorString(status, ctypes.byref(text))
        told = (text.value or b'unknown error').decode(errors='replace')
        raise EngineError(f'the NVIDIA driver cannot be used: {function}: {told} ({status})')


def _integer(cuda: Any, function: str, *arguments: int) -> int:
    value = ctypes.c_int()
    _call(cuda, function, ctypes.byref(value), *arguments)
    return value.value


def _driver_version() -> str:
    with suppress(OSError):
        found = re.search(r'\b\d+\.\d+(\.\d+)?\b', _DRIVER.read_text())
        return found.group() if found else ''
    return ''

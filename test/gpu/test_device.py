"""Buffers, copies, graphs and faults of a real GPU; TensorRT is not needed."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from support.gpu_memory import free_device_bytes

from unet_seg_ros.inference.tensorrt.cuda import CudaRuntime

pytestmark = pytest.mark.gpu

SIZE = 1 << 20

# In a process of its own: what it loses would be lost to the tests that follow.
FAULT = """
import numpy as np
from support.gpu_fault import lose_device
from unet_seg_ros.core.errors import LostGpuError
from unet_seg_ros.inference.tensorrt.cuda import CudaRuntime

device = CudaRuntime(0)
stream, address, host = device.new_stream(), device.allocate(64), device.allocate_host(64)
print('lost by', lose_device())
try:
    device.copy_in(address, host, stream)
    device.synchronize(stream)
    print('unnoticed')
except LostGpuError as e:
    print('noticed:', e)
device.free_host(host)
device.free(address)
device.free_stream(stream)
try:
    CudaRuntime(0).allocate(64)
    print('works again')
except LostGpuError:
    print('stays lost')
"""


@pytest.fixture
def device():
    return CudaRuntime(0)


def round_trip(device: CudaRuntime) -> None:
    """Copy noise to the device and back, by calls and by a graph of them."""
    device.select()
    stream, address = device.new_stream(), device.allocate(SIZE)
    source, target = device.allocate_host(SIZE), device.allocate_host(SIZE)
    noise = np.random.default_rng(0).integers(0, 256, (2, SIZE), np.uint8)

    def copy() -> None:
        device.copy_in(address, source, stream)
        device.copy_out(target, address, stream)

    source[:], target[:] = noise[0], 0
    copy()
    device.synchronize(stream)
    np.testing.assert_array_equal(target, noise[0])
    graph = device.capture(stream, copy)
    source[:], target[:] = noise[1], 0
    device.synchronize(stream)
    assert not target.any(), 'a capture carries nothing out'
    device.launch(graph, stream)
    device.synchronize(stream)
    np.testing.assert_array_equal(target, noise[1])
    device.free_graph(graph)
    device.free_host(target)
    device.free_host(source)
    device.free(address)
    device.free_stream(stream)


def test_what_is_copied_in_comes_out_by_calls_and_by_a_graph(device):
    round_trip(device)


def test_another_thread_may_use_the_device(device):
    with ThreadPoolExecutor(1) as pool:
        pool.submit(round_trip, device).result()


def test_what_is_released_is_there_again(device):
    round_trip(device)
    before = free_device_bytes()
    for _ in range(100):
        round_trip(device)
    assert before - free_device_bytes() < 8 << 20


def test_after_a_fault_the_device_is_lost_to_the_process():
    ran = subprocess.run(
        [sys.executable, '-c', FAULT],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = ran.stdout.splitlines()
    assert lines[:1] == ['lost by CUDA_ERROR_ILLEGAL_ADDRESS'], ran.stderr
    assert lines[1].startswith('noticed: GPU 0: '), ran.stderr
    assert lines[2:] == ['stays lost'], ran.stderr

"""What the GPU could do at best, measured: matrix products, and copies of a frame's size."""

from __future__ import annotations

import time
from contextlib import contextmanager
from math import prod

from gpu_cells import pictures
from gpu_peers import import_torch, output_shapes
from gpu_timing import Frames, repeat

#: The name of the process that measures them.
LIMITS = 'limits'

#: Of the square matrices; large enough for every GPU so far.
SIDE = 8192
SIDE_ON_CPU = 256

PRECISIONS = ('fp32', 'tf32', 'fp16', 'bf16', 'int8')


def peak(setting, precision, seconds):
    """Return the speed of a large matrix product of random numbers [TFLOP/s]."""
    torch = import_torch(setting)
    where = 'cpu' if setting.on_cpu else f'cuda:{setting.gpu}'
    side = SIDE_ON_CPU if setting.on_cpu else SIDE
    product = torch._int_mm if precision == 'int8' else torch.mm
    factors = [factor(torch, precision, side, where) for _ in range(2)]
    # int8 wants the second one by columns.
    factors[1] = factors[1].t()
    torch.set_float32_matmul_precision('high' if precision == 'tf32' else 'highest')
    with torch.inference_mode():
        times_s = repeat(lambda: timed(torch, where, lambda: product(*factors)), seconds)
    return 2 * side**3 / sorted(times_s)[len(times_s) // 2] / 1e12


def factor(torch, precision, side, where):
    torch.manual_seed(0)
    if precision == 'int8':
        return torch.randint(-128, 128, (side, side), dtype=torch.int8, device=where)
    dtype = {'fp16': torch.float16, 'bf16': torch.bfloat16}.get(precision, torch.float32)
    return torch.randn(side, side, device=where).to(dtype)


def timed(torch, where, work):
    """Return how long some work takes [s], on a GPU by its own clock."""
    if where == 'cpu':
        start = time.perf_counter()
        work()
        return time.perf_counter() - start
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    work()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / 1e3


def copies(device, clock_of, form, num_images, seconds):
    """
    Return the steps [ms] of frames that are copied in and out and not computed.

    Parameters
    ----------
    device : CudaDevice
        Carries out the copies.
    clock_of : callable
        Makes the clock of a stream.
    form : object
        Has `input_size` and `groups`, as a contract.
    num_images : int
        The batch.
    seconds : float
        How long.

    """
    images = pictures(form.input_size, num_images)
    shapes = output_shapes(form, num_images)
    with buffers(device, images.nbytes, shapes) as engine:
        frames = Frames(device, engine, images, shapes, clock_of(engine.stream))
        try:
            return [steps for _, _, steps in repeat(frames.pass_one, seconds)]
        finally:
            frames.close()


class NoEngine:
    """Has buffers and computes nothing."""

    def __init__(self, stream, addresses):
        self.stream = stream
        self.input_address, *self._outputs = addresses

    def run(self):
        return self._outputs


@contextmanager
def buffers(device, input_bytes, shapes):
    stream = device.new_stream()
    sizes = [input_bytes, *map(prod, shapes)]
    addresses = [device.allocate(size) for size in sizes]
    try:
        yield NoEngine(stream, addresses)
    finally:
        for address in addresses:
            device.free(address)
        device.free_stream(stream)

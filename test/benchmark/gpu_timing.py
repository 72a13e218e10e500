"""Times the steps of a frame on a GPU: copy in, run, copy out."""

from __future__ import annotations

import ctypes
import time

import numpy as np

from unet_seg_ros.core.errors import EngineError

STEPS = ('copy in', 'run', 'copy out')

#: No more frames of one cell than this; the 99th percentile needs a hundred.
MAX_FRAMES = 400
MIN_FRAMES = 20


class EventClock:
    """CUDA events between the steps on a stream."""

    def __init__(self, stream):
        from cuda.bindings import runtime

        self._cuda, self._stream = runtime, stream
        self._events = [checked(runtime.cudaEventCreate()) for _ in range(len(STEPS) + 1)]

    def mark(self, place):
        """Put the event of a place on the stream."""
        checked(self._cuda.cudaEventRecord(self._events[place], self._stream))

    def steps_ms(self):
        """Return what each step took, once the stream was waited for."""
        return [
            checked(self._cuda.cudaEventElapsedTime(start, end))
            for start, end in zip(self._events, self._events[1:], strict=False)
        ]


class HostClock:
    """The host's clock, for the rehearsal, in which nothing is asynchronous."""

    def __init__(self, stream):
        self._marks_s = [0.0] * (len(STEPS) + 1)

    def mark(self, place):
        self._marks_s[place] = time.perf_counter()

    def steps_ms(self):
        return (np.diff(self._marks_s) * 1e3).tolist()


class HostDevice:
    """Host memory in place of a GPU's, for the rehearsal; see `CudaDevice`."""

    def __init__(self):
        self._blocks = {}

    def new_stream(self):
        return 0

    def free_stream(self, stream):
        pass

    def allocate_host(self, num_bytes):
        return np.empty(num_bytes, np.uint8)

    def free_host(self, buffer):
        pass

    def allocate(self, num_bytes):
        block = np.empty(num_bytes, np.uint8)
        self._blocks[block.ctypes.data] = block
        return block.ctypes.data

    def free(self, address):
        del self._blocks[address]

    def copy_in(self, address, source, stream):
        ctypes.memmove(address, source.ctypes.data, source.nbytes)

    def copy_out(self, target, address, stream):
        ctypes.memmove(target.ctypes.data, address, target.nbytes)

    def synchronize(self, stream):
        pass


def checked(returned):
    """Return what a function of cuda.bindings gave beside its error code."""
    error, *given = returned
    if int(error):
        raise EngineError(f'CUDA: {error.name}')
    return given[0] if given else None


def free_device_bytes():
    """Return the free memory [B] of the GPU that is selected."""
    from cuda.bindings import runtime

    error, free, _ = runtime.cudaMemGetInfo()
    checked((error,))
    return free


class Frames:
    """
    Frames of one cell, one after the other, each waited for as a vehicle waits for it.

    Parameters
    ----------
    device : CudaDevice
        Makes the page-locked buffers, carries out the copies.
    engine : object
        Has `stream`, `input_address` and `run`, which puts a run on the stream and returns the
        addresses of the outputs.
    images : ndarray
        uint8 [N, H, W, 3].
    shapes : sequence of tuple
        Of the outputs, all uint8.
    clock : EventClock or HostClock
        Takes the time of the steps.

    """

    def __init__(self, device, engine, images, shapes, clock):
        self._device, self._engine, self._clock = device, engine, clock
        self._in = device.allocate_host(images.nbytes)
        self._in[:] = images.reshape(-1)
        self._outs = [device.allocate_host(int(np.prod(shape))) for shape in shapes]
        self._shapes = shapes

    def pass_one(self):
        """Return the class ids, the host's time [ms] and that of each step [ms]."""
        device, engine, clock = self._device, self._engine, self._clock
        start = time.perf_counter()
        clock.mark(0)
        device.copy_in(engine.input_address, self._in, engine.stream)
        clock.mark(1)
        addresses = engine.run()
        clock.mark(2)
        for host, address in zip(self._outs, addresses, strict=True):
            device.copy_out(host, address, engine.stream)
        clock.mark(3)
        device.synchronize(engine.stream)
        whole_ms = (time.perf_counter() - start) * 1e3
        return self._outs[0].reshape(self._shapes[0]), whole_ms, clock.steps_ms()

    def close(self):
        for buffer in (self._in, *self._outs):
            self._device.free_host(buffer)


def repeat(function, seconds):
    """Return what a function gives, called for so long after a third as long to warm up."""
    end = time.perf_counter() + seconds / 3
    while time.perf_counter() < end:
        function()
    results, end = [], time.perf_counter() + seconds
    while len(results) < MIN_FRAMES or (len(results) < MAX_FRAMES and time.perf_counter() < end):
        results.append(function())
    return results


def durations(function, seconds):
    """Return how long a function takes each time [ms], by the host's clock."""

    def timed():
        start = time.perf_counter()
        function()
        return (time.perf_counter() - start) * 1e3

    return repeat(timed, seconds)

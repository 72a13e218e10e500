"""Runs a loaded engine on batches of images: buffers made once, a CUDA graph for each size."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from math import prod

import numpy as np

from unet_seg_ros.core.backend import Prediction, Watch
from unet_seg_ros.core.contract import INPUT, OUTPUTS
from unet_seg_ros.core.errors import EngineError, LostGpuError
from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.inference.tensorrt.cuda import CudaDevice
from unet_seg_ros.inference.tensorrt.engine import LoadedEngine


class EngineRunner:
    """
    An engine with what it runs on: a stream, page-locked and device buffers for the largest batch.

    A batch size that is met for the first time is run once call by call; then the whole of it,
    copy in, run, copy out, is captured into a CUDA graph, which is one call from then on. Where
    the engine does not let itself be captured, it stays with the calls, and says so once.

    Parameters
    ----------
    device : CudaDevice
        Selected for the calling thread; it is not closed here.
    engine : LoadedEngine
        Of that device; it is not closed here either, its execution contexts are.
    max_batch : int
        The largest batch that it was built for.
    watch : Watch
        Hears why frames are run call by call.

    Raises
    ------
    EngineError
        If the device has not the memory, or the engine not the tensors of the contract.

    """

    def __init__(
        self, device: CudaDevice, engine: LoadedEngine, max_batch: int, watch: Watch
    ) -> None:
        """Make the stream and the buffers."""
        self._device = device
        self._engine = engine
        self._max_batch = max_batch
        self._watch = watch
        self._captures = engine.is_capturable
        self._starts: dict[int, Callable[[], None]] = {}
        self._hosts: dict[str, ByteArray] = {}
        self._addresses: dict[str, int] = {}
        with ExitStack() as resources:
            self._stream = device.new_stream()
            resources.callback(device.free_stream, self._stream)
            self._activations = self._allocate(engine.activation_bytes, resources)
            for name, shape in engine.tensor_shapes(max_batch).items():
                self._addresses[name] = self._allocate(prod(shape), resources)
                host = device.allocate_host(prod(shape))
                resources.callback(device.free_host, host)
                self._hosts[name] = host.reshape(shape)
            resources.callback(engine.release_contexts)
            self._resources = resources.pop_all()

    def warm_up(self) -> None:
        """
        Run every batch size once, so that none compiles or captures on a frame that counts.

        Raises
        ------
        EngineError
            If the engine fails, or the watch stops it.

        """
        images = np.zeros_like(self._hosts[INPUT])
        for num_images in range(1, self._max_batch + 1):
            if self._watch.is_stopped():
                raise EngineError('stopped while the engine warmed up')
            self.run(images[:num_images])

    def run(self, images_nhwc: ByteArray) -> Prediction:
        """
        Run a batch of 1 to ``max_batch`` images, from whatever thread.

        Parameters
        ----------
        images_nhwc : ndarray
            uint8 [N, H, W, 3], C-contiguous.

        Returns
        -------
        Prediction
            Arrays of the caller's own.

        Raises
        ------
        EngineError
            If the engine fails; a LostGpuError if this process must be started again.

        """
        num_images = len(images_nhwc)
        self._device.select()
        np.copyto(self._hosts[INPUT][:num_images], images_nhwc)
        try:
            self._start(num_images)
            self._device.synchronize(self._stream)
        except LostGpuError:
            raise
        except EngineError:
            # TensorRT says no more than that it failed; a lost device answers for itself.
            self._device.synchronize(self._stream)
            raise
        return Prediction(*(self._hosts[name][:num_images].copy() for name in OUTPUTS))

    def close(self) -> None:
        """Release graphs, contexts, buffers and the stream, the newest first."""
        with suppress(EngineError):  # a lost device cannot be selected, yet all is released
            self._device.select()
        self._starts.clear()
        self._hosts.clear()
        self._resources.close()

    def _allocate(self, num_bytes: int, resources: ExitStack) -> int:
        address = self._device.allocate(max(num_bytes, 1))
        resources.callback(self._device.free, address)
        return address

    def _start(self, num_images: int) -> None:
        start = self._starts.get(num_images)
        if start is None:
            start = self._starts[num_images] = self._prepare(num_images)
        start()

    def _prepare(self, num_images: int) -> Callable[[], None]:
        """Return what starts a batch of that size."""
        self._engine.prepare(num_images, self._addresses, self._activations)
        enqueue = partial(self._enqueue, num_images)
        # TensorRT works out what depends on the shape in the first run, and compiles in it; none
        # of that can be captured.
        enqueue()
        self._device.synchronize(self._stream)
        if not self._captures:
            return enqueue
        try:
            graph = self._device.capture(self._stream, enqueue)
        except LostGpuError:
            raise
        except EngineError as e:
            self._captures = False
            self._watch.say(f'no CUDA graph, frames are run call by call: {e}')
            return enqueue
        self._resources.callback(self._device.free_graph, graph)
        return partial(self._device.launch, graph, self._stream)

    def _enqueue(self, num_images: int) -> None:
        """Put copy in, run and copy out of a batch on the stream."""
        self._device.copy_in(self._addresses[INPUT], self._hosts[INPUT][:num_images], self._stream)
        self._engine.enqueue(num_images, self._stream)
        for name in OUTPUTS:
            self._device.copy_out(
                self._hosts[name][:num_images], self._addresses[name], self._stream
            )

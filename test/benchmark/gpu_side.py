"""
One engine of the check of a GPU in a process of its own, which its failures end alone.

Takes a request on each line of its input and answers with a line, both JSON. An error of the
user's kind is the answer; any other ends the process, and its words are the last line.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from gpu_cells import pictures
from gpu_engines import ENGINES
from gpu_limits import LIMITS, copies, peak
from gpu_peers import output_shapes
from gpu_timing import EventClock, Frames, HostClock, HostDevice, durations, repeat
from gpu_timing import free_device_bytes as free_on_gpu

from unet_seg_ros.core.backend import EngineOptions, Watch
from unet_seg_ros.core.contract import read_contract
from unet_seg_ros.core.errors import UserError, one_line
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.inference import open_backend
from unet_seg_ros.inference.tensorrt.cuda import CudaRuntime


class Listener(Watch):
    """Keeps what an engine says while it is built and opened."""

    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)
        print(line, file=sys.stderr, flush=True)

    def take(self):
        lines, self.lines = self.lines, []
        return lines


@dataclass(frozen=True)
class Setting:
    """Where and how long to measure; on the CPU only for the rehearsal."""

    on_cpu: bool
    gpu: int
    engines: Path
    seconds: float
    watch: Listener = field(default_factory=Listener)

    def device(self):
        """Return the GPU, or what stands in for it in the rehearsal."""
        return HostDevice() if self.on_cpu else CudaRuntime(self.gpu)

    def clock(self, stream):
        return HostClock(stream) if self.on_cpu else EventClock(stream)

    def free_bytes(self):
        return 0 if self.on_cpu else free_on_gpu()


def measure_cell(engine, setting, request):
    """Return all figures of an engine on one model and batch, what was built even if it fails."""
    model, num_images = Path(request['model']), request['num_images']
    contract = read_contract(model)
    if reason := engine.refuses(contract.precision):
        return {'failed': reason, 'refused': True}
    found = {}
    try:
        if hasattr(engine, 'build'):
            summary = engine.build(model, num_images).manifest.summary.to_dict()
            # Said of the build, and in its summary.
            setting.watch.take()
            found['build'] = {**summary, 'layers': len(summary['layers'])}
        device = setting.device()
        found.update(measure_frames(engine, setting, device, model, contract, num_images))
        if engine.backend:
            found.update(measure_backend(engine.backend, setting, model, contract, num_images))
    except UserError as e:
        found['failed'] = one_line(e)
    return found


def measure_frames(engine, setting, device, model, contract, num_images):
    """Return the steps of frames through an engine, and whether its answers were right."""
    images = pictures(contract.input_size, num_images)
    expected = np.load(model.with_suffix('.npy'))
    engine.clear()
    free = setting.free_bytes()
    start = time.perf_counter()
    with ExitStack() as resources:
        opened = engine.open(model, contract, num_images, device, resources)
        clock = setting.clock(opened.stream)
        frames = Frames(device, opened, images, output_shapes(contract, num_images), clock)
        resources.callback(frames.close)
        class_ids, _, _ = frames.pass_one()
        ready_s = time.perf_counter() - start
        passed = repeat(frames.pass_one, setting.seconds)
        return {
            'agreement': [float((ids == expected).mean()) for ids in class_ids],
            'ready_s': ready_s,
            'whole_ms': [whole for _, whole, _ in passed],
            'steps_ms': [steps for _, _, steps in passed],
            'memory_bytes': free - setting.free_bytes(),
            'notes': [*opened.notes(), *setting.watch.take()],
        }


def measure_backend(name, setting, model, contract, num_images):
    """Return what the package's own backend takes, from arrays to arrays."""
    options = EngineOptions(
        gpu=setting.gpu, max_batch=num_images, cache=setting.engines, watch=setting.watch
    )
    images = pictures(contract.input_size, num_images)
    start = time.perf_counter()
    with open_backend(model, name, options) as backend:
        opened_s = time.perf_counter() - start
        infer_ms = durations(lambda: backend.infer(images), setting.seconds)
    return {'open_s': opened_s, 'infer_ms': infer_ms}


def measure_limit(setting, request):
    """Return the speed of a matrix product, or the steps of a frame that is only copied."""
    if request['do'] == 'peak':
        return {'tflop_per_s': peak(setting, request['precision'], setting.seconds)}
    size = ImageSize(request['height'], request['width'])
    form = SimpleNamespace(input_size=size, groups=range(request['num_groups']))
    num_images = request['num_images']
    device = setting.device()
    return {'steps_ms': copies(device, setting.clock, form, num_images, setting.seconds)}


def answer(name, setting, request):
    """Return the answer to a request."""
    try:
        if name == LIMITS:
            return {} if request['do'] == 'about' else measure_limit(setting, request)
        engine = ENGINES[name](setting)
        if request['do'] == 'about':
            return {'about': engine.about()}
        return measure_cell(engine, setting, request)
    except UserError as e:
        return {'failed': one_line(e)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('engine', choices=[*ENGINES, LIMITS])
    parser.add_argument('--engines', type=Path, required=True, help='folder of built engines')
    parser.add_argument('--gpu', type=int, default=0)
    parser.add_argument('--seconds', type=float, default=1.0, help='for each measurement')
    parser.add_argument('--on-cpu', action='store_true', help='for the rehearsal')
    options = parser.parse_args()
    setting = Setting(options.on_cpu, options.gpu, options.engines, options.seconds)
    # Libraries print what they like; the answers have a pipe of their own.
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)

    def tell(reply):
        print(json.dumps(reply), file=answers, flush=True)

    def tell_end(kind, error, trace):
        traceback.print_exception(kind, error, trace)
        tell({'failed': f'{kind.__name__}: {one_line(error)}'[:300]})

    sys.excepthook = tell_end
    for line in sys.stdin:
        tell(answer(options.engine, setting, json.loads(line)))


if __name__ == '__main__':
    main()

"""Engines side by side on one model, each in a process of its own, taking turns."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from unet_seg_ros.core.backend import EngineOptions
from unet_seg_ros.core.contract import read_contract
from unet_seg_ros.inference import open_backend

#: Frames of a turn that are not counted, since the caches are the last engine's.
WARM_UP = 3


class Engine:
    """An engine's process; it sleeps between its turns."""

    def __init__(self, model, name):
        self.name = name
        self.durations_s = []
        command = [sys.executable, __file__, '--model', model, '--engine', name]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.take_turn(1)
        self.durations_s.clear()

    def take_turn(self, frames):
        """Segment some frames one after the other and keep what each took."""
        self._process.stdin.write(f'{frames}\n')
        self._process.stdin.flush()
        self.durations_s += json.loads(self._process.stdout.readline())

    def percentile_ms(self, percent):
        return float(np.percentile(self.durations_s, percent)) * 1e3

    def close(self):
        self._process.communicate('')


def names(precisions):
    """Return the engines that can be compared on this machine."""
    torch = ['torch fp32', *['torch bf16'] * ('bf16' in precisions)] if find_spec('torch') else []
    return [*(f'openvino {p}' for p in precisions), 'onnxruntime fp32', *torch]


def compare(model, engine_names, rounds, frames):
    """Return the engines after so many rounds of so many frames each, closed."""
    engines = [Engine(model, name) for name in engine_names]
    for _ in range(rounds):
        for engine in engines:
            engine.take_turn(frames)
    for engine in engines:
        engine.close()
    return engines


def torch_network(contract, precision):
    """Return the contract's graph in torch with random weights: its speed is the same."""
    import torch

    from unet_seg_ros.training.graph import ContractGraph
    from unet_seg_ros.training.network import PixelNetwork
    from unet_seg_ros.training.recipe import NetworkSpec

    # Batch norms are folded, as in the model file.
    spec = NetworkSpec(**{**contract.network, 'batch_norm': False})
    groups = [contract.table.ids_of(group) for group in contract.groups.values()]
    network = PixelNetwork(spec, len(contract.table)).to(memory_format=torch.channels_last)
    graph = ContractGraph(network, groups, len(contract.table)).eval()

    def infer(images_nhwc):
        is_bf16 = precision == 'bf16'
        with torch.inference_mode(), torch.autocast('cpu', torch.bfloat16, enabled=is_bf16):
            return graph(torch.from_numpy(images_nhwc))

    return infer


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--model', type=Path, required=True)
    parser.add_argument('--engine', required=True)
    options = parser.parse_args()
    name, precision = options.engine.split()
    contract = read_contract(options.model)
    rng = np.random.default_rng(0)
    images_nhwc = rng.integers(0, 256, (1, *contract.input_size, 3), np.uint8)
    with ExitStack() as stack:
        if name == 'torch':
            infer = torch_network(contract, precision)
        else:
            backend = open_backend(options.model, name, EngineOptions(precision=precision))
            infer = stack.enter_context(backend).infer
        for line in sys.stdin:
            durations_s = []
            for _ in range(int(line) + WARM_UP):
                start = time.perf_counter()
                infer(images_nhwc)
                durations_s.append(time.perf_counter() - start)
            print(json.dumps(durations_s[WARM_UP:]), flush=True)


if __name__ == '__main__':
    main()

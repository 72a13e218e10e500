"""
Measures the node as a vehicle runs it, and writes what it found as a page of markdown.

Everything in one run, so that the figures can be set against each other: engines side by side,
the node between a camera process and a reader process, its stages, its start, its memory.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import machine
import numpy as np
import report
from engines import Engine, compare, names
from processes import Scenario, run, run_bare

from unet_seg_ros.core.contract import ModelContract, read_contract
from unet_seg_ros.core.resources import DEFAULT_MODEL, shared_file

#: One camera's rate, as CARLA's; more of them get what keeps the engine busy for so much of the
#: time, at most.
RATE_HZ = 20.0
BUSY = 0.6

#: What a frame costs beside the engine, roughly; only for the choice of the rate.
ASIDE_S = 0.004

CAMERAS = ((1, False), (3, False), (3, True), (6, False), (6, True))
#: What comes in and what goes out: an image as the camera's, and one of the mask's size.
ENCODINGS = ('bgra8', 'mono8')
OUTPUTS = (('mask',), ('mask', 'overlay'))
NUM_STARTS = 7
ROUNDS, FRAMES = 10, 12


@dataclass
class Results:
    """All that was measured, for the report."""

    machine: list
    contract: ModelContract
    copy_gb_per_s: float
    peak_gflop_per_s: dict
    gflop: float
    engines: list
    transports: dict
    cameras: list
    stages: dict
    starts: list
    deliveries: dict


def measure(model):
    """Take all measurements; some six minutes."""
    contract = read_contract(model)
    about, precisions = machine.describe(), machine.precisions()
    with tempfile.TemporaryDirectory() as folder:
        peaks = {p: machine.peak_gflop_per_s(Path(folder), p) for p in precisions}
    note('engines')
    engines = compare(model, names(precisions), ROUNDS, FRAMES)
    deployed = next(e for e in engines if e.name == f'openvino {precisions[-1]}')
    return Results(
        machine=about,
        contract=contract,
        copy_gb_per_s=machine.copy_gb_per_s(),
        peak_gflop_per_s=peaks,
        gflop=machine.model_gflop(model),
        engines=engines,
        # Just before the one camera, which it is set against.
        transports={e: measure_transport(model, e) for e in ENCODINGS},
        cameras=measure_cameras(model, deployed),
        stages={outputs: measure_stages(model, outputs) for outputs in OUTPUTS},
        starts=[measure_start(model, i) for i in range(NUM_STARTS)],
        deliveries=measure_delivery(model),
    )


def measure_cameras(model, deployed):
    """Return (scenario, outcome, engine alone) for each number of cameras."""
    results = []
    for cameras, at_once in CAMERAS:
        load_s = cameras * (deployed.percentile_ms(50) / 1e3 + ASIDE_S)
        rate_hz = min(RATE_HZ, np.floor(BUSY / load_s))
        scenario = Scenario(model, cameras, rate_hz, at_once=at_once)
        note(f'{cameras} cameras at {rate_hz} Hz')
        # Before and after, for a machine's speed changes by the minute.
        alone = Engine(model, deployed.name)
        alone.take_turn(60)
        outcome = run(scenario)
        alone.take_turn(60)
        alone.close()
        results.append((scenario, outcome, alone))
    return results


def measure_transport(model, encoding):
    """Return what images take from process to process with no node between."""
    note(f'transport of {encoding}')
    return run_bare(Scenario(model, rate_hz=RATE_HZ, encoding=encoding, settle_s=1.0))


def measure_stages(model, outputs):
    note(f'stages of {" and ".join(outputs)}')
    return run(Scenario(model, outputs=outputs, is_timed=True))


def measure_start(model, number):
    note(f'start {number + 1} of {NUM_STARTS}')
    return run(Scenario(model, duration_s=4.0, settle_s=0.0, is_timed=True))


def measure_delivery(model):
    """Return the outcome of a free-running camera with the package's profile and without."""
    outcomes = {}
    for is_stock in (False, True):
        note('delivery, ' + ('stock' if is_stock else "the package's profile"))
        outcomes[is_stock] = run(Scenario(model, rate_hz=30.0, is_stock=is_stock))
    return outcomes


def note(text):
    print(text, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', type=Path, required=True, help='the markdown file to write')
    parser.add_argument('--model', type=Path, help='default: the one that the package ships')
    options = parser.parse_args()
    model = options.model or shared_file('models', DEFAULT_MODEL)
    text = report.write(measure(model))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    part = options.output.with_name(f'.{options.output.name}.part')
    part.write_text(text)
    part.replace(options.output)
    print(f'wrote {options.output}')


if __name__ == '__main__':
    main()

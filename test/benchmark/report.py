"""The page that the benchmark writes: goals, tables, and one paragraph that reads them."""

from __future__ import annotations

import os

import numpy as np
from stages import ms, stage_ms, stages, table, transport, transport_ms

#: The goals, on two cores and with one camera: ratio, milliseconds, milliseconds, seconds.
END_TO_END, MASK_MS, OVERLAY_MS, FIRST_MASK_S = 1.25, 1.0, 3.0, 2.0

START = (
    ('interpreter', "the interpreter, with the ROS wheels' second start"),
    ('import rclpy', 'import rclpy'),
    ('import the package', 'import the package'),
    ('declare parameters', 'rclpy.init, create the node, declare its parameters'),
    ('read contract', "read the model's contract"),
    ('open engine', 'import the engine, read and compile the model'),
    ('first inference', 'first inference'),
    ('activate', 'create publishers and subscriptions: active'),
    ('first frame', 'DDS discovers the camera; the first frame arrives'),
    ('first mask', 'DDS discovers the reader; the first mask is published'),
)


def write(results):
    """Return the page."""
    sections = [
        head(results),
        [reading(results)],
        ['## Goals (two cores, one camera)', '', *goals(results)],
        ['## From stamp to mask', '', *cameras(results)],
        ["## Where one camera's time goes", '', *stages(results)],
        ['## The same bytes without a node', '', *transport(results)],
        ['## Engines', '', *engines(results)],
        ['## From process start to the first mask', '', *start(results)],
        ['## Memory of the node', '', *memory(results)],
        ['## Frames that arrive', '', *delivery(results)],
    ]
    return '\n\n'.join('\n'.join(lines) for lines in sections) + '\n'


def head(r):
    network = ', '.join(f'{k} {v}' for k, v in r.contract.network.items())
    peaks = ', '.join(f'{p} {v:.0f} GFLOP/s' for p, v in r.peak_gflop_per_s.items())
    return [
        '# Benchmark',
        '',
        'Written by `make benchmark`. Camera, node and reader are processes of their own with',
        'DDS between them and the Fast DDS profile of this package; images are 1280x720 bgra8,',
        'stamped on the steady clock when they are sent. Every figure is from this one run.',
        '',
        *r.machine,
        f'- Load average at the end: {", ".join(f"{x:.2f}" for x in os.getloadavg())}',
        f'- Model: {r.contract.name}, input {r.contract.input_size}, {network}, '
        f'{r.gflop:.2f} GFLOP an image',
        f'- Measured limits: one thread copies {r.copy_gb_per_s:.1f} GB/s; '
        f'matrix products: {peaks}',
    ]


def goals(r):
    return table(
        ('goal', 'measured', ''),
        [
            (text, f'{value:.2f}{unit}', 'met' if value <= goal else 'missed')
            for text, value, goal, unit in goal_values(r)
        ],
    )


def goal_values(r):
    _, outcome, _ = r.cameras[0]
    return (
        ('stamp to mask at most 1.25 times the engine', ratio(outcome), END_TO_END, ''),
        ('mask only: our own work at most 1 ms', own_ms(r, 'mask'), MASK_MS, ' ms'),
        ('mask and overlay: at most 3 ms', own_ms(r, 'mask', 'overlay'), OVERLAY_MS, ' ms'),
        ('first mask within 2 s, at the slowest start', max(first_masks_s(r)), FIRST_MASK_S, ' s'),
    )


def cameras(r):
    rows = []
    for scenario, o, alone in r.cameras:
        stagger = '' if scenario.cameras == 1 else ', at once' if scenario.at_once else ', in turn'
        p50, p95, p99 = (ms(o.mask_s, p) for p in (50, 95, 99))
        rows.append(
            (
                f'{scenario.cameras}{stagger}',
                f'{scenario.rate_hz:.0f}',
                f'{o.total("received")}/{o.sent}',
                f'{o.total("dropped")}',
                f'{p50:.1f} / {p95:.1f} / {p99:.1f}',
                f'{o.engine_ms("total_ms_p50"):.1f}',
                f'{o.engine_ms():.1f}',
                f'{alone.percentile_ms(50):.1f}',
                f'{ratio(o):.2f}',
                f'{o.engine_ms("total_ms_p50") / o.engine_ms():.2f}',
            )
        )
    return [
        'Milliseconds. *In the node* is from the arrival of a frame to the publication of its',
        'mask; the engine alone ran in a process of its own just before and after. Both ratios',
        "are to the engine's median in the node. *At once* means that all cameras send at the",
        'same moment, so that the last mask waits for all the others.',
        '',
        *table(
            (
                'cameras', 'Hz each', 'received', 'displaced', 'stamp to mask p50 / p95 / p99',
                'in the node', 'engine there', 'engine alone', 'stamp to mask / engine',
                'in the node / engine',
            ),
            rows,
        ),
    ]  # fmt: skip


def engines(r):
    reference = next(e for e in r.engines if e.name == 'onnxruntime fp32').percentile_ms(50)
    rows = []
    for e in r.engines:
        p50 = e.percentile_ms(50)
        peak = r.peak_gflop_per_s.get(e.name.split()[1])
        speed = r.gflop / p50 * 1e3
        rows.append(
            (
                e.name,
                f'{e.percentile_ms(0):.2f} / {p50:.2f} / {e.percentile_ms(95):.2f}',
                f'{reference / p50:.2f}',
                f'{100 * speed / peak:.0f} %' if peak else '',
            )
        )
    return [
        'Each in a process of its own, in turns, '
        f'{len(r.engines[0].durations_s)} frames of each. torch runs eagerly in channels_last.',
        '',
        *table(
            (
                'engine', 'ms min / p50 / p95', 'times as fast as ONNX Runtime',
                "of its precision's peak",
            ),
            rows,
        ),
    ]  # fmt: skip


def start(r):
    marks = [
        [(o.stopwatch['marks_ns'][name] - o.node_start_ns) / 1e6 for name, _ in START]
        for o in r.starts
    ]
    at_ms = np.median(marks, axis=0)
    took_ms = np.median(np.diff(marks, axis=1, prepend=0), axis=0)
    rows = [
        (text, f'{took:.0f}', f'{at:.0f}')
        for (_, text), took, at in zip(START, took_ms, at_ms, strict=True)
    ]
    low, high = min(first_masks_s(r)), max(first_masks_s(r))
    return [
        f'Medians of {len(r.starts)} starts; camera and reader were there before. The mask was '
        f"in the reader's hands after {np.median(first_masks_s(r)):.2f} s "
        f'({low:.2f} to {high:.2f} s).',
        '',
        *table(('step', 'ms', 'at ms'), rows),
    ]


def memory(r):
    rows = [
        (s.cameras, *(f'{o.memory_mib[k]:.0f}' for k in ('rss', 'private', 'peak')))
        for s, o, _ in r.cameras
        if not s.at_once
    ]
    return table(('cameras', 'resident MiB', 'of it private', 'peak'), rows)


def delivery(r):
    rows = [
        ('as Fast DDS comes' if is_stock else 'of this package', o.sent, o.total('received'),
         f'{100 * o.total("received") / o.sent:.1f} %')
        for is_stock, o in r.deliveries.items()
    ]  # fmt: skip
    return [
        'A camera at 30 Hz, best effort, to the node.',
        '',
        *table(('profile', 'sent', 'received', ''), rows),
    ]


def reading(r):
    _, one, _ = r.cameras[0]
    engine_ms, mask_ms = one.engine_ms(), ms(one.mask_s, 50)
    inside_ms = one.engine_ms('total_ms_p50')
    outside_ms = mask_ms - inside_ms
    engine = {e.name: e.percentile_ms(50) for e in r.engines}
    deployed = f'openvino {list(r.peak_gflop_per_s)[-1]}'
    num_in_time = sum(x <= FIRST_MASK_S for x in first_masks_s(r))
    missed = [text for text, value, goal, _ in goal_values(r) if value > goal]
    return (
        f'With one camera half of the masks are with their reader within {mask_ms:.1f} ms of the '
        f'stamp, {ratio(one):.2f} times the {engine_ms:.1f} ms that the engine takes. Inside the '
        f'node it is {inside_ms / engine_ms:.2f} times: {inside_ms - engine_ms:.1f} ms beside '
        f"the engine. The other {outside_ms:.1f} ms are the camera's own call of publish, DDS "
        'and rclpy, which bring 3.7 MB in and 0.9 MB out; without a node between them they take '
        f'{transport_ms(r):.1f} ms for the same bytes. Stamp to mask is '
        f'{mask_ms / (one.engine_ms() + transport_ms(r)):.2f} times engine and transport '
        'together. '
        f'Our own work for a mask is {own_ms(r, "mask"):.2f} ms, with an overlay '
        f'{own_ms(r, "mask", "overlay"):.2f} ms. {deployed} is '
        f'{engine["onnxruntime fp32"] / engine[deployed]:.1f} times as fast as ONNX Runtime. '
        f'From its start the node needs {np.median(active_s(r)):.2f} s to be active; the '
        f'first mask is with its reader within 2 s in {num_in_time} of {len(r.starts)} starts '
        f'({min(first_masks_s(r)):.2f} to {max(first_masks_s(r)):.2f} s), and what lies between '
        'is DDS discovery, and one frame. '
        + (f'Missed: {"; ".join(missed)}.' if missed else 'All goals are met.')
    )


def ratio(outcome):
    return ms(outcome.mask_s, 50) / outcome.engine_ms()


def first_masks_s(r):
    return [(o.first_mask_ns - o.node_start_ns) / 1e9 for o in r.starts]


def active_s(r):
    return [(o.stopwatch['marks_ns']['activate'] - o.node_start_ns) / 1e9 for o in r.starts]


def own_ms(r, *outputs):
    return stage_ms(r, 'own work', outputs)

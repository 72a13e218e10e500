"""The tables of the check of a GPU that set engines beside each other."""

from __future__ import annotations

import numpy as np
from stages import table

HOW = """Each engine is in a process of its own and runs the same model file, TensorRT an
engine built for that batch; they take turns, network by network. Networks have random weights.
Every frame is waited for before the next is begun; up to 400 of them count. Steps are between
CUDA events on one stream, in milliseconds: *run* is p50 / p99, copies are p50, from and to
page-locked memory; *whole* is the host's clock from the first copy to the end of the last, p50
/ p99. TensorRT's run is a CUDA graph, as in the package, or TensorRT-RTX's own. Of fp32 files
every engine may use TF32. *Peak*: operations per second against the matrix product of that
precision, measured in this run (tf32 for fp32 files). *x eager* and *x compiled*: how many
times as fast as torch by the p50 of run. *Same*: pixels to which it gives the class that ONNX
Runtime gives on the CPU, of the worst image; with random weights many pixels lie close between
two classes, more of them in int8. *Ready* is the time from the model file, its engine built,
to the first answer."""

#: The peak that a file's precision is set against.
PEAK_OF = {'fp32': 'tf32', 'fp16': 'fp16', 'int8': 'int8'}

#: Engines that compute int8 files in int8; the others in floating point.
COMPUTES_INT8 = ('tensorrt', 'tensorrt_rtx')


def network(r, name):
    """Return the table of one network, and why rows are missing."""
    rows, remarks = [], {}
    for cell in r['cells']:
        if cell['network'] != name:
            continue
        case = f'{cell["precision"]}, batch {cell["num_images"]}'
        said = [f'no row: {cell["failed"]}'] if 'failed' in cell else []
        for engine, reply in cell['engines'].items():
            if 'steps_ms' in reply:
                rows.append(row(r, cell, engine, reply))
            if 'failed' in reply:
                # The backend may fail after its engine was timed.
                what = 'its backend' if 'steps_ms' in reply else 'no row'
                said.append(f'{engine}: {what}: {reply["failed"]}')
            said += [f'{engine}: {note}' for note in reply.get('notes', ())]
        for remark in said:
            remarks.setdefault(remark, []).append(case)
    columns = ('precision', 'batch', 'engine', 'copy in', 'run', 'copy out', 'whole', 'TFLOP/s',
               'peak', 'x eager', 'x compiled', 'same', 'MB taken', 'ready s')  # fmt: skip
    listed = [f'- {"; ".join(cases)}: {remark}' for remark, cases in remarks.items()]
    return [*(table(columns, rows) if rows else []), *[''] * bool(rows and listed), *listed]


def row(r, cell, engine, reply):
    into, run, out = percentiles(reply['steps_ms'], 50)
    speed = cell['gflop'] * cell['num_images'] / run
    peak = r['peaks'].get(PEAK_OF[cell['precision']], {}).get('tflop_per_s')
    if cell['precision'] == 'int8' and engine not in COMPUTES_INT8:
        peak = None
    ratios = [
        f'{percentiles(other["steps_ms"], 50)[1] / run:.2f}' if 'steps_ms' in other else ''
        for other in (cell['engines'].get(n, {}) for n in ('torch', 'torch compiled'))
    ]
    return (
        cell['precision'],
        cell['num_images'],
        engine,
        f'{into:.3f}',
        f'{run:.3f} / {percentiles(reply["steps_ms"], 99)[1]:.3f}',
        f'{out:.3f}',
        ' / '.join(f'{np.percentile(reply["whole_ms"], p):.3f}' for p in (50, 99)),
        f'{speed:.3g}',
        f'{100 * speed / peak:.0f} %' if peak else '',
        *ratios,
        f'{100 * min(reply["agreement"]):.2f} %',
        f'{reply["memory_bytes"] / 1e6:.0f}',
        f'{reply["ready_s"]:.1f}',
    )


def backends(r):
    rows = [
        (
            cell['network'],
            cell['precision'],
            cell['num_images'],
            name,
            ' / '.join(f'{np.percentile(reply["infer_ms"], p):.3f}' for p in (50, 99)),
            f'{reply["open_s"]:.2f}',
        )
        for cell in r['cells']
        for name, reply in cell['engines'].items()
        if 'infer_ms' in reply
    ]
    if not rows:
        return []
    return [
        "From arrays to arrays by the host's clock, `infer` of an open backend; *opened* is with",
        'the engine in the cache, all batch sizes warmed up. The torch backend runs eagerly, its',
        'fp32 without TF32, int8 in floating point.',
        '',
        *table(('network', 'precision', 'batch', 'backend', 'ms p50 / p99', 'opened s'), rows),
    ]


def percentiles(steps_ms, percent):
    return np.percentile(np.array(steps_ms), percent, axis=0).tolist()

"""The page of the check of a GPU: a section for each GPU, of which a new run replaces its own."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict

from gpu_engine_tables import HOW, backends, network, percentiles
from stages import table

from unet_seg_ros.inference.tensorrt.probe import find_gpu

HEAD = """# GPU benchmark

Written by `make gpu-check`, which carries out the tests marked `gpu` and then times engines beside
each other. A section holds one run on one GPU; a later run on the same kind replaces it.
"""

REHEARSAL = '**REHEARSAL on a CPU with tiny networks: no figure here says anything of a GPU.**'


def describe(is_rehearsal, gpu):
    """Return what there is to say before anything is measured."""
    found = {'name': 'REHEARSAL'} if is_rehearsal else asdict(find_gpu(gpu))
    return {
        'is_rehearsal': is_rehearsal,
        'date': time.strftime('%Y-%m-%d %H:%M'),
        'gpu': found,
        'python': sys.version.split()[0],
        'clocks': '' if is_rehearsal else clocks(gpu),
        'notes': [],
    }


def clocks(gpu):
    """Return what nvidia-smi tells of clocks, temperature and power; empty without it."""
    query = '--query-gpu=clocks.sm,clocks.mem,temperature.gpu,power.draw,power.limit'
    command = ['nvidia-smi', f'--id={gpu}', query, '--format=csv']
    with suppress(OSError, subprocess.SubprocessError):
        told = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
        return '; '.join(told.stdout.splitlines())
    return ''


def write(results, before=''):
    """Return the page with a run's section in place of that of the same GPU, if there is one."""
    title = results['gpu']['name']
    kept = [s for s in re.split(r'^(?=## )', before, flags=re.M)[1:] if title_of(s) != title]
    sections = sorted([*kept, section(results)], key=title_of)
    return '\n'.join([HEAD, *(s.rstrip('\n') + '\n' for s in sections)])


def title_of(text):
    return text.partition('\n')[0].removeprefix('## ')


def section(r):
    """Return what one run found."""
    parts = [
        [f'## {r["gpu"]["name"]}', '', *machine(r)],
        verdict(r),
        headed(r, 'Tests', tests(r)),
        headed(r, 'Limits', limits(r)),
        headed(r, 'Engines built', built(r)),
    ]
    networks = dict.fromkeys(cell['network'] for cell in r['cells'])
    if networks:
        parts.append(['### Engines beside each other', '', HOW])
    parts += [headed(r, name, network(r, name)) for name in networks]
    parts.append(headed(r, "The package's own backends", backends(r)))
    return '\n\n'.join('\n'.join(lines) for lines in parts if lines) + '\n'


def headed(r, title, lines):
    """Return lines under a title, if there are any, in a rehearsal with a warning."""
    warning = [REHEARSAL, ''] if r['is_rehearsal'] else []
    return [f'### {title}', '', *warning, *lines] if lines else []


def machine(r):
    gpu = r['gpu']
    lines = [f'- Date: {r["date"]}; Python {r["python"]}']
    if not r['is_rehearsal']:
        major, minor = gpu['compute_capability']
        lines.append(
            f'- GPU: {gpu["name"]}, compute capability {major}.{minor}, '
            f'{gpu["memory_bytes"] / 2**30:.1f} GiB; driver {gpu["driver"] or "unknown"}, '
            f'which supports CUDA {gpu["cuda"] // 1000}.{gpu["cuda"] % 1000 // 10}'
        )
    lines += [f'- At the start: {r["clocks"]}'] * bool(r['clocks'])
    for name, told in r['engines'].items():
        lines.append(f'- {name}: {told.get("about") or "left out: " + told["failed"]}')
    return lines + [f'- {note}' for note in r['notes']]


def verdict(r):
    """Return in a few lines what came of it."""
    lines = [] if not r['is_rehearsal'] else [REHEARSAL, '']
    if r['tests']:
        counts = outcomes(r)
        told = ', '.join(f'{counts[o]} {o}' for o in ('passed', 'failed', 'skipped'))
        lines.append(f'- Tests: {told} (pytest: {r["tests"]["ended"]}).')
    for name in r['engines']:
        ran = [c['engines'][name] for c in r['cells'] if 'steps_ms' in c['engines'].get(name, {})]
        lines.append(f'- {name}: {executed(name, ran, r)}.')
    return lines


def executed(name, ran, r):
    if not ran:
        reasons = [told_of(c, name) for c in r['cells'] if name in c['engines']]
        reason = r['engines'][name].get('failed') or next(iter(reasons), 'not reached')
        return f'executed nothing ({reason})'
    least = min(min(reply['agreement']) for reply in ran)
    return (
        f'executed {len(ran)} of {len(r["cells"])} cases; at least {100 * least:.2f} % of the '
        'pixels have the class that ONNX Runtime gives on the CPU'
    )


def told_of(cell, name):
    return cell['engines'][name].get('failed', '')


def has_failed(r):
    """Return whether a test failed, did not run to its end, or nothing was timed."""
    timed = any('steps_ms' in e for c in r['cells'] for e in c['engines'].values())
    return r['tests']['ended'] != 'status 0' or bool(outcomes(r)['failed']) or not timed


def outcomes(r):
    return Counter(test['outcome'] for test in r['tests'].get('tests', ()))


def tests(r):
    if not r['tests']:
        return []
    names = {}
    for test in r['tests']['tests']:
        if test['outcome'] != 'passed':
            # A fixture fails or skips many tests for one reason.
            names.setdefault((test['outcome'], cell_of(test['reason'])), []).append(test['test'])
    rows = [
        (of[0] + (f' and {len(of) - 1} more' if len(of) > 1 else ''), outcome, reason)
        for (outcome, reason), of in names.items()
    ]
    return table(('test', 'outcome', 'reason'), rows) if rows else ['All passed.']


def cell_of(text):
    """Return a text that does not end its cell of a table."""
    return text.replace('|', '/')


def limits(r):
    peaks = [
        (precision, f'{told["tflop_per_s"]:.1f}' if 'tflop_per_s' in told else told['failed'])
        for precision, told in r['peaks'].items()
    ]
    copies = []
    for entry in r['copies']:
        case = (f'{entry["width"]}x{entry["height"]}', entry['num_images'])
        if 'steps_ms' not in entry:
            copies.append((*case, entry['failed'], ''))
            continue
        into, _, out = percentiles(entry['steps_ms'], 50)
        num_bytes = entry['num_images'] * entry['height'] * entry['width'] * 3
        copies.append((*case, f'{into:.3f} ({num_bytes / into / 1e6:.1f} GB/s)', f'{out:.3f}'))
    if not peaks:
        return []
    return [
        'Products of random matrices by torch, 8192 on a side; a frame copied in and out, and not',
        'computed, by the buffers of the package (p50).',
        '',
        *table(('matrix product', 'TFLOP/s'), peaks),
        '',
        *table(('frame', 'batch', 'copy in ms', 'copy out ms'), copies),
    ]


def built(r):
    rows = []
    for cell in r['cells']:
        for name, reply in cell['engines'].items():
            b = reply.get('build')
            if b:
                memory = b['device_memory_bytes']
                rows.append(
                    (
                        cell['network'], cell['precision'], cell['num_images'], name,
                        f'{b["build_s"]:.1f}', f'{b["engine_bytes"] / 1e6:.1f}',
                        f'{b["network_layers"]} to {b["layers"] or "unknown"}',
                        'unknown' if memory is None else f'{memory / 1e6:.0f}',
                    )
                )  # fmt: skip
    columns = ('network', 'precision', 'batch up to', 'flavour', 'build s', 'engine MB',
               'layers, fused', 'MB on the GPU by its reckoning')  # fmt: skip
    return table(columns, rows) if rows else []

"""The page's sections on where a mask's time goes: stages of the node, and the bare transport."""

from __future__ import annotations

import numpy as np

PIXELS = 1280 * 720

#: The first frames of a run, which are not counted.
WARM_UP_FRAMES = 20


def stages(r):
    return [
        'Medians of a node with stopwatches, and what the machine would need at best: the bytes',
        'that must be moved at the measured copying speed, the network at the measured peak.',
        '',
        *table(('stage', 'ms', 'share', 'floor ms'), stage_rows(r)),
        '',
        'With the overlay read as well: '
        f'making it {stage_ms(r, "make overlay"):.2f} ms, '
        f'publishing it {stage_ms(r, "publish overlay"):.2f} ms, after the mask is out. '
        'Our own work is all that the worker does from taking a frame to the end of its last '
        'publication, less the engine and the calls of publish.',
    ]


def stage_rows(r):
    outcome = r.stages[('mask',)]
    size = r.contract.input_size
    total_ms = ms(outcome.mask_s, 50)
    touched = 2 * size.height * 1280 * 4 + size.height * size.width * 3
    sent_ms = ms(outcome.publish_s[WARM_UP_FRAMES:], 50)
    named = (
        (
            f"receive: DDS and rclpy, {sent_ms:.2f} of it the camera's publish",
            'receive',
            4 * PIXELS,
        ),
        ('wait for the worker', 'wait for the worker', None),
        ('decode and resize', 'decode and resize', touched),
        ('infer', 'infer', None),
        ('enlarge, into the message', 'make mask', PIXELS),
        ('publish', 'publish mask', PIXELS),
    )
    rows = []
    for text, stage, num_bytes in named:
        floor_ms = num_bytes / r.copy_gb_per_s / 1e6 if num_bytes else None
        if stage == 'infer':
            floor_ms = r.gflop / list(r.peak_gflop_per_s.values())[-1] * 1e3
        rows.append((text, stage_ms(r, stage, ('mask',)), floor_ms))
    published_ms = stage_ms(r, 'stamp to published', ('mask',))
    rows.append(('between the stages', published_ms - sum(x[1] for x in rows), None))
    rows.append(('on to the reader: DDS and rclpy', total_ms - published_ms, None))
    rows.append(('stamp to mask', total_ms, None))
    return [
        (text, f'{t:.2f}', f'{100 * t / total_ms:.0f} %', '' if f is None else f'{f:.2f}')
        for text, t, f in rows
    ]


def transport(r):
    _, one, _ = r.cameras[0]
    rows = [
        (
            text,
            f'{num_bytes / 1e6:.1f}',
            f'{ms(t.publish_s[WARM_UP_FRAMES:], 50):.2f}',
            ' / '.join(f'{ms(t.reader_s, p):.2f}' for p in (50, 95)),
        )
        for text, num_bytes, t in (
            ("the camera's image, bgra8", 4 * PIXELS, r.transports['bgra8']),
            ('an image as large as the mask, mono8', PIXELS, r.transports['mono8']),
        )
    ]
    least_ms = one.engine_ms() + transport_ms(r)
    return [
        'From the camera process straight to a reader process, measured just before the one',
        'camera of the first table: what DDS and rclpy take on both sides, whatever is between.',
        '',
        *table(('image', 'MB', 'publish ms', 'stamp to reader ms p50 / p95'), rows),
        '',
        f'The engine and both transports together take {least_ms:.1f} ms; stamp to mask is '
        f'{ms(one.mask_s, 50) / least_ms:.2f} times that.',
    ]


def transport_ms(r):
    return sum(ms(t.reader_s, 50) for t in r.transports.values())


def stage_ms(r, stage, outputs=('mask', 'overlay')):
    return ms(r.stages[outputs].stopwatch['durations_s'][stage][WARM_UP_FRAMES:], 50)


def ms(durations_s, percent):
    return float(np.percentile(durations_s, percent)) * 1e3


def table(columns, rows):
    lines = [columns, ['---'] * len(columns), *rows]
    return ['| ' + ' | '.join(str(cell) for cell in line) + ' |' for line in lines]

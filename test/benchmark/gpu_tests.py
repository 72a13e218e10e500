"""
Runs the tests that need a GPU, and keeps what came of each as it ends, whatever ends the rest.

It is pytest's plugin as well: in that process every outcome becomes a line of a file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: Where the plugin writes to.
OUTCOMES = 'UNET_SEG_GPU_OUTCOMES'

#: Where there is no ROS, the folders whose tests need none, and pytest's options without it.
WITHOUT_ROS = (
    '--override-ini=addopts=--strict-markers --import-mode=importlib',
    'test/gpu',
    'test/contract',
)


def pytest_runtest_logreport(report):
    if report.when != 'call' and report.outcome == 'passed':
        return
    reason = ''
    if report.outcome == 'failed':
        crash = getattr(report.longrepr, 'reprcrash', None)
        reason = crash.message if crash else str(report.longrepr)
    elif report.outcome == 'skipped':
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    told = {
        'test': report.nodeid,
        'outcome': report.outcome,
        'seconds': report.duration,
        'reason': ' '.join(str(reason).replace(f'{ROOT}/', '').split())[:400],
    }
    with Path(os.environ[OUTCOMES]).open('a') as file:
        file.write(json.dumps(told) + '\n')


def run(folder, seconds):
    """Return the outcome of each test, and how pytest ended; the log lies in the folder."""
    outcomes = folder / 'tests.jsonl'
    outcomes.unlink(missing_ok=True)
    places = [] if find_spec('rclpy') else WITHOUT_ROS
    command = [sys.executable, '-m', 'pytest', '-m', 'gpu', '-p', 'gpu_tests', '-v', *places]
    path = os.pathsep.join(
        [str(ROOT), str(Path(__file__).parent), os.environ.get('PYTHONPATH', '')]
    )
    with (folder / 'tests.log').open('w') as log:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, 'PYTHONPATH': path, OUTCOMES: str(outcomes)},
        )
        try:
            ended = f'status {process.wait(seconds)}'
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            ended = f'stopped after {seconds:.0f} s'
    lines = outcomes.read_text().splitlines() if outcomes.is_file() else []
    return {'ended': ended, 'tests': [json.loads(line) for line in lines]}

"""
Checks everything on a machine with a GPU and measures it: tests, engines beside each other, page.

Needs an NVIDIA driver, this package's requirements, the extra `training`, pytest, pytest-timeout
and cuda-bindings; TensorRT, TensorRT-RTX and onnxruntime-gpu as far as they are there. Where
nothing can be installed, carry the wheels that are missing there, and call
``PYTHONPATH=. python3 test/benchmark/gpu_check.py``. What is not there, fails or is not reached in
the time costs its own rows alone.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import gpu_page
import gpu_tests
from gpu_cells import plan, rehearsal_plan
from gpu_engines import ENGINES
from gpu_limits import LIMITS, PRECISIONS
from gpu_process import HERE, ROOT, Side, environment

from unet_seg_ros.core.class_sets import ROAD_CLASSES
from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.inference.tensorrt.probe import find_gpu

#: At most so much of the time for the tests, and for the model files that are made beside them.
SHARE_OF_TESTS = 0.4

#: For one answer; building with TensorRT 10 takes the longest.
PATIENCE_S = 150

#: After so many failures without a success an engine is not asked any more.
MAX_FAILURES = 3


class Check:
    """One run of everything; `results` is complete after every step, as far as it came."""

    def __init__(self, options, folder, logs):
        self._options = options
        self._folder = folder
        self._logs = logs
        self._end = time.monotonic() + 60 * options.minutes
        self._cells = rehearsal_plan() if options.rehearse else plan()
        self._models = options.models or folder / 'models'
        self.results = gpu_page.describe(options.rehearse, options.gpu)
        self.results |= {'tests': {}, 'engines': {}, 'peaks': {}, 'copies': [], 'cells': []}

    def left_s(self):
        return self._end - time.monotonic()

    def run(self):
        """Take all steps; write after each."""
        with ExitStack() as resources:
            maker = self._start_maker()
            resources.callback(stop, maker)
            self._test_beside(maker)
            self._measure_limits()
            self._measure_cells(self._open_sides(resources))

    def _test_beside(self, maker):
        """Let the tests use the GPU while the CPU makes the model files; then both are done."""
        share_s = SHARE_OF_TESTS * self.left_s()
        end = time.monotonic() + share_s
        self._note('tests')
        self.results['tests'] = gpu_tests.run(self._logs, share_s)
        self._write()
        self._note('model files')
        try:
            maker.wait(max(end - time.monotonic(), 1))
        except subprocess.TimeoutExpired:
            self.results['notes'].append('not all model files were made in time')
            stop(maker)

    def _start_maker(self):
        command = [sys.executable, HERE / 'gpu_models.py', self._models]
        command += ['--rehearse'] * self._options.rehearse
        # A GPU would be taken from the tests, and is not needed.
        hidden = {**environment(), 'CUDA_VISIBLE_DEVICES': ''}
        with (self._logs / 'models.log').open('w') as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=hidden)

    def _side(self, name):
        arguments = [f'--engines={self._folder / "engines"}', f'--gpu={self._options.gpu}']
        arguments += ['--on-cpu', '--seconds=0.1'] * self._options.rehearse
        return Side(name, arguments, self._logs)

    def _measure_limits(self):
        """Measure what the GPU could do at best, in a process that is then ended."""
        side = self._side(LIMITS)
        self._note('limits')
        for precision in PRECISIONS:
            request = {'do': 'peak', 'precision': precision}
            self.results['peaks'][precision] = self._ask(side, request)
        for size, num_images in dict.fromkeys((c.size, c.num_images) for c in self._cells):
            form = {**size._asdict(), 'num_images': num_images}
            groups = {'num_groups': len(ROAD_CLASSES.groups)}
            reply = self._ask(side, {'do': 'copies', **form, **groups})
            self.results['copies'].append({**form, **reply})
        side.close()
        self._write()

    def _open_sides(self, resources):
        sides = []
        for name in ENGINES:
            side = self._side(name)
            resources.callback(side.close)
            self.results['engines'][name] = told = self._ask(side, {'do': 'about'})
            if 'failed' not in told:
                sides.append(side)
        self._write()
        return sides

    def _measure_cells(self, sides):
        failures = dict.fromkeys(ENGINES, 0)
        for cell in self._cells:
            model = self._models / cell.file_name
            facts = model.with_suffix('.json')
            entry = {**asdict(cell), 'network': cell.network, 'engines': {}}
            entry['size'] = cell.size._asdict()
            self.results['cells'].append(entry)
            if not facts.is_file():
                entry['failed'] = 'its model file could not be made'
                continue
            if self.left_s() < 5:
                entry['failed'] = 'not reached in the time'
                continue
            entry |= json.loads(facts.read_text())
            self._note(cell.name)
            request = {'do': 'cell', 'model': str(model), 'num_images': cell.num_images}
            for side in sides:
                entry['engines'][side.name] = self._ask_unless_hopeless(side, request, failures)
            self._write()

    def _ask_unless_hopeless(self, side, request, failures):
        """Return the answer; `failures` counts those in a row of each side."""
        if failures[side.name] >= MAX_FAILURES:
            return {'failed': f'not asked after {MAX_FAILURES} failures in a row'}
        reply = self._ask(side, request)
        is_failure = 'failed' in reply and 'build' not in reply and 'refused' not in reply
        failures[side.name] = failures[side.name] + 1 if is_failure else 0
        return reply

    def _ask(self, side, request):
        if self.left_s() < 5:
            return {'failed': 'not reached in the time'}
        return side.ask(request, min(PATIENCE_S, self.left_s()))

    def _write(self):
        results, options = self.results, self._options
        options.raw.parent.mkdir(parents=True, exist_ok=True)
        replace(options.raw, json.dumps(results))
        options.output.parent.mkdir(parents=True, exist_ok=True)
        before = options.output.read_text() if options.output.is_file() else ''
        replace(options.output, gpu_page.write(results, before))

    def _note(self, text):
        print(f'{text} ({self.left_s():.0f} s left)', flush=True)


def stop(process):
    process.kill()
    process.wait()


def replace(path, text):
    part = path.with_name(f'.{path.name}.part')
    part.write_text(text)
    part.replace(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', type=Path, help='page, default docs/gpu_benchmark.md')
    parser.add_argument('--raw', type=Path, help='all figures, default out/gpu_check.json')
    parser.add_argument('--minutes', type=float, default=12.0, help='for all of it')
    parser.add_argument('--gpu', type=int, default=0, help='as CUDA counts')
    parser.add_argument('--models', type=Path, help='folder in which model files are kept')
    parser.add_argument(
        '--rehearse', action='store_true', help='all steps on the CPU, to find mistakes in them'
    )
    options = parser.parse_args()
    docs = ROOT / 'docs'
    options.raw = options.raw or ROOT / 'out' / 'gpu_check.json'
    rehearsed = ROOT / 'out' / 'gpu_rehearsal.md'
    options.output = options.output or (
        rehearsed if options.rehearse else docs / 'gpu_benchmark.md'
    )
    if options.rehearse and docs in options.output.resolve().parents:
        raise SystemExit(f'--output {options.output}: a rehearsal does not belong into docs')
    try:
        if not options.rehearse:
            find_gpu(options.gpu)
    except EngineError as e:
        raise SystemExit(str(e)) from e
    logs = options.raw.parent / 'gpu_check'
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as name:
        check = Check(options, Path(name), logs)
        check.run()
    print(f'wrote {options.output} and {options.raw}; logs lie in {logs}')
    print('\n'.join(gpu_page.verdict(check.results)))
    sys.exit(gpu_page.has_failed(check.results))


if __name__ == '__main__':
    main()

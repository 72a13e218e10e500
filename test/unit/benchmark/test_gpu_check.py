"""The check of a GPU: what it does when parts fail, and what it calls, in which order."""

import sys
from contextlib import ExitStack

import gpu_page
import gpu_tests
import numpy as np
import pytest
from gpu_cells import Cell, plan
from gpu_engine_tables import network
from gpu_engines import TensorRtModel
from gpu_peers import output_shapes
from gpu_process import Side
from gpu_timing import Frames, HostClock
from support.device_stand_ins import StandInDevice, StandInTensorRt
from support.known_model import known_contract

from unet_seg_ros.core.backend import Watch
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.inference.tensorrt.engine import LoadedEngine

CONTRACT = known_contract(ImageSize(32, 64))

#: A process that answers a question, one that dies of it, and one that says nothing.
PEER = """
import json, os, signal, sys, time
for line in sys.stdin:
    do = json.loads(line)['do']
    if do == 'die':
        os.kill(os.getpid(), signal.SIGSEGV)
    if do == 'hang':
        time.sleep(60)
    print(json.dumps({'done': do}), flush=True)
"""


@pytest.fixture
def side(tmp_path):
    side = Side('peer', [], tmp_path)
    side._command = [sys.executable, '-c', PEER]
    yield side
    side.close()


def results(gpu: str, cells=()) -> dict:
    return {
        'is_rehearsal': False,
        'date': '2026-01-02',
        'python': '3.12',
        'clocks': '',
        'notes': [],
        'gpu': {
            'name': gpu,
            'compute_capability': [9, 0],
            'memory_bytes': 1 << 30,
            'driver': '580.1',
            'cuda': 13000,
        },
        'tests': {'ended': 'status 0', 'tests': []},
        'engines': {'tensorrt': {'about': 'tensorrt 11.0'}, 'torch': {'failed': 'not there'}},
        'peaks': {'fp16': {'tflop_per_s': 100.0}},
        'copies': [],
        'cells': list(cells),
    }


def timed(run_ms: float) -> dict:
    return {
        'agreement': [1.0, 0.5],
        'ready_s': 1.0,
        'whole_ms': [run_ms + 3] * 3,
        'steps_ms': [[1.0, run_ms, 2.0]] * 3,
        'memory_bytes': 1_000_000,
        'notes': [],
    }


def cell(**engines) -> dict:
    about = {'base_channels': 16, 'network': 'net', 'precision': 'fp16', 'num_images': 2}
    return {**about, 'gflop': 100.0, 'engines': engines}


def test_what_fails_costs_its_own_answer_alone(side):
    assert side.ask({'do': 'a'}, 30) == {'done': 'a'}
    assert side.ask({'do': 'die'}, 30) == {'failed': 'its process died by SIGSEGV'}
    assert side.ask({'do': 'b'}, 30) == {'done': 'b'}
    assert side.ask({'do': 'hang'}, 1) == {'failed': 'no answer within 1 s'}
    assert side.ask({'do': 'c'}, 30) == {'done': 'c'}


def test_every_case_is_there_once_and_what_is_deployed_comes_first():
    cells = plan()
    assert len(set(cells)) == len(cells) == 3 * 2 * 2 * 3
    assert cells[0] == Cell(32, ImageSize(256, 512), 1, 'fp16')


def test_a_run_replaces_the_section_of_its_gpu_alone():
    page = gpu_page.write(results('B'), gpu_page.write(results('A')))
    assert [line for line in page.splitlines() if line.startswith('## ')] == ['## A', '## B']
    newer = {**results('A'), 'date': '2027-01-01'}
    page = gpu_page.write(newer, page)
    assert page.count('## A') == page.count('## B') == page.count('2027-01-01') == 1
    assert page.count('2026-01-02') == 1
    assert gpu_page.write(newer, page) == page


def test_a_row_sets_an_engine_against_peak_and_torch():
    both = cell(tensorrt=timed(4.0), torch=timed(10.0))
    row = network(results('A', [both]), 'net')[2].split(' | ')
    # 2 x 100 GFLOP in 4 ms are 50 TFLOP/s, half of the peak; torch needs 2.5 times as long.
    assert row[3:8] == ['1.000', '4.000 / 4.000', '2.000', '7.000 / 7.000', '50']
    assert row[8:11] == ['50 %', '2.50', '']
    assert row[11] == '50.00 %', 'the worst image counts'


def test_what_has_no_row_has_a_reason():
    lines = network(results('A', [cell(tensorrt={'failed': 'no'})]), 'net')
    assert lines == ['- fp16, batch 2: tensorrt: no row: no']


def test_a_rehearsal_says_so_on_every_table():
    r = {**results('REHEARSAL', [cell(torch=timed(1.0))]), 'is_rehearsal': True}
    parts = gpu_page.section(r).split('### ')[1:]
    assert sum('| --- |' in part for part in parts) >= 2
    assert all(gpu_page.REHEARSAL in part for part in parts if '| --- |' in part)


@pytest.mark.parametrize(
    ('change', 'has_failed'),
    [
        ({}, False),
        ({'tests': {'ended': 'stopped after 9 s', 'tests': []}}, True),
        ({'tests': {'ended': 'status 1', 'tests': []}}, True),
        ({'cells': [cell(tensorrt={'failed': 'no'})]}, True),
    ],
)
def test_it_fails_with_a_test_or_if_nothing_ran(change, has_failed):
    r = {**results('A', [cell(tensorrt=timed(1.0))]), **change}
    assert gpu_page.has_failed(r) is has_failed


def test_frames_use_the_buffers_in_order_and_give_all_of_them_back():
    # The stand-ins execute nothing; what is seen is the order of calls.
    device = StandInDevice()
    with ExitStack() as resources:
        engine = LoadedEngine(StandInTensorRt(device), b'plan', Watch())
        resources.callback(engine.close)
        opened = TensorRtModel(engine, 2, device, resources)
        images = np.zeros((2, 32, 64, 3), np.uint8)
        clock = HostClock(opened.stream)
        frames = Frames(device, opened, images, output_shapes(CONTRACT, 2), clock)
        resources.callback(frames.close)
        device.calls.clear()
        class_ids, _, steps_ms = frames.pass_one()
        assert class_ids.shape == (2, 32, 64)
        assert len(steps_ms) == 3
        names = [call[0] for call in device.calls]
        assert names == ['copy_in', 'launch', *['copy_out'] * 3, 'synchronize']
        (graph,) = device.graphs.values()
        assert graph == [('run', 2, opened.stream)], 'the run alone is in the graph'
    assert not device.live


def test_outcomes_are_kept_as_each_test_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_tests, 'ROOT', tmp_path)
    monkeypatch.setattr(gpu_tests, 'WITHOUT_ROS', ['-p', 'no:cacheprovider'])
    monkeypatch.setattr(gpu_tests, 'find_spec', lambda name: None)
    (tmp_path / 'pytest.ini').write_text('[pytest]\nmarkers = gpu\n')
    (tmp_path / 'test_some.py').write_text(
        'import os, pytest\n'
        'pytestmark = pytest.mark.gpu\n'
        'def test_a(): pass\n'
        'def test_b(): assert 1 == 2\n'
        'def test_c(): pytest.skip("not this card")\n'
        'def test_d(): os.abort()\n'
        'def test_e(): pass\n'
    )
    found = gpu_tests.run(tmp_path, 60)
    assert found['ended'] == 'status -6'
    told = [(t['test'][-1], t['outcome'], t['reason']) for t in found['tests']]
    assert told == [
        ('a', 'passed', ''),
        ('b', 'failed', 'assert 1 == 2'),
        ('c', 'skipped', 'Skipped: not this card'),
    ]

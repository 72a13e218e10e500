"""What a run asks of the device: order, sizes, addresses, release. Stand-ins execute nothing."""

from __future__ import annotations

import threading
import weakref

import numpy as np
import pytest
from support.device_stand_ins import REFUSED, StandInDevice, StandInTensorRt

from unet_seg_ros.core.backend import Watch
from unet_seg_ros.core.errors import EngineError, LostGpuError
from unet_seg_ros.inference.tensorrt.engine import LoadedEngine
from unet_seg_ros.inference.tensorrt.runner import EngineRunner

MAX_BATCH = 3
#: Bytes of one image, and of what the network says of it.
IN, OUT = 32 * 64 * 3, (32 * 64, 8 * 16, 8 * 16)


class Lines(Watch):
    def __init__(self):
        self.lines = []
        self.stop = False

    def say(self, line):
        self.lines.append(line)

    def is_stopped(self):
        return self.stop


@pytest.fixture
def device():
    return StandInDevice()


@pytest.fixture
def trt(device):
    return StandInTensorRt(device)


@pytest.fixture
def watch():
    return Lines()


@pytest.fixture
def engine(trt, watch):
    return LoadedEngine(trt, b'plan', watch)


@pytest.fixture
def runner(device, engine, watch):
    return EngineRunner(device, engine, MAX_BATCH, watch)


def images(num):
    return np.full((num, 32, 64, 3), num, np.uint8)


def names(calls):
    return [call[0] for call in calls]


def test_buffers_are_made_once_and_for_the_largest_batch(device, runner):
    made = [call for call in device.calls if call[0].startswith(('new', 'allocate'))]
    sizes = [MAX_BATCH * size for size in (IN, *OUT)]
    assert made == [
        ('new_stream',),
        ('allocate', 4096),
        *(c for size in sizes for c in (('allocate', size), ('allocate_host', size))),
    ]
    device.calls.clear()
    for num in (1, 3, 2, 1):
        runner.run(images(num))
    assert not any(name.startswith(('new', 'allocate')) for name in names(device.calls))


def test_a_new_size_is_run_then_captured_then_launched(device, runner):
    device.calls.clear()
    runner.run(images(2))
    assert names(device.calls) == [
        'select',
        *('copy_in', 'run', 'copy_out', 'copy_out', 'copy_out', 'synchronize'),
        *('capture', 'launch', 'synchronize'),
    ]
    device.calls.clear()
    runner.run(images(2))
    assert names(device.calls) == ['select', 'launch', 'synchronize']


def test_a_graph_holds_the_whole_frame_of_its_own_size_and_context(device, trt, runner):
    for num in (1, 3, 1, 3):
        runner.run(images(num))
    (stream,) = [handle for handle, (kind, _) in device.live.items() if kind == 'stream']
    assert len(device.graphs) == len(trt.contexts) == 2
    for num, graph, context in zip((1, 3), device.graphs.values(), trt.contexts, strict=True):
        at = context.addresses
        assert context.shape == (num, 32, 64, 3)
        assert graph == [
            ('copy_in', at['image'], num * IN, stream),
            ('run', num, stream),
            ('copy_out', at['class_ids'], num * OUT[0], stream),
            ('copy_out', at['confidence'], num * OUT[1], stream),
            ('copy_out', at['group_probability'], num * OUT[2], stream),
        ]
    launched = [call[1] for call in device.calls if call[0] == 'launch']
    one, three = device.graphs
    assert launched == [one, three, one, three]


def test_contexts_share_one_memory_for_activations_and_the_buffers(device, trt, runner):
    runner.run(images(1))
    runner.run(images(2))
    first, second = trt.contexts
    assert first.memory == second.memory
    assert device.live[first.memory[0]] == ('device', first.memory[1])
    assert first.addresses == second.addresses
    assert len({first.memory[0], *first.addresses.values()}) == 5


def test_answers_have_the_batch_s_shape_and_are_the_callers_own(runner):
    first = runner.run(images(2))
    assert first.class_ids.shape == (2, 32, 64)
    assert first.confidence.shape == (2, 8, 16)
    assert first.group_probability.shape == (2, 1, 8, 16)
    for array in (first.class_ids, first.confidence, first.group_probability):
        assert array.flags.owndata


def test_the_device_is_selected_in_the_thread_that_runs(device, runner):
    threads = []
    device.select = lambda: threads.append(threading.current_thread())
    thread = threading.Thread(target=runner.run, args=(images(1),))
    thread.start()
    thread.join()
    assert threads == [thread]


def test_warm_up_runs_every_size_once(device, runner):
    runner.warm_up()
    assert [c[1] for c in device.calls if c[0] == 'run'] == [1, 2, 3]
    assert len(device.graphs) == 3


def test_warm_up_can_be_stopped(runner, watch):
    watch.stop = True
    with pytest.raises(EngineError, match='stopped'):
        runner.warm_up()


def test_without_a_graph_frames_are_run_call_by_call_which_is_said_once(device, runner, watch):
    device.failing['capture'] = REFUSED
    for num in (1, 2, 1):
        device.calls.clear()
        runner.run(images(num))
    assert names(device.calls) == [
        *('select', 'copy_in', 'run', 'copy_out', 'copy_out', 'copy_out', 'synchronize')
    ]
    (line,) = watch.lines
    assert 'no CUDA graph' in line
    assert str(REFUSED) in line


def test_an_engine_that_captures_itself_is_run_call_by_call(device, engine, watch):
    engine.is_capturable = False
    runner = EngineRunner(device, engine, MAX_BATCH, watch)
    runner.run(images(1))
    runner.run(images(1))
    assert not device.graphs
    assert names(device.calls).count('run') == 3
    assert not watch.lines


def test_all_is_released_newest_first(device, trt, runner, engine):
    runner.run(images(1))
    runner.run(images(2))
    trt.contexts.clear()
    device.calls.clear()
    contexts_gone_at = []
    weakref.finalize(engine._contexts[1], lambda: contexts_gone_at.append(len(device.calls)))
    runner.close()
    engine.close()
    freed = names(device.calls)
    assert freed == [
        'select',
        *['free_graph'] * 2,
        *['free_host', 'free_device'] * 4,
        'free_device',
        'free_stream',
    ]
    assert contexts_gone_at == [3]
    assert not device.live
    assert trt.released == ['context', 'context', 'engine', 'runtime']


@pytest.mark.parametrize('step', ['new_stream', 'allocate', 'allocate_host'])
def test_what_was_made_before_a_failure_is_released(device, engine, watch, step):
    make = getattr(device, step)
    calls = []

    def fail_later(*arguments):
        calls.append(arguments)
        if len(calls) == 3 or step == 'new_stream':
            raise REFUSED
        return make(*arguments)

    setattr(device, step, fail_later)
    with pytest.raises(EngineError, match='refused'):
        EngineRunner(device, engine, MAX_BATCH, watch)
    assert not device.live


def test_a_run_that_tensorrt_refuses_is_one_line_and_the_next_one_works(trt, device, runner):
    runner.run(images(1))
    trt.answers['execute_async_v3'] = False
    with pytest.raises(EngineError, match=r'stand_in failed to run: the reason in two lines$'):
        runner.run(images(2))
    assert device.calls[-1][0] == 'synchronize'
    del trt.answers['execute_async_v3']
    assert runner.run(images(2)).class_ids.shape == (2, 32, 64)


def test_a_lost_device_is_told_from_a_run_that_was_refused(trt, device, runner):
    trt.answers['execute_async_v3'] = False
    device.failing['synchronize'] = LostGpuError('GPU 0: lost')
    with pytest.raises(LostGpuError, match='lost'):
        runner.run(images(1))


@pytest.mark.parametrize('step', ['copy_in', 'capture', 'launch', 'synchronize'])
def test_closing_after_a_fault_releases_all_without_a_word(trt, device, runner, step):
    fault = LostGpuError('GPU 0: lost')
    device.failing[step] = fault
    with pytest.raises(LostGpuError, match='lost'):
        runner.run(images(1))
    device.failing['select'] = fault
    runner.close()
    assert not device.live


def test_an_error_that_is_still_handled_keeps_nothing_alive(trt, runner):
    trt.answers['execute_async_v3'] = False
    trt.device.failing['synchronize'] = LostGpuError('GPU 0: lost')
    try:
        runner.run(images(1))
    except LostGpuError:
        trt.contexts.clear()
        runner.close()
        assert trt.released == ['context']
    else:
        pytest.fail('no fault')


@pytest.mark.parametrize(
    ('answer', 'words'),
    [
        ('create_execution_context', 'made no execution context'),
        ('set_tensor_address', 'refuses a buffer of image'),
        ('set_input_shape', 'refuses a batch of 2'),
    ],
)
def test_what_tensorrt_refuses_is_an_engine_error(trt, runner, answer, words):
    trt.answers[answer] = False
    with pytest.raises(EngineError, match=words):
        runner.run(images(2))


def test_a_plan_that_tensorrt_refuses_is_an_engine_error(trt, watch):
    with pytest.raises(EngineError, match='stand_in cannot load the engine'):
        LoadedEngine(trt, b'no plan', watch)
    assert trt.released == ['runtime']


def test_an_engine_of_other_tensors_is_refused_with_those_it_has(trt, device, engine, watch):
    trt.tensors['mask'] = trt.tensors.pop('class_ids')
    other = LoadedEngine(trt, b'plan', watch)
    with pytest.raises(EngineError, match='mask'):
        EngineRunner(device, other, MAX_BATCH, watch)
    assert not device.live

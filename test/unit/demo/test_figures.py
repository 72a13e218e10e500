"""Figures of made-up runs whose results are known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.known_model import known_contract

from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.demo.figures import Figures, figures, table
from unet_seg_ros.demo.processes import ProcessError
from unet_seg_ros.demo.session import Traces

MS = 1_000_000
CONTRACT = known_contract(ImageSize(32, 64))
NODE = {
    **{name: '0' for name in ('refused', 'failed', 'unwatched')},
    **{'received': '5', 'segmented': '4', 'dropped': '1'},
    **{'engine_ms_p50': '5.00', 'engine_ms_p95': '6.00', 'engine_ms_p99': '7.00'},
}
ENGINE = {'backend': 'openvino', 'precision': 'fp32', 'model': 'known', 'input_size': '64x32'}
# Truth by rows, prediction by columns, the last one for no class.
CONFUSION = [[6, 0, 2, 0, 0], [0, 1, 3, 0, 0], [1, 0, 9, 0, 0], [0, 0, 0, 0, 0]]


def run(masks: list[tuple[int, int]], **observed: object) -> Traces:
    """Return a run of five frames, sent every 50 ms."""
    sent = [(i, 1000 * MS + i * 50 * MS) for i in range(5)]
    data = {
        'masks': masks,
        'diagnostics': {'segmentation_node: engine': ENGINE, 'segmentation_node: front': NODE},
        'confusion': CONFUSION,
        'num_scored': 4,
        **observed,
    }
    return Traces(sent, data, Path())


def result(unscored: str = '') -> Figures:
    # Frame 3 is lost; the others take 10, 10, 10 and 30 ms.
    masks = [
        (i, 1000 * MS + i * 50 * MS + d * MS) for i, d in ((0, 10), (1, 10), (2, 10), (4, 30))
    ]
    return figures(run(masks), 'front', CONTRACT, unscored)


def test_frames_are_counted_and_timed():
    f = result()
    assert (f.num_sent, f.num_segmented, f.num_dropped) == (5, 4, 1)
    assert f.sent_hz == pytest.approx(20.0)
    assert f.segmented_hz == pytest.approx(3 / 0.22)
    assert f.latency_ms == {'p50': 10.0, 'p95': 27.0, 'p99': 29.4}
    assert f.engine_ms == {'p50': 5.0, 'p95': 6.0, 'p99': 7.0}
    assert f.node['dropped'] == 1
    assert f.engine == ENGINE


def test_scores_follow_from_the_counts():
    scores = result().scores
    assert scores.iou['other'] == pytest.approx(6 / 9)
    assert scores.iou['roadline'] == pytest.approx(1 / 4)
    assert scores.iou['road'] == pytest.approx(9 / 15)
    assert scores.drivable_iou == pytest.approx(13 / 16)
    assert scores.num_frames == 4


def test_what_was_not_scored_is_said_and_not_made_up():
    f = result(unscored='the recording is played without labels')
    assert f.scores is None
    assert ('IoU', 'none: the recording is played without labels') in f.rows()
    assert not any(name.startswith('IoU ') for name, _ in f.rows())


def test_drops_stand_in_the_table():
    rows = dict(result().rows())
    assert rows['frames sent'] == '5 at 20.0 Hz'
    assert rows['frames dropped'] == '1'
    assert rows['stamp to mask'] == 'p50 10.0, p95 27.0, p99 29.4 ms'
    assert rows['engine share'].startswith('50% of stamp to mask')
    assert rows['IoU drivable'] == '0.812'


def test_json_has_no_nan():
    data = json.loads(json.dumps(result().to_dict(), allow_nan=False))
    assert data['scores']['iou']['sidewalk'] is None
    assert data['num_dropped'] == 1


def test_masks_of_frames_that_were_never_sent_do_not_count():
    f = figures(run([(0, 1010 * MS), (99, 1020 * MS)]), 'front', CONTRACT, '')
    assert f.num_segmented == 1


def test_a_single_mask_has_no_rate_but_a_duration():
    f = figures(run([(0, 1010 * MS)]), 'front', CONTRACT, '')
    assert dict(f.rows())['frames segmented'] == '1'
    assert f.duration_s == 1.0
    assert result().duration_s == pytest.approx(4 * 0.22 / 3)


def test_a_run_without_masks_is_a_failure():
    with pytest.raises(ProcessError, match='none of 5 frames came back'):
        figures(run([]), 'front', CONTRACT, '')


def test_a_node_that_says_nothing_of_itself_is_a_failure():
    with pytest.raises(ProcessError, match='no diagnostics of its front'):
        figures(run([(0, 1010 * MS)], diagnostics={}), 'front', CONTRACT, '')


def test_table_is_aligned_text():
    assert table(['a drive'], [('sent', '5'), ('dropped', '10')]) == (
        'a drive\n-----------\nsent     5\ndropped  10'
    )

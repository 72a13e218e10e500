import math

import pytest

from unet_seg_ros.core.statistics import FrameStatistics, percentile_ms


def test_percentiles_are_in_milliseconds():
    assert percentile_ms([0.001, 0.002, 0.003], 50) == pytest.approx(2.0)
    assert math.isnan(percentile_ms([], 50))


def test_counters_by_name():
    statistics = FrameStatistics(received=3, dropped=1)
    assert statistics.counts() == {
        'received': 3,
        'segmented': 0,
        'dropped': 1,
        'refused': 0,
        'failed': 0,
        'unwatched': 0,
        'limited': 0,
        'stale': 0,
    }

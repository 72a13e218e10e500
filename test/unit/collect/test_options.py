"""Numbers that cannot be recorded with."""

from __future__ import annotations

import pytest

from unet_seg_ros.core.errors import ConfigurationError


@pytest.mark.parametrize(
    ('changes', 'line'),
    [
        ({'num_frames': 0}, '--frames 0: give at least 1'),
        ({'every_ticks': 0}, '--every 0: give at least 1'),
        ({'port': 0}, '--port 0: give 1 to 65535'),
        ({'tm_port': 65536}, '--tm-port 65536: give 1 to 65535'),
        ({'fov_deg': 180.0}, '--fov 180: give 10 to 150 degrees'),
    ],
)
def test_numbers_out_of_range_are_refused(make_options, changes, line):
    with pytest.raises(ConfigurationError) as refusal:
        make_options(**changes)
    assert str(refusal.value) == line

"""Types of command-line options."""

from __future__ import annotations

from argparse import ArgumentTypeError

import pytest

from unet_seg_ros.cli.options import image_size, positive_number
from unet_seg_ros.core.size import ImageSize


def test_values_that_can_be_used():
    assert positive_number('2.5') == 2.5
    assert image_size('640x360') == ImageSize(height=360, width=640)


@pytest.mark.parametrize('text', ['0', '-1', 'nan', 'inf', 'fast', ''])
def test_what_is_no_positive_number_is_refused(text):
    with pytest.raises(ArgumentTypeError, match='give a number above 0'):
        positive_number(text)


@pytest.mark.parametrize('text', ['640', '0x5', '640x-2', 'x', '640x360x3'])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ArgumentTypeError, match='WIDTHxHEIGHT'):
        image_size(text)

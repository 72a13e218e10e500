"""Types of command-line options."""

from __future__ import annotations

from argparse import ArgumentTypeError

import pytest

from unet_seg_ros.cli.main import main
from unet_seg_ros.cli.options import image_size, positive_number, topic_name, whole_number
from unet_seg_ros.core.size import ImageSize


def test_values_that_can_be_used():
    assert positive_number('2.5') == 2.5
    assert whole_number('0') == 0
    assert topic_name('front/left_2') == 'front/left_2'
    assert image_size('640x360') == ImageSize(height=360, width=640)


@pytest.mark.parametrize('text', ['0', '-1', 'nan', 'inf', 'fast', ''])
def test_what_is_no_positive_number_is_refused(text):
    with pytest.raises(ArgumentTypeError, match='give a number above 0'):
        positive_number(text)


@pytest.mark.parametrize('text', ['-1', '1.5', 'many', ''])
def test_what_is_no_whole_number_is_refused(text):
    with pytest.raises(ArgumentTypeError, match='give a whole number'):
        whole_number(text)


@pytest.mark.parametrize('text', ['0', 'front-left', 'my car', 'front/', '/front', 'a//b', ''])
def test_what_is_no_topic_name_is_refused(text):
    with pytest.raises(ArgumentTypeError, match='no topic name'):
        topic_name(text)


@pytest.mark.parametrize(
    'arguments',
    [
        ['play', 'folder', '--camera', 'front-left'],
        ['play', 'folder', '--wait-for', '-1'],
        ['drive', '--role', 'my car'],
        ['drive', '--camera', '0'],
        ['drive', '--seed', '-1'],
        ['demo', '--seed', '-1'],
    ],
)
def test_verbs_refuse_what_cannot_work(capsys, arguments):
    with pytest.raises(SystemExit, match='2'):
        main(arguments)
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f'unet-seg {arguments[0]}: error: argument {arguments[-2]}: ')


@pytest.mark.parametrize('text', ['640', '0x5', '640x-2', 'x', '640x360x3'])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ArgumentTypeError, match='WIDTHxHEIGHT'):
        image_size(text)

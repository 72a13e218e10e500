from __future__ import annotations

import pytest

from unet_seg_ros.recordings.sequences import Place, drives, natural_order, place_of


def cut(*names: str) -> list[str]:
    return drives(names, [place_of(name) for name in names])


def test_two_comes_before_ten():
    assert sorted(['10', '2', 'a10', 'a9'], key=natural_order) == ['2', '10', 'a9', 'a10']


@pytest.mark.parametrize(
    ('name', 'place'),
    [
        ('000400', Place('#', 400)),
        ('frame12_v', Place('frame#_v', 12)),
        ('Town10HD_000033_5026200_img', Place('Town#HD_#_#_img', 5026200)),
        ('1700000000.05', Place('#', 1700000000.05)),
        ('start', Place('start', 0)),
    ],
)
def test_the_last_number_is_the_place(name, place):
    assert place_of(name) == place


def test_a_jump_beyond_the_usual_step_is_a_cut():
    assert cut('0', '4', '8', '16', '20') == ['0', '0', '0', '16', '16']


def test_a_step_that_jitters_is_none():
    assert cut('1.00', '1.05', '1.11', '1.15') == ['1.00'] * 4


def test_a_step_back_is_a_cut():
    assert cut('a1_8', 'a1_9', 'a2_1', 'a2_2') == ['a1_8', 'a1_8', 'a2_1', 'a2_1']


def test_other_words_are_another_drive():
    assert cut('noon_1', 'noon_2', 'rain_3', 'rain_4') == ['noon_1'] * 2 + ['rain_3'] * 2


def test_names_without_numbers_of_one_series_are_one_drive():
    places = [Place('', 0.0)] * 3
    assert drives(['a', 'b', 'c'], places) == ['a'] * 3


def test_nothing_has_no_drive():
    assert drives([], []) == []

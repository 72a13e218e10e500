"""The verb collect: its options, and what it needs."""

from __future__ import annotations

from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from unet_seg_ros.cli import collect
from unet_seg_ros.cli.main import main
from unet_seg_ros.collect import session
from unet_seg_ros.collect.options import CollectOptions, Mount
from unet_seg_ros.core.size import ImageSize


@pytest.fixture
def given(monkeypatch) -> list[CollectOptions]:
    """Return the list that receives the options, in the place of a recorder."""
    options: list[CollectOptions] = []
    monkeypatch.setattr(collect, 'find_spec', lambda name: object())
    monkeypatch.setattr(session, 'collect', lambda given, tell: options.append(given))
    return options


def test_options_reach_the_recorder(given):
    line = 'collect --host far --port 1 --timeout 2.5 --tm-port 3 --towns Town01 Town02 --append'
    line += ' --weathers random --frames 4 --every 5 --vehicles 6 --walkers 7 --size 640x360'
    line += ' --fov 80 --mount=-1,0.5,2,-5 --seed 8 --output out'
    assert main(line.split()) == 0
    assert given == [
        CollectOptions(
            host='far',
            port=1,
            timeout_s=2.5,
            tm_port=3,
            towns=('Town01', 'Town02'),
            weathers=('random',),
            num_frames=4,
            every_ticks=5,
            num_vehicles=6,
            num_walkers=7,
            size=ImageSize(height=360, width=640),
            fov_deg=80.0,
            mount=Mount(-1.0, 0.5, 2.0, -5.0),
            seed=8,
            output=Path('out'),
            append=True,
        )
    ]


def test_only_the_output_must_be_given(given):
    assert main(['collect', '--output', 'out']) == 0
    assert (given[0].host, given[0].port, given[0].tm_port) == ('localhost', 2000, 8000)
    assert (given[0].towns, given[0].weathers) == ((), ('ClearNoon',))
    assert given[0].mount == Mount(2.0, 0.0, 2.0, 0.0)


@pytest.mark.parametrize('text', ['1,2,3', '1,2,3,4,5', 'a,b,c,d', '1,2,3,nan', ''])
def test_what_is_no_mount_is_refused(text):
    with pytest.raises(ArgumentTypeError, match='give x,y,z,pitch'):
        collect.camera_mount(text)


def test_a_missing_client_library_is_named_with_its_remedy(monkeypatch, capsys):
    monkeypatch.setattr(collect, 'find_spec', lambda name: None)
    assert main(['collect', '--output', 'out']) == 1
    assert capsys.readouterr().err == (
        'unet-seg collect: carla is not installed: '
        "pip install 'unet_seg_ros[carla]' (Python 3.10 to 3.12)\n"
    )


def test_an_interrupted_run_has_status_130(given, monkeypatch, capsys):
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(session, 'collect', interrupt)
    assert main(['collect', '--output', 'out']) == 130
    assert capsys.readouterr().err == 'unet-seg collect: interrupted\n'


def test_the_help_says_what_was_not_verified(capsys):
    with pytest.raises(SystemExit, match='0'):
        main(['collect', '--help'])
    assert 'Not verified against a CARLA server' in ' '.join(capsys.readouterr().out.split())

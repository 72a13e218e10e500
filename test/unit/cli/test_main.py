import importlib

from unet_seg_ros.cli.main import main


def test_a_verb_interrupted_while_it_is_imported_says_so(monkeypatch, capsys):
    def import_module(name: str) -> None:
        assert name == 'unet_seg_ros.cli.engines'
        raise KeyboardInterrupt

    monkeypatch.setattr(importlib, 'import_module', import_module)
    assert main(['engines', '--prune']) == 130
    assert capsys.readouterr().err == 'unet-seg engines: interrupted\n'

"""Which TensorRT is installed, and what is told of one that cannot be imported."""

from __future__ import annotations

import pytest

from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.inference.tensorrt import flavours
from unet_seg_ros.inference.tensorrt.flavours import FLAVOURS, Flavour, choose_flavour


@pytest.fixture
def staged(tmp_path, monkeypatch):
    """Return what stages a module of given source and returns its flavour."""
    monkeypatch.syspath_prepend(tmp_path)

    def stage(name: str, source: str) -> Flavour:
        (tmp_path / name).mkdir()
        (tmp_path / name / '__init__.py').write_text(source)
        return Flavour('fake', (name,), 'buy it')

    return stage


def test_rtx_is_found_and_imported(rtx):
    assert int(rtx.load().__version__.split('.')[0]) >= 1
    assert any(path.suffix == '.so' for path in rtx.files())


def test_the_first_module_that_is_there_is_taken(staged):
    staged('trt_second', '__version__ = "2"')
    flavour = Flavour('fake', ('trt_first', 'trt_second'), 'buy it')
    assert flavour.load().__version__ == '2'
    staged('trt_first', '__version__ = "1"')
    assert flavour.load().__version__ == '1'


def test_one_that_is_not_installed_is_told_with_its_remedy():
    flavour = Flavour('fake', ('there_is_none',), 'buy it')
    assert not flavour.is_installed()
    assert flavour.files() == []
    with pytest.raises(EngineError, match=r'^fake is not installed: buy it$'):
        flavour.load()


def test_a_folder_of_that_name_is_no_module(tmp_path, monkeypatch):
    (tmp_path / 'trt_folder').mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert not Flavour('fake', ('trt_folder',), 'buy it').is_installed()


@pytest.mark.parametrize('error', ['ImportError', 'OSError'])
def test_a_library_that_is_missing_is_told_in_one_line(staged, error):
    flavour = staged(f'trt_{error}', f'raise {error}("libnvinfer.so.10:\\n not found")')
    assert flavour.is_installed()
    told = rf'^fake: the module trt_{error} cannot be imported \(libnvinfer.so.10: not found\)'
    with pytest.raises(EngineError, match=told):
        flavour.load()


def test_tensorrt_is_preferred(monkeypatch):
    monkeypatch.setattr(Flavour, 'is_installed', lambda self: True)
    assert choose_flavour().name == 'tensorrt'
    assert choose_flavour('tensorrt_rtx').name == 'tensorrt_rtx'
    monkeypatch.setattr(Flavour, 'is_installed', lambda self: self.name == 'tensorrt_rtx')
    assert choose_flavour().name == 'tensorrt_rtx'


def test_none_at_all_is_told_with_all_remedies(monkeypatch):
    monkeypatch.setattr(flavours, 'find_spec', lambda name: None)
    with pytest.raises(EngineError) as told:
        choose_flavour()
    assert all(flavour.remedy in str(told.value) for flavour in FLAVOURS.values())

from __future__ import annotations

import pytest

from unet_seg_ros.cli import requirements
from unet_seg_ros.cli.main import main


@pytest.mark.parametrize('missing', ['torch', 'lightning', 'matplotlib'])
@pytest.mark.parametrize(
    'arguments',
    [
        ['train', '--recipe=r.yaml', '--output=run'],
        ['export', '--checkpoint=c', '--output=m.onnx'],
        ['report', 'run'],
    ],
)
def test_a_missing_library_is_named_with_the_extra_that_has_it(
    monkeypatch, capsys, missing, arguments
):
    found = {missing: None}
    monkeypatch.setattr(requirements, 'find_spec', lambda name: found.get(name, object()))
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert f"{missing} is not installed: pip install 'unet_seg_ros[training]'" in error
    assert error.count('\n') == 1

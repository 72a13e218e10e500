"""One truth: the shipped YAML, the declarations and the README's table agree."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from unet_seg_ros.ros.parameter_specs import CAMERA_PARAMETERS, PARAMETERS

ROOT = Path(__file__).parents[2]


def test_yaml_holds_exactly_the_declared_defaults():
    text = (ROOT / 'config' / 'segmentation.yaml').read_text()
    values = yaml.safe_load(text)['/**']['ros__parameters']
    assert values == {spec.name: spec.default for spec in PARAMETERS}


def test_readme_table_holds_exactly_the_declared_parameters():
    text = (ROOT / 'README.md').read_text().split('\n## Parameters\n')[1].split('\n## ')[0]
    rows = re.findall(r'^\| `([a-z_<>.]+)` \| `([^|]*)` \|', text, re.MULTILINE)
    expected = {
        spec.name: yaml.safe_dump(spec.default, default_flow_style=True) for spec in PARAMETERS
    }
    expected |= {
        f'<camera>.{s.name}': yaml.safe_dump(s.default, default_flow_style=True)
        for s in CAMERA_PARAMETERS
    }
    found = {name: yaml.safe_dump(yaml.safe_load(v), default_flow_style=True) for name, v in rows}
    assert found == expected


def test_every_file_that_the_readme_names_is_there():
    links = re.findall(r'\]\(([^)#]+)\)', (ROOT / 'README.md').read_text())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.training.recipe import read_recipe, recipe_from_dict

pytestmark = pytest.mark.training

SHIPPED = Path(__file__).parents[3] / 'config' / 'training' / 'town02.yaml'


def _broken(recipe, **changes) -> dict:
    return {**recipe.to_dict(), **changes}


def test_the_shipped_recipe_reads():
    recipe = read_recipe(SHIPPED)
    assert recipe.name == 'unet_town02'
    assert recipe.network.depth == 4


def test_a_recipe_survives_being_written_and_read(recipe, tmp_path):
    path = tmp_path / 'recipe.yaml'
    path.write_text(yaml.safe_dump(recipe.to_dict()))
    assert read_recipe(path) == recipe


def test_sizes_are_read_as_width_times_height(recipe):
    assert recipe.input == ImageSize(height=48, width=96)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'passess': 3}, 'unknown key passess; known: name, input'),
        ({'network': {'width': 3}}, r'unknown key network\.width'),
        ({'passes': 'many'}, "passes must be int, not 'many'"),
        ({'passes': True}, 'passes must be int, not True'),
        ({'passes': 0}, 'passes must be above 0'),
        ({'sources': []}, 'sources and validation need one entry'),
        ({'sources': [{'name': 'a'}]}, r'missing key sources\[0\]\.licence'),
        ({'sources': 'town'}, 'sources must be a list'),
        ({'sources': [{'name': 'a', 'licence': 'b'}]}, 'source a: give either folder or layouts'),
        (
            {'sources': [{'name': 'a', 'licence': 'b', 'folder': 'c', 'tags': 12}]},
            'source a: tags 12',
        ),
        (
            {'sources': [{'name': 'a', 'licence': 'b', 'layouts': 'any', 'count': 1}]},
            r"sources\[0\]\.layouts must be one of training, held_out, not 'any'",
        ),
        ({'class_weights': {'lane': 2.0}}, "no class named 'lane'"),
        ({'class_weights': {'road': 'high'}}, r'class_weights\.road must be float'),
        ({'input': '96'}, "size '96'"),
    ],
)
def test_a_mistake_is_named_in_one_line(recipe, changes, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        recipe_from_dict(_broken(recipe, **changes))
    assert '\n' not in str(caught.value)


def test_a_missing_key_is_named(recipe):
    data = recipe.to_dict()
    del data['input']
    with pytest.raises(ConfigurationError, match='missing key input'):
        recipe_from_dict(data)


@pytest.mark.parametrize('text', ['- 1', 'name: [', ''])
def test_a_file_that_is_no_mapping_is_refused_by_its_name(tmp_path, text):
    path = tmp_path / 'recipe.yaml'
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r'recipe .*recipe\.yaml: ') as caught:
        read_recipe(path)
    assert '\n' not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match='not found'):
        read_recipe(tmp_path / 'none.yaml')

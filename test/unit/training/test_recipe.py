from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.training.recipe import recipe_from_dict
from unet_seg_ros.training.recipe_file import read_recipe

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
        ({'loss': {'class_weights': {'lane': 2.0}}}, "no class named 'lane'"),
        (
            {'loss': {'class_weights': {'road': 'high'}}},
            r'loss\.class_weights\.road must be float',
        ),
        ({'loss': {'dice': -1.0}}, r'loss\.dice must be 0 or more'),
        ({'classes': 'town'}, "classes 'town': choose road, driving"),
        ({'samples_per_pass': 3}, 'samples_per_pass 3 do not fill a batch of 4'),
        ({'ema_decay': 1.0}, 'ema_decay must be from 0 to below 1'),
        ({'input': '96'}, "size '96'"),
        (
            {'sources': [{'name': 'a', 'licence': 'b', 'folder': 'c', 'tags': 'camvid'}]},
            'set road is made of the tag tables 13, 23, 29, not of camvid',
        ),
        (
            {
                'sources': [
                    {'name': 'a', 'licence': 'b', 'folder': 'c', 'tags': 23, 'only': ['Lawn']}
                ]
            },
            "no class named 'Lawn'",
        ),
        (
            {'sources': [{'name': 'a', 'licence': 'b', 'folder': 'c'}]},
            "source a: tags '': name its tag table, one of 13, 23, 29, camvid",
        ),
        ({'learning_rate': '.nan'}, r'learning_rate must be float'),
        ({'learning_rate': float('nan')}, 'learning_rate must be above 0'),
        ({'network': {'depth': 0}}, r'network\.depth must be 1 or more'),
        ({'warm_up': 1.0}, 'warm_up must be from 0 to below 1'),
        ({'seed': -1}, 'seed must be 0 or more'),
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


def test_values_can_be_changed_without_another_file(recipe, tmp_path):
    path = tmp_path / 'recipe.yaml'
    path.write_text(yaml.safe_dump(recipe.to_dict()))
    changes = ['passes=7', 'network.skips=false', 'sources.0.share=0.5', 'loss.dice=1']
    changed = read_recipe(path, changes)
    assert changed.passes == 7
    assert not changed.network.skips
    assert changed.sources[0].share == 0.5
    assert changed.loss.dice == 1.0
    assert changed.validation == recipe.validation


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ('passes', r"change 'passes': write KEY=VALUE"),
        ('passes.more=1', r"change 'passes\.more=1': write KEY=VALUE"),
        ('sources.5.share=1', 'write KEY=VALUE'),
        ('passes=[', 'write KEY=VALUE'),
        ('pases=3', 'unknown key pases'),
    ],
)
def test_a_change_that_is_none_is_refused(recipe, tmp_path, change, message):
    path = tmp_path / 'recipe.yaml'
    path.write_text(yaml.safe_dump(recipe.to_dict()))
    with pytest.raises(ConfigurationError, match=message) as caught:
        read_recipe(path, [change])
    assert '\n' not in str(caught.value)


def test_a_number_may_be_written_as_one_writes_it(recipe):
    assert recipe_from_dict(_broken(recipe, learning_rate='1e-3')).learning_rate == 0.001

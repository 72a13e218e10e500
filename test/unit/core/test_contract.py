import json
from dataclasses import replace

import onnx
import pytest
from support.known_model import known_contract, write_known_model

from unet_seg_ros.core.contract import METADATA_KEY, ModelContract, read_contract
from unet_seg_ros.core.errors import ModelError
from unet_seg_ros.core.size import ImageSize

SIZE = ImageSize(32, 64)


def rewrite(path, change):
    model = onnx.load(path)
    change(model)
    onnx.save(model, path)
    return path


def set_entry(model, text):
    onnx.helper.set_model_props(model, {METADATA_KEY: text} if text is not None else {})


@pytest.fixture
def model(tmp_path):
    return write_known_model(tmp_path / 'm.onnx', SIZE)


def test_a_contract_survives_its_file(model):
    assert read_contract(model) == known_contract(SIZE)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r'nothing\.onnx: not found'):
        read_contract(tmp_path / 'nothing.onnx')


def test_what_cannot_be_read_is_named_with_the_reason(tmp_path):
    with pytest.raises(ModelError, match='cannot be read: Is a directory'):
        read_contract(tmp_path)


def test_a_cut_off_file_is_refused(model):
    model.write_bytes(model.read_bytes()[:200])
    with pytest.raises(ModelError, match='not a readable ONNX file'):
        read_contract(model)


def test_a_file_that_is_no_onnx_is_refused(tmp_path):
    path = tmp_path / 'text.onnx'
    path.write_text('hello, I am a text\n' * 10)
    with pytest.raises(ModelError):
        read_contract(path)


def test_a_foreign_onnx_file_is_refused_with_the_remedy(model):
    rewrite(model, lambda m: set_entry(m, None))
    with pytest.raises(ModelError, match='unet-seg export'):
        read_contract(model)


@pytest.mark.parametrize(
    ('change', 'says'),
    [
        ({'format': 99}, 'format 99'),
        ({'classes': []}, 'incomplete'),
        ({'drivable': ['lawn']}, 'lawn'),
        ({'groups': []}, 'incomplete'),
        ({'carla_tags': 42}, '42'),
        ({'classes': [{'id': 0, 'name': 'a', 'color': [0, 0, 300]}]}, '300'),
        ({'classes': [{'id': 0, 'name': 'a', 'color': [0, 0]}]}, 'three numbers'),
        ({'precision': 'int4'}, "'int4' is not one of fp32, fp16, int8"),
        ({'input': {'height': 32}}, 'width'),
        ({'input': {'height': 64, 'width': 64}}, 'not uint8'),
    ],
)
def test_a_contract_that_cannot_be_is_refused_in_one_line(model, change, says):
    data = json.loads(known_contract(SIZE).to_json()) | change
    rewrite(model, lambda m: set_entry(m, json.dumps(data)))
    with pytest.raises(ModelError, match=says) as error:
        read_contract(model)
    assert '\n' not in str(error.value)
    assert str(model) in str(error.value)


@pytest.mark.parametrize('precision', ['fp32', 'fp16', 'int8'])
def test_precision_and_check_survive(precision):
    check = {'streets': {'agreement': 0.99, 'mean_iou': 0.8, 'torch_mean_iou': 0.81}}
    contract = replace(known_contract(SIZE), precision=precision, check=check)
    assert ModelContract.from_json(contract.to_json()) == contract


def test_no_json_is_refused():
    with pytest.raises(ModelError, match='incomplete'):
        ModelContract.from_json('{')


def test_a_renamed_output_is_refused(model):
    def rename(m):
        for node in m.graph.node:
            node.output[:] = ['ids' if o == 'class_ids' else o for o in node.output]
        m.graph.output[0].name = 'ids'

    rewrite(model, rename)
    with pytest.raises(ModelError, match='ids'):
        read_contract(model)

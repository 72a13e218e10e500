"""A model without weights whose answers can be told from the picture, run by the real engines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from unet_seg_ros.core.class_sets import ROAD_CLASSES
from unet_seg_ros.core.contract import METADATA_KEY, ModelContract
from unet_seg_ros.core.size import ImageSize


def known_contract(size: ImageSize) -> ModelContract:
    return ModelContract(
        name='known',
        input_size=size,
        table=ROAD_CLASSES.table,
        drivable=ROAD_CLASSES.drivable,
        groups={'drivable': ROAD_CLASSES.drivable},
        carla_tags=29,
    )


def write_known_model(path: Path, size: ImageSize) -> Path:
    """
    Write a model without weights whose answer can be told from the picture.

    Class = blue // 64; confidence = green and group probability = red, at every fourth pixel.
    """
    height, width = size
    integers = {
        'axis': [3], 'zero': [0], 'one': [1], 'two': [2], 'three': [3],
        'from': [2, 2], 'to': [height, width], 'axes': [1, 2], 'steps': [4, 4],
    }  # fmt: skip
    constants = [
        numpy_helper.from_array(np.array(v, np.int64), name) for name, v in integers.items()
    ]
    constants.append(numpy_helper.from_array(np.float32(1 / 64), 'share'))
    node = helper.make_node
    nodes = [node('Cast', ['image'], ['float'], to=TensorProto.FLOAT)]
    for first, last, channel in (('zero', 'one', 'blue'), ('one', 'two', 'green'),
                                 ('two', 'three', 'red')):  # fmt: skip
        nodes.append(node('Slice', ['float', first, last, 'axis'], [f'{channel}4']))
        nodes.append(node('Squeeze', [f'{channel}4', 'axis'], [channel]))
    nodes += [
        node('Mul', ['blue', 'share'], ['level']),
        node('Floor', ['level'], ['class']),
        node('Cast', ['class'], ['class_ids'], to=TensorProto.UINT8),
        node('Slice', ['green', 'from', 'to', 'axes', 'steps'], ['green_low']),
        node('Cast', ['green_low'], ['confidence'], to=TensorProto.UINT8),
        node('Slice', ['red', 'from', 'to', 'axes', 'steps'], ['red_low']),
        node('Unsqueeze', ['red_low', 'one'], ['red_group']),
        node('Cast', ['red_group'], ['group_probability'], to=TensorProto.UINT8),
    ]
    low = [height // 4, width // 4]
    uint8 = TensorProto.UINT8
    graph = helper.make_graph(
        nodes,
        'known',
        [helper.make_tensor_value_info('image', uint8, ['N', height, width, 3])],
        [
            helper.make_tensor_value_info('class_ids', uint8, ['N', height, width]),
            helper.make_tensor_value_info('confidence', uint8, ['N', *low]),
            helper.make_tensor_value_info('group_probability', uint8, ['N', 1, *low]),
        ],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=9)
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, known_contract(size).to_json()
    onnx.save(model, path)
    return path

"""
Writes the model files of the check: the networks in every precision, with random weights.

What an engine does with them does not depend on what they learned. They are made in the order in
which they are wanted; beside each stand what ONNX Runtime's CPU provider answers, which tells
whether an engine computed the same, and the operations of an image. Files that are there are left
as they are.
"""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import torch
from gpu_cells import picture, pictures, plan, rehearsal_plan
from machine import model_gflop
from torch import nn

from unet_seg_ros.core.class_sets import ROAD_CLASSES
from unet_seg_ros.core.contract import INPUT, METADATA_KEY, PROBABILITY_STRIDE, ModelContract
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.inference import open_backend
from unet_seg_ros.training.export import to_onnx
from unet_seg_ros.training.graph import ContractGraph, in_half_precision
from unet_seg_ros.training.network import PixelNetwork
from unet_seg_ros.training.quantization import quantize, with_unit_joins
from unet_seg_ros.training.recipe import NetworkSpec

#: The size at which graphs are exported and ranges measured; nothing in them depends on it.
EXPORT_SIZE = ImageSize(64, 128)


def reference_path(model):
    """Return where ONNX Runtime's answer to `picture` stands, class ids uint8 [H, W]."""
    return model.with_suffix('.npy')


def facts_path(model):
    """Return where the operations of an image stand."""
    return model.with_suffix('.json')


def write(folder, cell):
    """Write the file of a cell, and last its facts: where they are, all is."""
    path = folder / cell.file_name
    if facts_path(path).is_file():
        return
    model = resized(graph(cell.base_channels, cell.precision), cell.size)
    told = contract(cell.base_channels, cell.size, cell.precision).to_json()
    onnx.helper.set_model_props(model, {METADATA_KEY: told})
    onnx.save(model, path)
    with open_backend(path, 'onnxruntime') as backend:
        np.save(reference_path(path), backend.infer(pictures(cell.size, 1)).class_ids[0])
    facts_path(path).write_text(json.dumps({'gflop': gflop(cell.base_channels, cell.size)}))


def resized(model, size):
    """Return a model for images of another size."""
    new = onnx.ModelProto()
    new.CopyFrom(model)
    del new.graph.value_info[:]
    low = [length // PROBABILITY_STRIDE for length in size]
    for value in (*new.graph.input, *new.graph.output):
        dims = value.type.tensor_type.shape.dim
        # Rows and columns are the last two, of the image the two before its channels.
        places = dims[1:3] if value.name == INPUT else dims[-2:]
        lengths = size if value.name in (INPUT, 'class_ids') else low
        for place, length in zip(places, lengths, strict=True):
            place.dim_value = length
    return new


@lru_cache
def network(base_channels):
    """
    Return a network of random weights that still tells one pixel from another.

    Its values neither vanish nor grow on their way, and over the picture all classes have logits
    of one mean and spread: with one class everywhere any engine would agree with any other.
    """
    torch.manual_seed(0)
    spec = NetworkSpec(base_channels=base_channels, batch_norm=False)
    result = PixelNetwork(spec, len(ROAD_CLASSES.table)).eval()
    for layer in result.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity='relu')
    with torch.inference_mode():
        logits = result(torch.from_numpy(pictures(EXPORT_SIZE, 1)))
    spread, mean = torch.std_mean(logits, (0, 2, 3))
    head = result.unet.head
    head.weight.data /= spread[:, None, None, None]
    head.bias.data = (head.bias - mean) / spread
    return result.requires_grad_(False)


@lru_cache
def graph(base_channels, precision):
    """Return the graph at `EXPORT_SIZE`."""
    told = contract(base_channels, EXPORT_SIZE, precision)
    net, images = network(base_channels), [picture(EXPORT_SIZE)]
    if precision == 'fp16':
        net = in_half_precision(net)
    if precision == 'int8':
        net = with_unit_joins(net, images)
    groups = [told.table.ids_of(names) for names in told.groups.values()]
    model = to_onnx(ContractGraph(net, groups, len(told.table)).eval(), EXPORT_SIZE)
    return quantize(model, images) if precision == 'int8' else model


def contract(base_channels, size, precision):
    return ModelContract(
        name=f'unet{base_channels}',
        input_size=size,
        table=ROAD_CLASSES.table,
        drivable=ROAD_CLASSES.drivable,
        groups=ROAD_CLASSES.groups,
        carla_tags=29,
        network={'base_channels': base_channels, 'depth': 4, 'batch_norm': False},
        precision=precision,
    )


@lru_cache
def gflop(base_channels, size):
    """Return the operations for an image; quantizing a weight is none of them."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / 'fp32.onnx'
        onnx.save(resized(graph(base_channels, 'fp32'), size), path)
        return model_gflop(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', type=Path)
    parser.add_argument('--rehearse', action='store_true', help='the tiny ones of a rehearsal')
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for cell in rehearsal_plan() if options.rehearse else plan():
        try:
            write(options.folder, cell)
        except (RuntimeError, ValueError, TypeError, AttributeError):
            # One that a version of torch cannot export must not cost the others.
            traceback.print_exc()
            print(f'{cell.file_name}: not written', file=sys.stderr)


if __name__ == '__main__':
    main()

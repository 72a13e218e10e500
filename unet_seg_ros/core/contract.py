"""
The model contract: what a model file says of itself, and what its graph must look like.

One ONNX file is all that passes from the trainer to the vehicle. Its metadata entry
``unet_seg_ros`` holds this contract as JSON; nothing on the vehicle restates it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError

from unet_seg_ros.core.classes import TAG_TABLES, ClassTable, PixelClass
from unet_seg_ros.core.errors import ConfigurationError, ModelError, one_line
from unet_seg_ros.core.size import ImageSize

METADATA_KEY = 'unet_seg_ros'
FORMAT = 1

#: Confidence and group probabilities are given for every fourth pixel of each row and column: at
#: full resolution their softmax costs more than some networks.
PROBABILITY_STRIDE = 4

#: The first row and column that they are given for: the middle of its 4x4 cell, to half a pixel,
#: so that enlarging them by 4 puts them where they were taken.
PROBABILITY_OFFSET = 2

#: How an image is brought to the network's size: each axis by itself, or both by one factor.
FITS = ('stretch', 'letterbox')

#: What the U-Net of a model file computes in.
PRECISIONS = ('fp32', 'fp16', 'int8')

INPUT = 'image'
OUTPUTS = ('class_ids', 'confidence', 'group_probability')


@dataclass(frozen=True)
class ModelContract:
    """
    What a model file says of itself.

    The graph takes ``image`` uint8 [N, H, W, 3] in BGR order and gives ``class_ids`` uint8
    [N, H, W], ``confidence`` uint8 [N, H/4, W/4] (0 to 255 for probability 0 to 1, of the winning
    class) and ``group_probability`` uint8 [N, G, H/4, W/4] (likewise, summed over each group).

    Attributes
    ----------
    name : str
        The model's name.
    input_size : ImageSize
        The size [px] that camera images are resized to.
    table : ClassTable
        The classes that ``class_ids`` holds.
    drivable : tuple of str
        Names of the classes that a vehicle may drive on.
    groups : mapping
        Names of groups, in the order of axis G, with the names of their classes.
    carla_tags : int or str
        The table, a key of ``TAG_TABLES``, of the recordings that it learned from.
    network : mapping
        Hyperparameters of the U-Net: ``base_channels``, ``depth``, ``batch_norm``.
    training : mapping
        Provenance: sources with their licences, passes, seed, revision.
    scores : mapping
        IoU by data set, then by class.
    precision : str
        One of ``PRECISIONS``.
    check : mapping
        What was found when the file was written, by data set: ``agreement``, the share of pixels
        on which it gives the class that torch gives in fp32, and ``mean_iou`` of the file and of
        torch as ``torch_mean_iou``.
    temperature : float
        What the graph divides the logits by, so that a confidence is the share that is right.
    fit : str
        One of ``FITS``: how images were brought to the input size when it learned.

    """

    name: str
    input_size: ImageSize
    table: ClassTable
    drivable: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]
    carla_tags: int | str
    network: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Any] = field(default_factory=dict)
    precision: str = 'fp32'
    check: Mapping[str, Any] = field(default_factory=dict)
    temperature: float = 1.0
    fit: str = 'stretch'

    def __post_init__(self) -> None:
        """Refuse classes that the table lacks, and a tag table, precision or fit there is not."""
        for names in (self.drivable, *self.groups.values()):
            self.table.ids_of(names)
        if self.carla_tags not in TAG_TABLES:
            raise ConfigurationError(
                f'carla_tags {self.carla_tags}: there are the tables '
                f'{", ".join(map(str, TAG_TABLES))}'
            )
        if self.precision not in PRECISIONS:
            raise ConfigurationError(
                f'precision {self.precision!r} is not one of {", ".join(PRECISIONS)}'
            )
        if self.fit not in FITS:
            raise ConfigurationError(f'fit {self.fit!r} is not one of {", ".join(FITS)}')

    def to_json(self) -> str:
        """Return the contract as the JSON text that the model file carries."""
        classes = [{'id': c.id, 'name': c.name, 'color': c.color} for c in self.table.classes]
        return json.dumps(
            {
                'format': FORMAT,
                'name': self.name,
                'input': {
                    'height': self.input_size.height,
                    'width': self.input_size.width,
                    'color_order': 'bgr',
                },
                'classes': classes,
                'drivable': self.drivable,
                'groups': self.groups,
                'carla_tags': self.carla_tags,
                'network': self.network,
                'training': self.training,
                'scores': self.scores,
                'precision': self.precision,
                'check': self.check,
                'temperature': self.temperature,
                'fit': self.fit,
            },
            indent=1,
        )

    @classmethod
    def from_json(cls, text: str) -> ModelContract:
        """
        Read the JSON text of a model file.

        Raises
        ------
        ModelError
            If the text is no contract of this format; the message names what is missing.

        """
        try:
            data = json.loads(text)
            if data['format'] != FORMAT:
                raise ModelError(
                    f'model contract has format {data["format"]}, this version reads {FORMAT}: '
                    'export the model again, or update unet_seg_ros'
                )
            size = ImageSize(int(data['input']['height']), int(data['input']['width']))
            classes = [
                PixelClass(int(c['id']), str(c['name']), tuple(c['color']))
                for c in data['classes']
            ]
            return cls(
                name=str(data['name']),
                input_size=size,
                table=ClassTable(tuple(classes)),
                drivable=tuple(data['drivable']),
                groups={k: tuple(v) for k, v in data['groups'].items()},
                carla_tags=data['carla_tags'],
                network=data['network'],
                training=data['training'],
                scores=data['scores'],
                precision=data['precision'],
                check=data['check'],
                temperature=float(data['temperature']),
                fit=data.get('fit', 'stretch'),
            )
        except (AttributeError, KeyError, TypeError, ValueError, ConfigurationError) as e:
            raise ModelError(f'model contract is incomplete: {type(e).__name__}: {e}') from e


def read_contract(path: Path) -> ModelContract:
    """
    Read the contract of a model file and check that its graph keeps it.

    Raises
    ------
    ModelError
        If the file is missing, unreadable, no ONNX file, carries no contract, or its inputs and
        outputs are not those of the contract.

    """
    try:
        model = onnx.load(path, load_external_data=False)
    except FileNotFoundError as e:
        raise ModelError(f'model file {path}: not found') from e
    except OSError as e:
        raise ModelError(f'model file {path}: cannot be read: {e.strerror}') from e
    except DecodeError as e:
        raise ModelError(f'model file {path}: not a readable ONNX file ({one_line(e)})') from e
    entries = {p.key: p.value for p in model.metadata_props}
    if METADATA_KEY not in entries:
        raise ModelError(
            f'model file {path}: carries no {METADATA_KEY} metadata; '
            'write it with `unet-seg export`'
        )
    try:
        contract = ModelContract.from_json(entries[METADATA_KEY])
    except ModelError as e:
        raise ModelError(f'model file {path}: {e}') from e
    _check_graph(model.graph, contract, path)
    return contract


def _check_graph(graph: onnx.GraphProto, contract: ModelContract, path: Path) -> None:
    height, width = contract.input_size
    low = [height // PROBABILITY_STRIDE, width // PROBABILITY_STRIDE]
    expected = {
        INPUT: [height, width, 3],
        OUTPUTS[0]: [height, width],
        OUTPUTS[1]: low,
        OUTPUTS[2]: [len(contract.groups), *low],
    }
    found = {}
    for value in (*graph.input, *graph.output):
        tensor = value.type.tensor_type
        dims = [d.dim_value for d in tensor.shape.dim]
        found[value.name] = dims[1:] if tensor.elem_type == onnx.TensorProto.UINT8 else None
    if found != expected:
        raise ModelError(
            f'model file {path}: its tensors {found} are not uint8 {expected} behind the batch '
            'axis; write it with `unet-seg export`'
        )

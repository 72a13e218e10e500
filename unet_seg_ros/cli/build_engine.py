"""``unet-seg build-engine``: build the TensorRT engine of a model file, as the node would."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from unet_seg_ros.cli.options import whole_number
from unet_seg_ros.core.backend import Watch
from unet_seg_ros.core.contract import PRECISIONS, read_contract
from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.inference.tensorrt.build import BuildRequest
from unet_seg_ros.inference.tensorrt.cache import EngineCache
from unet_seg_ros.inference.tensorrt.flavours import FLAVOURS, Flavour, choose_flavour
from unet_seg_ros.inference.tensorrt.precision import require_precision
from unet_seg_ros.inference.tensorrt.probe import Gpu, find_gpu


class _Lines(Watch):
    """Progress on standard error."""

    def say(self, line: str) -> None:
        sys.stderr.write(f'{line}\n')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('--model', type=Path, required=True, help='the model file, .onnx')
    parser.add_argument(
        '--precision', choices=PRECISIONS, help='make sure that the file computes in this one'
    )
    parser.add_argument(
        '--max-batch', type=whole_number, default=1, metavar='N', help='default: 1'
    )
    parser.add_argument(
        '--module', choices=tuple(FLAVOURS), help='default: the first that is installed'
    )
    parser.add_argument(
        '--gpu', type=whole_number, metavar='INDEX', help='as CUDA counts them; default: 0'
    )
    add_cache_argument(parser)


def add_cache_argument(parser: argparse.ArgumentParser) -> None:
    """Declare where engines lie."""
    parser.add_argument(
        '--cache', type=Path, metavar='DIR', help="where engines lie; default: the user's cache"
    )


def run(args: argparse.Namespace) -> int:
    """Build, or find what was built; print the engine's path and return 0."""
    contract = read_contract(args.model)
    if args.precision is not None:
        require_precision(args.model, contract, args.precision)
    flavour = choose_flavour(args.module)
    request = BuildRequest(args.model, flavour, args.max_batch, _gpu(flavour, args.gpu))
    watch = _Lines()
    engine = EngineCache(args.cache).load_or_build(request, watch)
    if not engine.was_built:
        manifest = engine.manifest
        watch.say(f'{args.model.name}: is there since {manifest.built_at}: {manifest.summary}')
    print(engine.path)
    return 0


def _gpu(flavour: Flavour, index: int | None) -> Gpu | None:
    """Return the GPU to build for; a portable engine may be built where there is none."""
    try:
        return find_gpu(index or 0)
    except EngineError:
        if flavour.is_portable and index is None:
            return None
        raise

"""The child process that makes TensorRT's first runtime; it may crash."""

from __future__ import annotations

from collections.abc import Callable

from unet_seg_ros.core.errors import EngineError, one_line
from unet_seg_ros.inference.tensorrt.child import Reply, serve
from unet_seg_ros.inference.tensorrt.flavours import Flavour
from unet_seg_ros.inference.tensorrt.messages import messages_of


def main() -> None:
    """Make a runtime and use it once."""
    serve(_probe)


def _probe(request: Reply, send: Callable[[Reply], None]) -> Reply:
    del send
    module = Flavour(request['flavour'], tuple(request['modules']), 'install it again').load()
    messages = messages_of(module)
    try:
        runtime = module.Runtime(messages)
    except (RuntimeError, TypeError) as e:
        raise EngineError(
            f'{request["flavour"]}: it makes no runtime: {messages.take() or one_line(e)}'
        ) from e
    # A runtime that cannot be used crashes here, as it does when an engine is loaded.
    return {'passed': runtime.max_threads}


if __name__ == '__main__':
    main()

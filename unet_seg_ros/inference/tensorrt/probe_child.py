"""The child process that makes TensorRT's first runtime; it may crash."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

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
    return {'passed': runtime.max_threads, 'libraries': _loaded()}


def _loaded() -> list[str]:
    """Return the shared libraries of this process, TensorRT's and the driver's among them."""
    with suppress(OSError):
        maps = Path('/proc/self/maps').read_text().splitlines()
        found = {line.split(maxsplit=5)[-1] for line in maps if '.so' in line}
        return sorted(name for name in found if Path(name).is_file())
    return []


if __name__ == '__main__':
    main()

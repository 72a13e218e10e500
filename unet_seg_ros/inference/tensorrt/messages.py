"""What TensorRT says of errors: it returns None or False, and tells why to its logger."""

from __future__ import annotations

from collections import deque
from functools import cache
from types import ModuleType
from typing import Any


@cache
def messages_of(module: ModuleType) -> Any:
    """
    Return the logger of this process for TensorRT, which keeps one and never lets go of it.

    Its ``take()`` returns in one line what it heard of errors since the last time.
    """

    class Messages(module.ILogger):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            module.ILogger.__init__(self)
            self._errors: deque[str] = deque(maxlen=3)

        def log(self, severity: Any, message: str) -> None:
            if severity in (module.ILogger.Severity.ERROR, module.ILogger.Severity.INTERNAL_ERROR):
                self._errors.append(message)

        def take(self) -> str:
            said = '; '.join(self._errors)
            self._errors.clear()
            return ' '.join(said.split())

    return Messages()

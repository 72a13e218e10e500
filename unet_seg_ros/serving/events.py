"""What a supervisor is asked for, what it tells, and to whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from unet_seg_ros.core.backend import EngineOptions
from unet_seg_ros.serving.opening import OpenEngine


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineRequest:
    """
    Which engine is to serve.

    Attributes
    ----------
    model : Path
        The model file.
    backend : str
        A name, or ``auto``; see `open_engine`.
    options : EngineOptions
        How to open it; the supervisor follows the work itself, so their watch is not asked.
    cpu_fallback : bool
        Whether a CPU engine serves while a GPU engine is built or has failed.

    """

    model: Path
    backend: str = 'auto'
    options: EngineOptions = field(default_factory=EngineOptions)
    cpu_fallback: bool = False


class Listener:
    """
    Who hears from a supervisor; this one hears nothing.

    Its methods are called from the supervisor's thread and from the one that segments.
    """

    def info(self, line: str) -> None:
        """Hear what has happened."""

    def error(self, line: str) -> None:
        """Hear what has gone wrong."""

    def is_stopped(self) -> bool:
        """Return whether the process is to end, so that all work is to be given up."""
        return False

    def swapped(self) -> None:
        """Hear that a swap has come to its end, good or bad."""

    def crashed(self, error: Exception) -> None:
        """Hear of what only a new process helps against: a bug in a thread, or a lost GPU."""


class Level(Enum):
    """How well an engine serves."""

    OK = 'ok'
    WARN = 'warn'
    ERROR = 'error'


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """
    How things stand.

    Attributes
    ----------
    engine : OpenEngine
        The engine that serves, or the one that did so last.
    level : Level
        ERROR if it is not the one that was asked for.
    message : str
        Why it is no better, or what is being done; empty if there is nothing to say.

    """

    engine: OpenEngine
    level: Level
    message: str

"""Verbs of ``unet-seg`` as processes, ended with the test."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

UNET_SEG = [sys.executable, '-m', 'unet_seg_ros.cli.main']


class Verbs:
    """Starts verbs; `end` kills what is left of them."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[str]] = []

    def start(self, *arguments: Any, **options: Any) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*UNET_SEG, *(str(a) for a in arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
        self._processes.append(process)
        return process

    def end(self) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()


def refusal(process: subprocess.Popen[str], timeout_s: float = 60) -> str:
    """Return the one line with which a verb refuses."""
    _, errors = process.communicate(timeout=timeout_s)
    assert process.returncode == 1, errors
    (line,) = errors.splitlines()
    return line

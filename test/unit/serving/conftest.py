"""Fixtures of the tests of serving."""

from __future__ import annotations

import pytest
from support import stand_in_engines
from support.stand_in_engines import Faults


@pytest.fixture
def faults(monkeypatch) -> Faults:
    """Return the switches of a stand-in for a GPU engine, which is called tensorrt."""
    return stand_in_engines.install(monkeypatch)

"""What opening OpenVINO must not do beside opening OpenVINO."""

from __future__ import annotations

import subprocess
import sys

OPEN = """
import sys
from pathlib import Path
from unet_seg_ros.inference.openvino_backend import OpenVinoBackend
with OpenVinoBackend(Path(sys.argv[1])):
    print(*sorted(name for name in sys.modules if 'telemetry' in name or '.ovc' in name))
"""


def test_opening_it_brings_no_telemetry(known_model):
    command = [sys.executable, '-c', OPEN, str(known_model)]
    opened = subprocess.run(command, capture_output=True, text=True, check=True)
    assert opened.stdout.split() == []

"""What opening and closing OpenVINO must not do to its process."""

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


CLOSE_ELSEWHERE = """
import signal
import sys
from pathlib import Path
from threading import Thread
from unet_seg_ros.inference.openvino_backend import OpenVinoBackend
backend = OpenVinoBackend(Path(sys.argv[1]))
backend.__enter__()
closing = Thread(target=backend.__exit__, args=(None, None, None))
closing.start()
closing.join()
del backend
signal.signal(signal.SIGTERM, lambda *_: print('heard'))
signal.raise_signal(signal.SIGTERM)
"""


def test_a_signal_is_survived_by_the_thread_that_opened_it(known_model):
    command = [sys.executable, '-c', CLOSE_ELSEWHERE, str(known_model)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, 'heard\n')

"""The processes of the check of a GPU, asked and answering, one that fails like one that hangs."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


class Side:
    """An engine's process, started anew after a failure."""

    def __init__(self, name, arguments, folder):
        self.name = name
        self._command = [sys.executable, str(HERE / 'gpu_side.py'), name, *arguments]
        self._log = folder / f'{name.replace(" ", "_")}.log'
        self._process = None

    def ask(self, request, seconds):
        """
        Return the answer; ``failed`` in it says why there is none.

        The process is then ended, for nobody knows what state it is in, unless it ``refused``.
        """
        if self._process is None:
            self._start()
        try:
            self._process.stdin.write(json.dumps(request) + '\n')
            self._process.stdin.flush()
            ready, _, _ = select.select([self._process.stdout], [], [], max(seconds, 1))
            line = self._process.stdout.readline() if ready else ''
        except BrokenPipeError:
            ready, line = True, ''
        if line:
            reply = json.loads(line)
        else:
            reply = {'failed': self._end() if ready else f'no answer within {seconds:.0f} s'}
        if 'failed' in reply and 'refused' not in reply:
            self.close()
        return reply

    def close(self):
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _start(self):
        with self._log.open('a') as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment(),
            )

    def _end(self):
        status = self._process.wait()
        if status < 0:
            return f'its process died by {signal.Signals(-status).name}'
        return f'its process ended with status {status}'


def environment():
    """Return the environment in which a child finds the package."""
    path = os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])
    return {**os.environ, 'PYTHONPATH': path}

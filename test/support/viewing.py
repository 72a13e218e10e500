"""Viewers that a test starts, and browsers that ask them as the page does."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.parser import BytesParser
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

import cv2
import numpy as np

from support.stage import Stage
from support.verbs import Verbs


class Browser:
    """Asks for what is new, as the page does, while the stage goes on."""

    def __init__(self, stage: Stage, port: int) -> None:
        self.state: dict[str, Any] = {}
        self.pictures: list[tuple[str, np.ndarray]] = []
        self.seen: dict[str, str] = {}
        self._stage = stage
        self._connection = HTTPConnection('127.0.0.1', port, timeout=30)
        self._thread = ThreadPoolExecutor(1)

    def close(self) -> None:
        self._thread.shutdown()
        self._connection.close()

    def ask_until(
        self,
        condition: Callable[[], bool],
        what: str,
        each: Callable[[], object] = lambda: None,
        deadline_s: float = 60,
    ) -> None:
        """Ask again and again; `each` is called before every request."""
        end = time.monotonic() + deadline_s
        while not condition():
            assert time.monotonic() < end, f'waited in vain for {what}: {self.state}'
            each()
            asked = self._thread.submit(self.ask)
            self._stage.spin_until(asked.done, 'an answer', 30)
            asked.result()

    def ask(self) -> None:
        query = urlencode([('seen', f'{camera}:{n}') for camera, n in self.seen.items()])
        answer = self.get(f'/live?{query}')
        kind = answer.headers['Content-Type'].encode()
        form = BytesParser().parsebytes(b'Content-Type: ' + kind + b'\r\n\r\n' + answer.read())
        state, *files = form.get_payload()
        self.state = json.loads(state.get_payload(decode=True))
        for camera in self.state['cameras']:
            self.seen.setdefault(camera['name'], '0')
        for file in files:
            name = file.get_param('name', header='content-disposition')
            assert self.seen[name] != file.get_filename()
            self.seen[name] = file.get_filename()
            data = np.frombuffer(file.get_payload(decode=True), np.uint8)
            self.pictures.append((name, cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]))

    def get(self, path: str, **headers: str) -> Any:
        self._connection.request('GET', path, headers=headers)
        return self._connection.getresponse()

    def camera(self, name: str) -> dict[str, Any]:
        return next((c for c in self.state.get('cameras', []) if c['name'] == name), {})

    def shows(self, name: str, state: str) -> bool:
        return self.camera(name).get('state') == state


class Viewing:
    """Starts viewers and their browsers."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self._verbs, self._browsers = stage, Verbs(), []

    def start(self, *arguments: object) -> tuple[subprocess.Popen[str], int]:
        """Return a viewer and its port."""
        process = self._verbs.start('view', '--port', 0, *arguments)
        line = process.stdout.readline()
        assert line.startswith('http://127.0.0.1:'), process.communicate()
        return process, int(line.split('/')[2].rpartition(':')[2])

    def browse(self, *arguments: object) -> Browser:
        return self.browser(self.start(*arguments)[1])

    def browser(self, port: int) -> Browser:
        self._browsers.append(Browser(self.stage, port))
        return self._browsers[-1]

    def close(self) -> None:
        for browser in self._browsers:
            browser.close()
        self._verbs.end()

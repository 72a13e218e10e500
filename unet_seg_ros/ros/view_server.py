"""The web server of the viewer: three files, and one address that a page asks again and again."""

from __future__ import annotations

import errno
import ipaddress
import re
import secrets
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from unet_seg_ros.core.errors import ConfigurationError, one_line
from unet_seg_ros.ros.view_gallery import Gallery, Picture
from unet_seg_ros.ros.view_page import PAGE_FILES

#: A request is answered after so long even without a new picture, so that states are fresh [s].
_WAIT_S = 0.4

#: A browser that takes nothing for so long is given up [s].
_PATIENCE_S = 10.0

#: What the system may hold back for a slow browser, which would otherwise see the past [bytes].
_SEND_BUFFER = 256 << 10

_HEADERS = {
    'Cache-Control': 'no-store',
    # Nothing runs but the page's own script, and nothing is loaded from elsewhere.
    'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
}


class ViewServer:
    """
    Serves the page from the start until it is closed; each browser has a thread of its own.

    Parameters
    ----------
    gallery : Gallery
        The pictures and the state; closed with the server.
    host : str
        The address to listen on.
    port : int
        The port; 0 for any that is free.

    Raises
    ------
    ConfigurationError
        If it cannot listen there.

    """

    def __init__(self, gallery: Gallery, host: str, port: int) -> None:
        """Listen and serve."""
        try:
            self._server = _Server(gallery, host, port)
        except TypeError as e:
            raise ConfigurationError(f'--host {host!r} is no address: {one_line(e)}') from e
        except OSError as e:
            why = 'in use' if e.errno == errno.EADDRINUSE else e.strerror
            option = '--port' if e.errno in (errno.EADDRINUSE, errno.EACCES) else '--host'
            raise ConfigurationError(
                f'cannot listen on {host}:{port}: {why}; choose another {option}'
            ) from e
        self._thread = Thread(target=self._server.serve_forever, args=(0.1,), name='web server')
        self._thread.start()

    @property
    def url(self) -> str:
        """Where the page is."""
        host, port = str(self._server.server_address[0]), self._server.server_address[1]
        return f'http://{f"[{host}]" if ":" in host else host}:{port}/'

    def close(self) -> None:
        """Hang up on every browser; all threads have ended then."""
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    """Knows its connections, so that it can end them: browsers keep theirs open."""

    # Joined at the end: a thread within OpenCV must not outlive the interpreter.
    daemon_threads = False

    def __init__(self, gallery: Gallery, host: str, port: int) -> None:
        self.gallery = gallery
        self.host = host
        self._connections: set[Any] = set()
        self.address_family = socket.AF_INET6 if ':' in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        # HTTPServer's own asks for the machine's name, for which a name server may take seconds.
        TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A browser may go away at any time.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        self.gallery.close()
        for connection in tuple(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """Answers one browser's requests, one after the other."""

    server: _Server
    protocol_version = 'HTTP/1.1'
    timeout = _PATIENCE_S
    # An answer is written as a head and a body; the body must not wait for the head's receipt.
    disable_nagle_algorithm = True

    def setup(self) -> None:
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        super().setup()

    def do_GET(self) -> None:
        try:
            url = urlsplit(self.path)
            is_own = _is_own_name(self.headers.get('Host', ''), self.server.host)
        except ValueError:
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        if not is_own:
            self.send_error(
                HTTPStatus.MISDIRECTED_REQUEST,
                explain='This machine is known here by its addresses and its hostname alone.',
            )
        elif url.path == '/live':
            self._send_live(_read_seen(url.query))
        elif url.path in PAGE_FILES:
            content_type, text = PAGE_FILES[url.path]
            self._send(content_type, text.encode())
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _send_live(self, seen: Mapping[str, int]) -> None:
        gallery = self.server.gallery
        with gallery.watching(seen):
            pictures = gallery.wait(seen, _WAIT_S)
            boundary = secrets.token_hex(16)
            body = _form(boundary, gallery.state, pictures)
            self._send(f'multipart/form-data; boundary={boundary}', body)

    def _send(self, content_type: str, body: bytes) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header('Content-Type', content_type)
        self.send_header('Content-Length', str(len(body)))
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: a page asks many times a second."""


def _is_own_name(host_header: str, host: str) -> bool:
    """
    Return whether a request means this server.

    A page of another site can name this address by a name of its own (DNS rebinding) and would be
    shown the pictures.
    """
    name = urlsplit(f'//{host_header}').hostname or ''
    own = socket.gethostname().lower()
    if name in ('localhost', host.lower(), own, f'{own}.local'):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _read_seen(query: str) -> dict[str, int]:
    """Read ``seen=CAMERA:NUMBER&...``; what is no number has not been seen."""
    fields = (value.rpartition(':') for key, value in parse_qsl(query) if key == 'seen')
    return {c: int(n) if re.fullmatch('[0-9]{1,18}', n) else 0 for c, _, n in fields}


def _form(boundary: str, state: bytes, pictures: Mapping[str, Picture]) -> bytes:
    """Return a form, which browsers can take apart: the state, then a file for each picture."""
    parts = [('name="state"', 'application/json', state)]
    for camera, picture in pictures.items():
        name = f'name="{camera}"; filename="{picture.number}"'
        parts.append((name, 'image/jpeg', picture.jpeg()))
    chunks = [
        f'--{boundary}\r\nContent-Disposition: form-data; {name}\r\n'
        f'Content-Type: {content_type}\r\n\r\n'.encode()
        + data
        + b'\r\n'
        for name, content_type, data in parts
    ]
    return b''.join(chunks) + f'--{boundary}--\r\n'.encode()

"""A proxy to PostgreSQL that cuts connections between a commit and its response."""

import socket
import threading
from contextlib import suppress

COMMIT = b"COMMIT\x00"


class CuttingProxy:
    """Forwards a loopback port to the server's Unix socket. Every ``every``-th commit reaches the
    server, but both connections are cut before its response, at most ``limit`` times.
    """

    def __init__(self, target: str, *, every: int, limit: int) -> None:
        self.cuts = 0
        self._target = target
        self._every = every
        self._limit = limit
        self._commits = 0
        self._lock = threading.Lock()
        self._open = True
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._open = False
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            pass
        self._socket.close()

    def _serve(self) -> None:
        while self._open:
            client, _ = self._socket.accept()
            server = socket.socket(socket.AF_UNIX)
            with suppress(OSError):
                server.connect(self._target)
            connection = _Connection(self, client, server)
            for forward in (connection.forward_requests, connection.forward_responses):
                threading.Thread(target=forward, daemon=True).start()

    def cuts_next(self) -> bool:
        """Count a commit. Returns whether to cut the connection before its response."""
        with self._lock:
            self._commits += 1
            cut = self._commits % self._every == 0 and self.cuts < self._limit
            self.cuts += cut
            return cut


class _Connection:
    def __init__(self, proxy: CuttingProxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._cut_pending = False

    def forward_requests(self) -> None:
        with suppress(OSError):
            while data := self._client.recv(65536):
                if COMMIT in data:
                    self._cut_pending = self._proxy.cuts_next()
                self._server.sendall(data)
        self._cut()

    def forward_responses(self) -> None:
        with suppress(OSError):
            while (data := self._server.recv(65536)) and not self._cut_pending:
                self._client.sendall(data)
        self._cut()

    def _cut(self) -> None:
        for end in (self._client, self._server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

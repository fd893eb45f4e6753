"""A wire to PostgreSQL that breaks between a commit and its answer."""

import socket
import threading
from contextlib import suppress

COMMIT = b"COMMIT\x00"


class CuttingProxy:
    """Listens on loopback, speaks to the server's Unix socket. Every ``every``-th commit
    is let through and its answer kept back: both ends are cut, ``most`` times in all.
    """

    def __init__(self, target: str, *, every: int, most: int) -> None:
        self.cuts = 0
        self._target = target
        self._every = every
        self._most = most
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
            wire = _Wire(self, client, server)
            for work in (wire.questions, wire.answers):
                threading.Thread(target=work, daemon=True).start()

    def cut_now(self) -> bool:
        """Whether the answer to this commit shall never arrive."""
        with self._lock:
            self._commits += 1
            cut = self._commits % self._every == 0 and self.cuts < self._most
            self.cuts += cut
            return cut


class _Wire:
    def __init__(self, proxy: CuttingProxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._doomed = False

    def questions(self) -> None:
        with suppress(OSError):
            while data := self._client.recv(65536):
                if COMMIT in data:
                    self._doomed = self._proxy.cut_now()
                self._server.sendall(data)
        self._cut()

    def answers(self) -> None:
        with suppress(OSError):
            while (data := self._server.recv(65536)) and not self._doomed:
                self._client.sendall(data)
        self._cut()

    def _cut(self) -> None:
        for end in (self._client, self._server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

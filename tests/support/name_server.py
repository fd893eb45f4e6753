"""A DNS server on loopback (UDP) with given TXT records, and a resolver that uses it."""

import socket
import threading
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest


class NameServer:
    """Serves the TXT records in ``texts``, by name. Does not respond while ``mute`` is set."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}
        self.mute = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.resolver = dns.resolver.Resolver(configure=False)
        self.resolver.nameservers = ["127.0.0.1"]
        self.resolver.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            query, client = self._socket.recvfrom(4096)
            if not query:
                return
            if not self.mute:
                self._socket.sendto(self._response(query), client)

    def _response(self, query: bytes) -> bytes:
        request = dns.message.from_wire(query)
        name = request.question[0].name
        response = dns.message.make_response(request)
        response.flags |= dns.flags.AA
        text = name.to_text(omit_final_dot=True)
        if records := self.texts.get(text):
            quoted = (f'"{record}"' for record in records)
            response.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", *quoted))
        elif not any(known.endswith(f".{text}") for known in self.texts):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire()


@pytest.fixture
def name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    """The only DNS server that the code under test can use."""
    server = NameServer()
    monkeypatch.setattr(dns.resolver, "default_resolver", server.resolver)
    yield server
    server.close()

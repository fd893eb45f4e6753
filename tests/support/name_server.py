"""A real DNS server on loopback (UDP) with a few TXT records, and the resolver that asks it."""

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
    """Knows ``texts`` (name -> its TXT records) and nothing else; silent while ``mute``."""

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
            question, asker = self._socket.recvfrom(4096)
            if not question:
                return
            if not self.mute:
                self._socket.sendto(self._answer(question), asker)

    def _answer(self, question: bytes) -> bytes:
        asked = dns.message.from_wire(question)
        name = asked.question[0].name
        answer = dns.message.make_response(asked)
        answer.flags |= dns.flags.AA
        wanted = name.to_text(omit_final_dot=True)
        if records := self.texts.get(wanted):
            quoted = (f'"{record}"' for record in records)
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", *quoted))
        elif not any(known.endswith(f".{wanted}") for known in self.texts):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer.to_wire()


@pytest.fixture
def name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    """The only DNS that the code under test can ask."""
    server = NameServer()
    monkeypatch.setattr(dns.resolver, "default_resolver", server.resolver)
    yield server
    server.close()

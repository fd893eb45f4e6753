"""How a repeated submission is told from a new inquiry: keyed digests."""

import hmac
import re
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from ipaddress import ip_address, ip_network

from app.contact.models import Words
from app.contact.repository import Submission
from app.contact.text_normalization import fold, letters_and_digits
from app.web.logging import current_request_id

SAME_WORDS_HOLD = timedelta(minutes=10)
CLIENT_KEY_HOLDS = timedelta(hours=24)
LONG_ENOUGH = 30  # letters: "please call me" is said by many people
NETWORK = {4: 24, 6: 48}  # bits of an address that one sender's machines mostly share
CLIENT_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class Submissions:
    """Makes the keys of submissions under one secret, the same on every host."""

    def __init__(self, secret: str) -> None:
        self._secret = sha256(b"submission-key:" + secret.encode()).digest()

    def of_words(self, words: Words) -> Submission:
        """The same words within ten minutes are one inquiry: a double click, the back
        button, a reload (docs/decisions/0004).
        """
        digest = self._digest("words", words.to_json())
        key = self._digest("form", digest.hex())
        return self._made(words, key, digest, SAME_WORDS_HOLD)

    def of_client(self, words: Words, client_key: str) -> Submission:
        """A program's own Idempotency-Key holds for a day, whatever the words."""
        digest = self._digest("words", words.to_json())
        key = self._digest("client", client_key)
        return self._made(words, key, digest, CLIENT_KEY_HOLDS)

    def traced(self, submission: Submission, words: Words, address: str | None) -> Submission:
        """``submission`` with the traces by which a flood is told."""
        letters = letters_and_digits(fold(words.message))
        network = _network(address)
        return replace(
            submission,
            message=self._trace("message", letters) if len(letters) >= LONG_ENOUGH else None,
            source=self._trace("source", network) if network else None,
        )

    def _trace(self, purpose: str, text: str) -> bytes:
        return self._digest(purpose, text)[:16]

    def _made(self, words: Words, key: bytes, digest: bytes, holds: timedelta) -> Submission:
        local, _, domain = words.email.lower().rpartition("@")
        # ada+1@ and ada+2@ are one mailbox at many providers.
        address = self._digest("address", f"{local.partition('+')[0]}@{domain}")
        return Submission(key, digest, holds, address, current_request_id())

    def _digest(self, purpose: str, text: str) -> bytes:
        return hmac.digest(self._secret, f"{purpose}\0{text}".encode(), "sha256")


def _network(address: str | None) -> str:
    """The network that ``address`` belongs to; empty when it is none."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return ""
    return str(ip_network((found, NETWORK[found.version]), strict=False))

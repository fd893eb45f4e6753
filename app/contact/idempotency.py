"""Keyed digests that identify a submission: for idempotency and for the spam filter.

All digests are HMACs under one secret, which is the same on every host.
"""

import hmac
import re
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from ipaddress import ip_address, ip_network

from app.contact.models import InquiryData
from app.contact.text_normalization import fold, letters_and_digits

FORM_KEY_LIFETIME = timedelta(minutes=10)
CLIENT_KEY_LIFETIME = timedelta(hours=24)
MIN_MESSAGE_LENGTH = 30  # letters and digits: many people write "please call me"
NETWORK_PREFIX = {4: 24, 6: 48}  # bits of an address that the machines of one sender often share
CLIENT_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True)
class Submission:
    """Identifies a submission. Digests are keyed and 32 bytes long.

    ``key`` finds the first submission for ``valid_for``. ``content_digest`` is of all fields,
    ``address_digest`` of the visitor's email address.
    """

    key: bytes
    content_digest: bytes
    valid_for: timedelta
    address_digest: bytes


@dataclass(frozen=True)
class SpamDigests:
    """Keyed digests (16 bytes), kept for a day, of the message and of the sender's network.
    None where there is nothing to compare.
    """

    message: bytes | None = None
    network: bytes | None = None


class SubmissionKeys:
    """Computes the digests of submissions."""

    def __init__(self, secret: str) -> None:
        self._secret = sha256(b"submission-key:" + secret.encode()).digest()

    def identify(self, inquiry: InquiryData, idempotency_key: str | None = None) -> Submission:
        """Without a client's ``idempotency_key``, the same content within ten minutes is the
        same inquiry (docs/decisions/0004).
        """
        content = self._digest("content", inquiry.to_json())
        if idempotency_key is None:
            key, valid_for = self._digest("form", content.hex()), FORM_KEY_LIFETIME
        else:
            key, valid_for = self._digest("client", idempotency_key), CLIENT_KEY_LIFETIME
        local, _, domain = inquiry.email.lower().rpartition("@")
        # At many providers ada+1@ and ada+2@ are the same mailbox.
        address = self._digest("address", f"{local.partition('+')[0]}@{domain}")
        return Submission(key, content, valid_for, address)

    def spam_digests(self, message: str, address: str | None) -> SpamDigests:
        """Digests that find inquiries with the same ``message`` or from the same network."""
        letters = letters_and_digits(fold(message))
        network = _network(address)
        return SpamDigests(
            message=self._short("message", letters) if len(letters) >= MIN_MESSAGE_LENGTH else None,
            network=self._short("network", network) if network else None,
        )

    def _short(self, purpose: str, text: str) -> bytes:
        return self._digest(purpose, text)[:16]

    def _digest(self, purpose: str, text: str) -> bytes:
        return hmac.digest(self._secret, f"{purpose}\0{text}".encode(), "sha256")


def _network(address: str | None) -> str:
    """The network of an IP address, or "" if ``address`` is not one."""
    try:
        ip = ip_address(address or "")
        ip = getattr(ip, "ipv4_mapped", None) or ip
    except ValueError:
        return ""
    return str(ip_network((ip, NETWORK_PREFIX[ip.version]), strict=False))

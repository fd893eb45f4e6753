"""Keyed digests that identify a submission: for idempotency and for the spam filter.

All digests are HMACs under one secret, which is the same on every host.
"""

import hmac
import re
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from app.contact.email_addresses import mailbox
from app.contact.models import InquiryData
from app.contact.text_normalization import fold, letters_and_digits
from app.web.forwarded import IPAddress, network

SAME_CONTENT_LIFETIME = timedelta(minutes=10)
IDEMPOTENCY_KEY_LIFETIME = timedelta(hours=24)
MIN_MESSAGE_LENGTH = 30  # letters and digits: many people write "please call me"
NETWORK_PREFIX = {4: 24, 6: 48}  # bits of an address that the machines of one sender often share
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True)
class Submission:
    """Identifies a submission by keyed digests.

    ``key`` finds the first submission for ``valid_for``. ``content_digest`` is of all fields,
    ``address_digest`` and ``domain_digest`` of the mailbox that an acknowledgement is sent to.
    ``message_digest`` and ``network_digest`` (16 bytes, None where there is nothing to compare)
    are for the spam filter.
    """

    key: bytes
    valid_for: timedelta
    content_digest: bytes
    address_digest: bytes
    domain_digest: bytes
    message_digest: bytes | None
    network_digest: bytes | None


class SubmissionKeys:
    """Computes the digests of submissions."""

    def __init__(self, secret: str) -> None:
        self._secret = sha256(b"submission-key:" + secret.encode()).digest()

    def identify(
        self, inquiry: InquiryData, idempotency_key: str | None, visitor: IPAddress | None
    ) -> Submission:
        """Without a client's ``idempotency_key``, the same content within ten minutes is the
        same inquiry (docs/decisions/0004). A key identifies an inquiry of one network only:
        clients that number their inquiries must not block one another.
        """
        sender = network(visitor, NETWORK_PREFIX)
        content = self._digest("content", inquiry.to_json())
        if idempotency_key is None:
            key, valid_for = self._digest("form", content.hex()), SAME_CONTENT_LIFETIME
        else:
            # The key of an unknown sender is one of the content, or strangers could share it.
            key = self._digest("client", f"{sender or content.hex()}\0{idempotency_key}")
            valid_for = IDEMPOTENCY_KEY_LIFETIME
        local, domain = mailbox(inquiry.email)
        message = letters_and_digits(fold(inquiry.message))
        return Submission(
            key=key,
            valid_for=valid_for,
            content_digest=content,
            address_digest=self._digest("address", f"{local}@{domain}"),
            domain_digest=self._digest("domain", domain),
            message_digest=self._digest("message", message)[:16]
            if len(message) >= MIN_MESSAGE_LENGTH
            else None,
            network_digest=self._digest("network", sender)[:16] if sender else None,
        )

    def _digest(self, purpose: str, text: str) -> bytes:
        return hmac.digest(self._secret, f"{purpose}\0{text}".encode(), "sha256")

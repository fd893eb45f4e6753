"""Sends email by Amazon SES (API version 2), for hosts whose provider blocks SMTP."""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ProxyConnectionError,
    SSLError,
)

from app.outbox.mime import Message
from app.outbox.models import OutgoingEmail
from app.outbox.send_errors import (
    MessageRefused,
    RecipientRefused,
    SendError,
    TemporaryFailure,
    TransportFault,
    TransportUnavailable,
)
from app.outbox.transports import Finding, Transport

for library in ("boto3", "botocore"):  # what they log contains requests
    logging.getLogger(library).setLevel(logging.CRITICAL)

# Botocore's own retries would send a message again when only the answer was lost.
CONFIG = Config(connect_timeout=10, read_timeout=60, retries={"total_max_attempts": 1})

# Searched in this order in the code and message of an answer.
FAULTS = {
    TransportFault.CLOCK: r"signature (?:expired|not yet current)|time.?skew",
    TransportFault.LIMIT: r"throttling|toomanyrequests|limitexceeded",
    TransportFault.AUTHENTICATION: r"accessdenied|expiredtoken|incompletesignature|invalidsignature"
    r"|invalidclienttoken|missingauthentication|signaturedoesnotmatch|unrecognizedclient",
    TransportFault.SENDER: r"not ?verified|suspended|paused|notfound",
}
ADDRESS = re.compile(r"\b(?:address|domain)\b", re.IGNORECASE)


class SESTransport(Transport):
    """The credentials are those that boto3 finds: a role of this machine, a file, or the
    environment.
    """

    def __init__(self, *, region: str, sender: str, auto_submitted: bool = True) -> None:
        super().__init__(sender, auto_submitted=auto_submitted)
        self._region = region

    @cached_property
    def _client(self) -> Any:
        session = boto3.session.Session(region_name=self._region)
        return session.client("sesv2", config=CONFIG)

    def _send(
        self, message: Message, email: OutgoingEmail, on_data_sent: Callable[[], None]
    ) -> int:
        on_data_sent()
        self._call(
            "send_email",
            email,
            FromEmailAddress=self.sender,
            Destination={"ToAddresses": [message.envelope_recipient]},
            Content={"Raw": {"Data": message.as_wire_bytes()}},
        )
        return 200

    def check(self) -> Iterator[Finding]:
        """Ask for the state of the account and of the sender's domain."""
        account = self._call("get_account")
        if not account.get("SendingEnabled"):
            status = account.get("EnforcementStatus")
            raise TransportUnavailable(
                f"Amazon SES has paused this account ({status})", fault=TransportFault.SENDER
            )
        yield _account_finding(account, self._region)
        identity = self.sender.rpartition("@")[2]
        if not self._call("get_email_identity", EmailIdentity=identity)["VerifiedForSendingStatus"]:
            raise TransportUnavailable(
                f"Amazon SES has not verified {identity}", fault=TransportFault.SENDER
            )
        yield Finding("mail sender", f"Amazon SES has verified {identity}")

    def _call(self, operation: str, email: OutgoingEmail | None = None, **arguments: Any) -> Any:
        try:
            return getattr(self._client, operation)(**arguments)
        except ClientError as error:
            raise _refusal(error.response, email) from None
        except BotoCoreError as error:
            raise _library_error(error) from None


def _account_finding(account: Mapping[str, Any], region: str) -> Finding:
    quota = account.get("SendQuota", {})
    sent, limit = quota.get("SentLast24Hours", 0), quota.get("Max24HourSend", 0)
    text = f"Amazon SES in {region} sends for this account: {sent:.0f} of {limit:.0f} in 24 hours"
    if account.get("ProductionAccessEnabled"):
        return Finding("mail server", text)
    return Finding(
        "mail server",
        f"{text}, but only to verified addresses (sandbox)",
        "Request production access, or verify each mailbox of clinic.toml",
    )


def _library_error(error: BotoCoreError) -> SendError:
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, SSLError):
        return TransportUnavailable(text, fault=TransportFault.TLS)
    if isinstance(error, EndpointConnectionError | ConnectTimeoutError | ProxyConnectionError):
        return TransportUnavailable(text, fault=TransportFault.CONNECTION)
    if isinstance(error, HTTPClientError):  # the message may have been accepted
        return TemporaryFailure(text)
    return TransportUnavailable(text, fault=TransportFault.AUTHENTICATION)  # no credentials


def _refusal(response: Mapping[str, Any], email: OutgoingEmail | None) -> SendError:
    """What an error means. Only its code is stored: the message may quote an address."""
    error, status = response.get("Error", {}), response["ResponseMetadata"]["HTTPStatusCode"]
    code, message = str(error.get("Code", "")), str(error.get("Message", ""))
    text = f"Amazon SES answered {status} {code}"
    for fault, pattern in FAULTS.items():
        if match := re.search(pattern, f"{code} {message}", re.IGNORECASE):
            found = match[0].lower()
            detail = "" if found in code.lower() else f" ({found})"
            return TransportUnavailable(f"{text}{detail}", status, fault)
    if status == 500:
        return TemporaryFailure(text, status)
    if code == "MessageRejected" or "length" in message:
        return MessageRefused(text, status)
    if code == "BadRequestException" and ADDRESS.search(message):
        return RecipientRefused(text, status)
    if code == "BadRequestException" and email and email.is_acknowledgement:
        return TemporaryFailure(text, status)  # a visitor's address must not stop all email
    is_about_us = 400 <= status < 500
    fault = TransportFault.SENDER if is_about_us else TransportFault.CONNECTION
    return TransportUnavailable(text, status, fault)

"""Access tokens of OAuth 2.0. They stay in memory, and are renewed before they expire."""

import time
from abc import ABC, abstractmethod
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from json import loads
from typing import TypeVar

import httpx

from app import clock
from app.outbox.send_errors import TransportFault, TransportUnavailable
from app.outbox.signals import StopRequested
from app.outbox.transports import Finding
from app.outbox.transports.http_client import describe, fault_of

T = TypeVar("T")

RENEW_BEFORE = 300.0  # seconds before the end; tokens are valid for an hour


@dataclass(frozen=True)
class Token:
    """An access token, and the seconds for which it is valid from now on."""

    value: str = field(repr=False)
    lifetime: float


class TokenSource(ABC):
    """Gets tokens of one account. ``issuer`` names the service for people. ``permission`` is what
    a token must have, if the issuer tells what it has.
    """

    issuer: str
    permission = ""

    def __init__(self) -> None:
        self._token = ""
        self._expires = 0.0  # by the monotonic clock, which nobody can set

    @abstractmethod
    def _ask(self) -> Token:
        """Ask the service for a new token. Raises TransportUnavailable if it refuses, and
        anything else if there is no usable answer.
        """

    def use(self, function: Callable[[str], T]) -> T:
        """Call ``function`` with a token. If a token that was kept is refused, call it again
        with a new one: the first may have been revoked, or the machine was suspended.
        """
        kept = self._token
        try:
            return function(self._get())
        except TransportUnavailable as error:
            if error.fault is not TransportFault.AUTHENTICATION:
                raise
            refused, self._token = self._token, ""
            if not kept or refused is not kept:
                raise
        return function(self._get())

    def _get(self) -> str:
        now = time.monotonic()
        if not self._token or now > self._expires - RENEW_BEFORE:
            try:
                token = self._request()
            except TransportUnavailable:
                if not self._token or now >= self._expires:
                    raise
            else:
                self._token, self._expires = token.value, time.monotonic() + token.lifetime
        return self._token

    def _request(self) -> Token:
        """Get a new token. Raises TransportUnavailable."""
        try:
            return self._ask()
        except (StopRequested, TransportUnavailable):
            raise
        except (httpx.HTTPError, OSError) as error:
            fault = fault_of(error, TransportFault.TOKEN_ENDPOINT)
            answer = f"token endpoint: {describe(error)}"
        except Exception as error:  # noqa: BLE001  (what libraries raise for unknown answers)
            fault = TransportFault.TOKEN_ENDPOINT
            answer = f"token endpoint: no usable answer ({type(error).__name__})"
        raise TransportUnavailable(answer, fault=fault)

    def check(self) -> Finding:
        """Get a token and check its permission."""
        roles = _roles(self._get())
        if self.permission and roles is not None and self.permission not in roles:
            raise TransportUnavailable(
                f"{self.issuer} issues a token without the permission {self.permission}",
                fault=TransportFault.AUTHENTICATION,
            )
        remaining = timedelta(seconds=self._expires - time.monotonic())
        end = f"{clock.now() + remaining:%Y-%m-%d %H:%M} UTC"
        return Finding("mail token", f"{self.issuer} issues tokens; this one is valid until {end}")


def _roles(token: str) -> list[str] | None:
    """The permissions of an application that a token of Microsoft lists; None for others."""
    try:
        payload = token.split(".")[1]
        roles = loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).get("roles", [])
    except (AttributeError, IndexError, ValueError):
        return None
    return roles if isinstance(roles, list) else None

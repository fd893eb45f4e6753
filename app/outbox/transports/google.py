"""Tokens of Google for a service account that acts for a mailbox (domain-wide delegation)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import httpx
from google.auth.exceptions import RefreshError
from google.oauth2.service_account import Credentials

from app.outbox.send_errors import TransportFault, TransportUnavailable
from app.outbox.transports.http_client import TOKEN_TIMEOUT, open_client
from app.outbox.transports.tokens import Token, TokenSource

SCOPE = "https://mail.google.com/"


class GoogleTokens(TokenSource):
    """``key`` is the content of the service account's key file. ``mailbox`` sends."""

    issuer = "Google"

    def __init__(self, *, key: Mapping[str, str], mailbox: str) -> None:
        super().__init__()
        self._key, self._mailbox = key, mailbox

    def _ask(self) -> Token:
        credentials = Credentials.from_service_account_info(
            self._key, scopes=[SCOPE], subject=self._mailbox
        )
        with open_client(TOKEN_TIMEOUT) as client:
            try:
                credentials.refresh(_Request(client))
            except RefreshError as error:
                raise _refusal(error) from None
        now = datetime.now(UTC).replace(tzinfo=None)
        return Token(credentials.token, (credentials.expiry - now).total_seconds())


class _Request:
    """What google-auth calls, with the HTTP client of the other transports."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def __call__(
        self, url: str, method: str = "GET", body: Any = None, headers: Any = None, **_options: Any
    ) -> Any:
        response = self._client.request(method, url, content=body, headers=headers)
        return SimpleNamespace(
            status=response.status_code, headers=response.headers, data=response.content
        )


def _refusal(error: RefreshError) -> TransportUnavailable:
    answer = error.args[1] if len(error.args) > 1 else None
    if not (isinstance(answer, dict) and "error" in answer) or error.retryable:
        return TransportUnavailable(
            "token endpoint: no usable answer", fault=TransportFault.TOKEN_ENDPOINT
        )
    text = str(error.args[0])
    # It says "Token must be a short-lived token (60 minutes) and in a reasonable timeframe".
    wrong_time = "timeframe" in text
    fault = TransportFault.CLOCK if wrong_time else TransportFault.AUTHENTICATION
    return TransportUnavailable(f"token refused: {text}", fault=fault)

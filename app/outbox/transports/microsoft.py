"""Tokens of Microsoft Entra ID for an application without a user (client credentials)."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
import msal

from app.outbox.send_errors import TransportFault, TransportUnavailable
from app.outbox.transports.http_client import TOKEN_TIMEOUT, open_client
from app.outbox.transports.tokens import Token, TokenSource

# It logs an answer that is not JSON with its text.
logging.getLogger("msal").setLevel(logging.CRITICAL)

ASSERTION_NOT_IN_TIME = 700024  # AADSTS700024: the assertion is from the future or the past
TRANSIENT = {"temporarily_unavailable", "server_error"}  # RFC 6749 section 4.1.2.1


@dataclass(frozen=True)
class Cloud:
    """The hosts of one of Microsoft's clouds."""

    login: str
    graph: str
    exchange: str


# https://learn.microsoft.com/graph/deployments
CLOUDS = {
    "global": Cloud("login.microsoftonline.com", "graph.microsoft.com", "outlook.office365.com"),
    "gcc-high": Cloud("login.microsoftonline.us", "graph.microsoft.us", "outlook.office365.us"),
    "dod": Cloud("login.microsoftonline.us", "dod-graph.microsoft.us", "outlook-dod.office365.us"),
    "china": Cloud(
        "login.partner.microsoftonline.cn", "microsoftgraph.chinacloudapi.cn", "partner.outlook.cn"
    ),
}


class MicrosoftTokens(TokenSource):
    """``credential`` is a client secret, or a private key and its certificate in PEM.

    ``resource`` is the host for which the tokens are.
    """

    issuer = "Microsoft"

    def __init__(  # noqa: PLR0913  (most are settings)
        self,
        *,
        cloud: Cloud,
        tenant: str,
        client_id: str,
        credential: str,
        resource: str,
        permission: str,
    ) -> None:
        super().__init__()
        self.permission = permission
        self._authority = f"https://{cloud.login}/{tenant}"
        self._client_id = client_id
        self._credential: str | dict[str, str] = credential
        if "-----BEGIN" in credential:
            self._credential = {"private_key": credential, "public_certificate": credential}
        self._scope = f"https://{resource}/.default"

    def _ask(self) -> Token:
        # A new application each time: it would keep answering an old error for a minute.
        with open_client(TOKEN_TIMEOUT) as client:
            application = msal.ConfidentialClientApplication(
                self._client_id,
                client_credential=self._credential,
                authority=self._authority,
                http_client=_Client(client),
                instance_discovery=False,  # the authority is one of CLOUDS
            )
            answer = application.acquire_token_for_client([self._scope])
        if "access_token" not in answer:
            raise _refusal(answer)
        return Token(answer["access_token"], float(answer["expires_in"]))


class _Client:
    """What msal calls, with the HTTP client of the other transports. Msal passes bytes in forms,
    which httpx does not encode.
    """

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def get(self, url: str, **options: Any) -> httpx.Response:
        return self._client.get(url, **options)

    def post(self, url: str, data: Any, headers: Any, **options: Any) -> httpx.Response:
        form = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        return self._client.post(url, content=urlencode(data), headers=form, **options)


def _refusal(answer: Mapping[str, Any]) -> TransportUnavailable:
    """What an answer means that has an error instead of a token. Raises KeyError without one."""
    error = str(answer["error"])
    fault = TransportFault.AUTHENTICATION
    if error in TRANSIENT:
        fault = TransportFault.TOKEN_ENDPOINT
    elif ASSERTION_NOT_IN_TIME in answer.get("error_codes", ()):
        fault = TransportFault.CLOCK
    # The description ends with identifiers of the request.
    text = str(answer.get("error_description") or error).partition(" Trace ID")[0]
    return TransportUnavailable(f"token refused: {text}", fault=fault)

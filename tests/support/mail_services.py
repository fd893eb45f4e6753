"""Microsoft, Google and Amazon on loopback: token endpoints, Microsoft Graph and Amazon SES.

They check what the real ones do: secret or signed assertion, grant, scope, times, tokens,
signatures. ``script`` maps an endpoint (discovery, token, graph, ses) to what it answers instead:
an Answer, HANG or LOSE. ``hits`` counts the scripted answers, and ``calls`` all of them.
"""

import base64
import binascii
import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import getaddresses
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote

import jwt
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from app.outbox.transports import microsoft
from tests.support.certificate import write_self_signed_certificate
from tests.support.smtp_relay import ReceivedMessage

MAILBOX = "no-reply@clinic.example"
TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT_ID = "99999999-8888-7777-6666-555555555555"
CLIENT_SECRET = "client-secret-hunter2"
AWS_KEY, AWS_SECRET, REGION = "AKIAEXAMPLE", "aws-secret-hunter2", "us-east-1"
GOOGLE_SCOPE = "https://mail.google.com/"
GOOGLE_AUDIENCE = "https://oauth2.googleapis.com/token"
EXCHANGE = "outlook.office365.com"
HANG = "send no answer"
LOSE = "do what was asked, then close the connection"


@dataclass(frozen=True)
class Answer:
    """A scripted answer. A body that is not text is sent as JSON."""

    status: int
    body: Any = ""
    headers: dict[str, str] = field(default_factory=dict)


def graph_error(status: int, code: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"error": {"code": code, "message": f"{MAILBOX}: {code}"}}, named)


def ses_error(status: int, code: str, message: str = "") -> Answer:
    return Answer(status, {"message": message}, {"x-amzn-ErrorType": code})


def entra_error(status: int, error: str, number: int, text: str) -> Answer:
    description = f"AADSTS{number}: {text} Trace ID: 1 Correlation ID: 2 Timestamp: 3"
    return Answer(
        status, {"error": error, "error_description": description, "error_codes": [number]}
    )


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def key_pem() -> str:
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return rsa_key().private_bytes(serialization.Encoding.PEM, pkcs8, plain).decode()


@cache
def certificate_pem() -> str:
    """A certificate for the application at Microsoft, and its private key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "frontdesk")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(rsa_key().public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .sign(rsa_key(), hashes.SHA256())
    )
    return key_pem() + certificate.public_bytes(serialization.Encoding.PEM).decode()


class MailServices(ThreadingHTTPServer):
    """The servers, in one. ``received`` has the messages that were accepted. ``lifetime`` is that
    of new tokens, in seconds. ``revoke`` ends all tokens.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, folder: Path) -> None:
        self.script: dict[str, Answer | str] = {}
        self.hits, self.calls = Counter[str](), Counter[str]()
        self.received: list[ReceivedMessage] = []
        self.lifetime = 3600.0
        self.roles = ["Mail.Send", "SMTP.SendAsApp"]
        self.closing = threading.Event()
        self.certificate = folder / "mail-services.pem"
        self._tokens: dict[str, tuple[str, float]] = {}
        write_self_signed_certificate(self.certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        super().__init__(("127.0.0.1", 0), _Handler)
        self.host = f"localhost:{self.server_port}"
        self.url = f"https://{self.host}"
        self.socket = context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self._thread.start()

    def handle_error(self, *_: object) -> None:
        """Do not print errors of clients that go away."""

    def close(self) -> None:
        if not self.closing.is_set():
            self.closing.set()
            self.shutdown()
            self.server_close()
            self._thread.join()

    @property
    def cloud(self) -> dict[str, str]:
        """Microsoft's cloud, for transports.microsoft.CLOUDS."""
        return {"login": self.host, "graph": self.host, "exchange": EXCHANGE}

    @property
    def google_key(self) -> str:
        """The key file of a service account."""
        key = {
            "type": "service_account",
            "client_email": "frontdesk@project.iam.gserviceaccount.com",
            "private_key": key_pem(),
            "token_uri": f"{self.url}/token",
        }
        return json.dumps(key)

    @property
    def environment(self) -> dict[str, str]:
        """What makes clients trust these servers, and boto3 find them."""
        return {
            "SSL_CERT_FILE": str(self.certificate),
            "AWS_CA_BUNDLE": str(self.certificate),
            "AWS_ENDPOINT_URL_SESV2": self.url,
            "AWS_ACCESS_KEY_ID": AWS_KEY,
            "AWS_SECRET_ACCESS_KEY": AWS_SECRET,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/nonexistent",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        }

    def issue(self, scope: str) -> dict[str, Any]:
        claims = {"roles": self.roles, "jti": len(self._tokens)}
        token = jwt.encode(claims, "x" * 32)
        self._tokens[token] = (scope, time.monotonic() + self.lifetime)
        return {"token_type": "Bearer", "access_token": token, "expires_in": int(self.lifetime)}

    def revoke(self) -> None:
        self._tokens = dict.fromkeys(self._tokens, ("", 0.0))

    @property
    def tokens(self) -> list[str]:
        return list(self._tokens)

    def is_valid(self, token: str, scope: str) -> bool:
        issued_for, end = self._tokens.get(token, ("", 0.0))
        return issued_for == scope and time.monotonic() < end

    def check_smtp_token(self, user: str, token: str) -> bool:
        """Whether an SMTP server of Microsoft or Google lets ``user`` in."""
        scopes = (f"https://{EXCHANGE}/.default", GOOGLE_SCOPE)
        return user == MAILBOX and any(self.is_valid(token, scope) for scope in scopes)


class _Handler(BaseHTTPRequestHandler):
    server: MailServices

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = unquote(self.path)
        endpoint, answer = self._route(path)
        self.server.calls[endpoint] += 1
        scripted = self.server.script.get(endpoint)
        if scripted:
            self.server.hits[endpoint] += 1
        if scripted == HANG:
            self.server.closing.wait(40)
            return
        if scripted == LOSE:
            answer(path, body)
            return
        with suppress(OSError):
            self._send(scripted if isinstance(scripted, Answer) else answer(path, body))

    def _route(self, path: str) -> tuple[str, Callable[[str, bytes], Answer]]:
        if path.endswith("/.well-known/openid-configuration"):
            return "discovery", self._discovery
        if path.endswith("/oauth2/v2.0/token"):
            return "token", self._entra_token
        if path == "/token":
            return "token", self._google_token
        if path.startswith("/v1.0/"):
            return "graph", self._graph
        return "ses", self._ses

    def _send(self, answer: Answer) -> None:
        body = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
        self.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_args: object) -> None:
        pass

    # Microsoft Entra ID

    def _discovery(self, path: str, _body: bytes) -> Answer:
        if path != f"/{TENANT}/v2.0/.well-known/openid-configuration":
            return entra_error(400, "invalid_tenant", 90002, "Tenant not found.")
        authority = f"{self.server.url}/{TENANT}"
        return Answer(
            200,
            {
                "issuer": f"{authority}/v2.0",
                "authorization_endpoint": f"{authority}/oauth2/v2.0/authorize",
                "token_endpoint": f"{authority}/oauth2/v2.0/token",
            },
        )

    def _entra_token(self, path: str, body: bytes) -> Answer:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        scopes = (f"https://{EXCHANGE}/.default", f"https://{self.server.host}/.default")
        if form.get("grant_type") != "client_credentials":
            return entra_error(400, "unsupported_grant_type", 70003, "Unsupported grant.")
        if form.get("scope") not in scopes:
            return entra_error(400, "invalid_scope", 70011, "The scope is not valid.")
        if form.get("client_id") != CLIENT_ID:
            return entra_error(400, "unauthorized_client", 700016, "Application not found.")
        if "client_assertion" in form:
            refusal = self._check_assertion(form, f"{self.server.url}{path}")
        elif form.get("client_secret") == CLIENT_SECRET:
            refusal = None
        else:
            text = "Invalid client secret provided."
            refusal = entra_error(401, "invalid_client", 7000215, text)
        return refusal or Answer(200, self.server.issue(form["scope"]))

    def _check_assertion(self, form: dict[str, str], audience: str) -> Answer | None:
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        try:
            claims = _verify(form["client_assertion"], "PS256", audience)
        except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError):
            text = "Client assertion is not within its valid time range."
            return entra_error(401, "invalid_client", 700024, text)
        except jwt.InvalidTokenError:
            claims = {}
        if form.get("client_assertion_type") == kind and claims.get("iss") == CLIENT_ID:
            return None
        return entra_error(401, "invalid_client", 700027, "The signature is not valid.")

    # Google

    def _google_token(self, _path: str, body: bytes) -> Answer:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return Answer(400, {"error": "unsupported_grant_type"})
        try:
            claims = _verify(form["assertion"], "RS256", GOOGLE_AUDIENCE)
        except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError):
            text = (
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable"
                " timeframe. Check your iat and exp values in the JWT claim."
            )
            return Answer(400, {"error": "invalid_grant", "error_description": text})
        except jwt.InvalidTokenError:
            text = "Invalid JWT Signature."
            return Answer(400, {"error": "invalid_grant", "error_description": text})
        if claims["scope"] != GOOGLE_SCOPE or claims["sub"] != MAILBOX:
            text = "Client is unauthorized to retrieve access tokens using this method."
            return Answer(401, {"error": "unauthorized_client", "error_description": text})
        return Answer(200, self.server.issue(GOOGLE_SCOPE))

    # Microsoft Graph

    def _graph(self, path: str, body: bytes) -> Answer:
        if path != f"/v1.0/users/{MAILBOX}/sendMail":
            status, code = (404, "ErrorInvalidUser") if "/users/" in path else (401, "NoToken")
            return graph_error(status, code)
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if not self.server.is_valid(token, f"https://{self.server.host}/.default"):
            return graph_error(401, "InvalidAuthenticationToken")
        if self.headers["Content-Type"] != "text/plain":
            return graph_error(400, "RequestBodyRead")
        try:
            content = base64.b64decode(body, validate=True)
        except binascii.Error:
            return graph_error(400, "ErrorMimeContentInvalidBase64String")
        self._accept(content)
        return Answer(202)

    def _accept(self, content: bytes) -> None:
        received = ReceivedMessage(MAILBOX, (), content)
        to = getaddresses(received.message.get_all("To", []))
        recipients = tuple(address for _, address in to)
        self.server.received.append(ReceivedMessage(MAILBOX, recipients, content))

    # Amazon SES, version 2

    def _ses(self, path: str, body: bytes) -> Answer:
        refusal = self._check_signature(body)
        if refusal:
            return refusal
        if path == "/v2/email/account":
            quota = {"Max24HourSend": 50000.0, "SentLast24Hours": 12.0, "MaxSendRate": 14.0}
            state = {"SendingEnabled": True, "ProductionAccessEnabled": True}
            return Answer(200, {**state, "SendQuota": quota, "EnforcementStatus": "HEALTHY"})
        if path.startswith("/v2/email/identities/"):
            is_ours = path.endswith("/clinic.example")
            return Answer(200, {"VerifiedForSendingStatus": is_ours})
        request = json.loads(body)
        if request["FromEmailAddress"] != MAILBOX:
            return ses_error(400, "MessageRejected", "Email address is not verified.")
        self._accept(base64.b64decode(request["Content"]["Raw"]["Data"]))
        assert self.server.received[-1].recipients == tuple(request["Destination"]["ToAddresses"])
        return Answer(200, {"MessageId": "1"})

    def _check_signature(self, body: bytes) -> Answer | None:
        """Signature Version 4: calculated again from what was received."""
        authorization = dict(
            part.split("=", 1)
            for part in self.headers["Authorization"].partition(" ")[2].replace(" ", "").split(",")
        )
        signed = {name: self.headers[name] for name in authorization["SignedHeaders"].split(";")}
        request = AWSRequest(self.command, f"{self.server.url}{self.path}", signed, body)
        request.context["timestamp"] = self.headers["X-Amz-Date"]
        signer = SigV4Auth(Credentials(AWS_KEY, AWS_SECRET), "ses", REGION)
        text = signer.string_to_sign(request, signer.canonical_request(request))
        if authorization["Signature"] != signer.signature(text, request):
            return ses_error(403, "SignatureDoesNotMatch", "The signature does not match.")
        sent_at = datetime.strptime(self.headers["X-Amz-Date"], "%Y%m%dT%H%M%S%z")
        if abs((datetime.now(UTC) - sent_at).total_seconds()) > 300:
            text = f"Signature expired: {self.headers['X-Amz-Date']} is now earlier than now"
            return ses_error(403, "InvalidSignatureException", text)
        return None


def _verify(assertion: str, algorithm: str, audience: str) -> dict[str, Any]:
    """The claims of a signed assertion. Raises InvalidTokenError."""
    claims: dict[str, Any] = jwt.decode(
        assertion,
        rsa_key().public_key(),
        [algorithm],
        {"require": ["exp", "iat", "iss"]},
        audience=audience,
    )
    return claims


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServices]:
    """The servers, which this process trusts and uses instead of the real ones."""
    server = MailServices(tmp_path)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("google.auth._exponential_backoff.time", SimpleNamespace(sleep=id))
    monkeypatch.setitem(microsoft.CLOUDS, "global", microsoft.Cloud(**server.cloud))
    yield server
    server.close()

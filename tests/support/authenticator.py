"""A passkey in software: answers to the options of WebAuthn as a browser with a device does."""

import hashlib
import json
import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Authenticator:
    """One device with one key, which believes that it is on a page of ``origin``."""

    def __init__(
        self, origin: str = "http://localhost:8000", *, verifies_user: bool = True
    ) -> None:
        self._origin = origin
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._id = secrets.token_bytes(16)
        self._user = ""
        self._flags = PRESENT | (VERIFIED if verifies_user else 0)
        self._count = 0

    def create(self, options: dict[str, Any]) -> str:
        """Respond to navigator.credentials.create()."""
        self._user = options["user"]["id"]
        numbers = self._key.public_key().public_numbers()
        point = {-2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        key = cbor2.dumps({1: 2, 3: -7, -1: 1, **point})
        attested = bytes(16) + struct.pack(">H", len(self._id)) + self._id + key
        data = self._data(options["rp"]["id"], ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client_data("webauthn.create", options["challenge"])
        response = {
            "clientDataJSON": encode(client),
            "attestationObject": encode(attestation),
            "transports": ["internal"],
        }
        return self._credential(response)

    def get(self, options: dict[str, Any]) -> str:
        """Respond to navigator.credentials.get()."""
        data = self._data(options["rpId"])
        client = self._client_data("webauthn.get", options["challenge"])
        signed = data + hashlib.sha256(client).digest()
        response = {
            "clientDataJSON": encode(client),
            "authenticatorData": encode(data),
            "signature": encode(self._key.sign(signed, ec.ECDSA(hashes.SHA256()))),
            "userHandle": self._user,
        }
        return self._credential(response)

    def _data(self, rp_id: str, flags: int = 0) -> bytes:
        digest = hashlib.sha256(rp_id.encode()).digest()
        return digest + struct.pack(">BI", self._flags | flags, self._count)

    def _client_data(self, kind: str, challenge: str) -> bytes:
        values = {"type": kind, "challenge": challenge, "origin": self._origin}
        return json.dumps({**values, "crossOrigin": False}).encode()

    def _credential(self, response: dict[str, Any]) -> str:
        name = encode(self._id)
        return json.dumps(
            {
                "id": name,
                "rawId": name,
                "type": "public-key",
                "response": response,
                "clientExtensionResults": {},
            }
        )

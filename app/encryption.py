"""Encryption of what visitors write, with Fernet keys. The newest key encrypts."""

import hmac
from collections.abc import Sequence
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class UnknownKeyError(Exception):
    """None of the configured keys decrypts this text: a key is missing from ENCRYPTION_KEYS."""


def fingerprint(key: str) -> str:
    """Return a name for ``key`` that is safe to show: 12 hex digits of a one-way hash."""
    return sha256(b"frontdesk-data-key:" + key.encode()).hexdigest()[:12]


class KeyRing:
    """Encrypts with the first key, decrypts with any of them."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernets = {fingerprint(key): Fernet(key) for key in keys}
        self._fernet = MultiFernet(self._fernets.values())
        self._signing_keys, self._search_keys = (
            {fingerprint(key): hmac.digest(key.encode(), purpose, "sha256") for key in keys}
            for purpose in (b"frontdesk-backup", b"frontdesk-search")
        )

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """The fingerprints of the keys, newest first."""
        return tuple(self._fernets)

    def encrypt(self, text: str) -> bytes:
        return self._fernet.encrypt(text.encode())

    def encrypt_with(self, key_fingerprint: str, text: str) -> bytes:
        """Encrypt with one of the keys of this ring."""
        return self._fernets[key_fingerprint].encrypt(text.encode())

    def decrypt(self, encrypted: bytes) -> str:
        """Return the text. Raises UnknownKeyError if no key decrypts it."""
        try:
            return self._fernet.decrypt(encrypted).decode()
        except InvalidToken:
            raise UnknownKeyError("no key in ENCRYPTION_KEYS decrypts this text") from None

    def sign(self, data: bytes, key_fingerprint: str) -> str:
        """Return an HMAC in hex, by a key derived from one of the keys of this ring."""
        return hmac.digest(self._signing_keys[key_fingerprint], data, "sha256").hex()

    def search_digests(self, text: str) -> dict[str, bytes]:
        """Return keyed digests by which ``text`` can be found but not read: one for each key of
        this ring, by fingerprint, newest first.
        """
        return {
            name: hmac.digest(key, text.encode(), "sha256")[:16]
            for name, key in self._search_keys.items()
        }

    def key_of(self, encrypted: bytes) -> str | None:
        """Return the fingerprint of the key that decrypts this, or None."""
        for key_fingerprint, fernet in self._fernets.items():
            try:
                fernet.decrypt(encrypted)
            except InvalidToken:
                continue
            return key_fingerprint
        return None

    def reencrypt(self, encrypted: bytes) -> bytes:
        """Encrypt the same text with the newest key. Raises UnknownKeyError."""
        return self.encrypt(self.decrypt(encrypted))

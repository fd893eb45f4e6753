"""Encryption of what visitors wrote: Fernet keys, the newest one encrypts."""

from collections.abc import Sequence
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class UnknownKeyError(Exception):
    """None of the configured keys opens this text: a key is missing from ENCRYPTION_KEYS."""


def fingerprint(key: str) -> str:
    """A name for ``key`` that may be shown: 12 hex digits, which lead back to no key."""
    return sha256(b"frontdesk-data-key:" + key.encode()).hexdigest()[:12]


class KeyRing:
    """Seals with the first key, opens with any of them."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernets = {fingerprint(key): Fernet(key) for key in keys}
        self._fernet = MultiFernet(self._fernets.values())

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """The keys' names, newest first."""
        return tuple(self._fernets)

    def encrypt(self, text: str) -> bytes:
        return self._fernet.encrypt(text.encode())

    def encrypt_with(self, name: str, text: str) -> bytes:
        """``text`` under the key with the fingerprint ``name``, which must be ours."""
        return self._fernets[name].encrypt(text.encode())

    def decrypt(self, encrypted: bytes) -> str:
        """The text that was sealed. Raises UnknownKeyError when no key opens it."""
        try:
            return self._fernet.decrypt(encrypted).decode()
        except InvalidToken:
            raise UnknownKeyError("no key in ENCRYPTION_KEYS opens this text") from None

    def key_of(self, encrypted: bytes) -> str | None:
        """The fingerprint of the key that opens ``encrypted``; None when none of ours does."""
        for name, fernet in self._fernets.items():
            try:
                fernet.decrypt(encrypted)
            except InvalidToken:
                continue
            return name
        return None

    def reencrypt(self, encrypted: bytes) -> bytes:
        """The same text under the newest key. Raises UnknownKeyError."""
        try:
            return self._fernet.rotate(encrypted)
        except InvalidToken:
            raise UnknownKeyError("no key in ENCRYPTION_KEYS opens this text") from None

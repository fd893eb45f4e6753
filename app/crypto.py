"""Encryption of what visitors wrote: Fernet keys, the newest one encrypts."""

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class UnknownKeyError(Exception):
    """None of the configured keys opens this text: a key is missing from DATA_KEYS."""


class KeyRing:
    """Seals with the first key, opens with any of them."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, text: str) -> bytes:
        return self._fernet.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """The text that was sealed. Raises UnknownKeyError when no key opens it."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise UnknownKeyError("no key in DATA_KEYS opens this text") from None

    def reseal(self, sealed: bytes) -> bytes:
        """The same text under the newest key. Raises UnknownKeyError."""
        try:
            return self._fernet.rotate(sealed)
        except InvalidToken:
            raise UnknownKeyError("no key in DATA_KEYS opens this text") from None

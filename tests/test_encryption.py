"""Encryption keys can be rotated: old keys decrypt, the newest one encrypts."""

import pytest

from app.encryption import KeyRing, UnknownKeyError

OLD, NEW = "A" * 43 + "=", "B" * 43 + "="


def test_an_old_key_decrypts_while_it_is_listed() -> None:
    encrypted = KeyRing([OLD]).encrypt("words")
    assert KeyRing([NEW, OLD]).decrypt(encrypted) == "words"
    reencrypted = KeyRing([NEW, OLD]).reencrypt(encrypted)
    assert KeyRing([NEW]).decrypt(reencrypted) == "words"
    with pytest.raises(UnknownKeyError):
        KeyRing([NEW]).decrypt(encrypted)

"""When a page with the form was made: signed, so that a program must at least fetch it.

A page may be kept for a minute after that, so the time found is never shorter than
what the visitor really took. Missing, old or forged, it only makes a weak sign of
spam; a submission is told apart without it (docs/decisions/0004).
"""

import hmac
from datetime import datetime
from hashlib import sha256

MAC = 8  # hex digits: whoever guesses 4 billion times has gained half a point
LONGEST = 40  # characters of a token that are looked at


class RenderTimes:
    """Makes and reads the tokens under one secret, the same on every host."""

    def __init__(self, secret: str) -> None:
        self._secret = sha256(b"render-time:" + secret.encode()).digest()

    def token(self, now: datetime) -> str:
        return self._signed(f"{int(now.timestamp()):x}")

    def age(self, token: str, now: datetime) -> float | None:
        """Seconds since ``token`` was made; None when it is none of ours."""
        seconds, _, _ = token[:LONGEST].partition("-")
        if not hmac.compare_digest(
            self._signed(seconds).encode(), token.encode("utf-8", "replace")
        ):
            return None
        age = now.timestamp() - int(seconds, 16)
        return age if age >= 0 else None  # another host's clock

    def _signed(self, seconds: str) -> str:
        mac = hmac.digest(self._secret, seconds.encode("utf-8", "replace"), "sha256").hex()[:MAC]
        return f"{seconds}-{mac}"

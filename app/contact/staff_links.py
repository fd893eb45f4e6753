"""The links in messages to staff: to mark an inquiry as answered, and into the console.

The first is for one inquiry and needs no login. Its signature is the authorization, so another
site cannot mark anything: it does not know the address.
"""

from dataclasses import dataclass
from hashlib import sha256

from itsdangerous import BadSignature, Signer


@dataclass(frozen=True)
class StaffLinks:
    """``secret``, which signs, is the same on every host. ``site_url`` has no final slash;
    ``console_url`` has one, and is empty without the staff console.
    """

    secret: str
    site_url: str
    console_url: str

    def answered(self, reference: str) -> str:
        """The address of the button "I have answered this"."""
        return f"{self.site_url}/answered/{self._signer().sign(reference).decode()}"

    def inquiry(self, reference: str) -> str:
        """The inquiry in the console, or "" without it."""
        return f"{self.console_url}inquiries/{reference}" if self.console_url else ""

    def reference(self, token: str) -> str | None:
        """The reference that ``token`` was made for; None if it is not one of our tokens."""
        try:
            return self._signer().unsign(token).decode()
        except BadSignature:
            return None

    def _signer(self) -> Signer:
        return Signer(self.secret, salt="answered", digest_method=sha256)

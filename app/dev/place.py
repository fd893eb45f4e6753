"""The instance folder of a development site, and the environment its processes get."""

import base64
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEYS = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(48),
    "ENCRYPTION_KEYS": lambda: base64.urlsafe_b64encode(os.urandom(32)).decode(),  # a Fernet key
}


class RunError(Exception):
    """Why the site cannot start, in one line for the person who typed ``make run``."""


@dataclass(frozen=True)
class Place:
    """Where a development site lives: its folder and its addresses."""

    instance: Path
    host: str
    port: int
    mailbox_port: int | None  # None when mail goes to a real server
    clinic: Path | None = None  # the folder that a preview shows anew at each save

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Place":
        """Raises RunError when a port is no port."""
        return cls(
            instance=Path(env.get("INSTANCE_DIR") or ROOT / "instance").expanduser().absolute(),
            host=env.get("HOST") or "127.0.0.1",
            port=_port(env, "PORT", 8000),
            mailbox_port=None if env.get("MAIL_SERVER") else _port(env, "MAILBOX_PORT", 8025),
            clinic=Path(env["CLINIC_DIR"]) if env.get("CLINIC_DIR") else None,
        )

    @property
    def reachable_host(self) -> str:
        """A host that answers on this machine, also when the site listens on all of them."""
        return "127.0.0.1" if self.host == "0.0.0.0" else self.host  # noqa: S104

    @property
    def site(self) -> str:
        return f"http://{self.reachable_host}:{self.port}"

    @property
    def maildir(self) -> Path:
        return self.instance / "mailbox"

    @property
    def mailbox_command(self) -> str:
        """What starts the mailbox of this place alone."""
        defaults = {"INSTANCE_DIR": ROOT / "instance", "MAILBOX_PORT": 8025}
        ours = {"INSTANCE_DIR": self.instance, "MAILBOX_PORT": self.mailbox_port}
        changed = [f"{name}={ours[name]}" for name in ours if ours[name] != defaults[name]]
        return " ".join([*changed, "make mailbox"])

    def prepare(self, env: Mapping[str, str]) -> dict[str, str]:
        """Make the folder and, once, the keys; ``env`` with what the processes need added.

        Raises RunError when the folder cannot be written.
        """
        try:
            self.instance.mkdir(parents=True, exist_ok=True, mode=0o700)
            _check_writable(self.instance)
            keys = {f"{name}_FILE": str(self._key(name)) for name in _missing_keys(env)}
        except OSError as error:
            raise RunError(
                f"The folder {self.instance} cannot be written ({error.strerror}). "
                "Choose another one: INSTANCE_DIR=/path make run"
            ) from None
        development = {
            "APP_ENV": "development",
            "INSTANCE_DIR": str(self.instance),
            "ENV_FILE": os.devnull,  # a .env in the project folder is for production
            "FLASK_SKIP_DOTENV": "1",
        }
        return {**env, **development, **keys, **self._mail()}

    def _key(self, name: str) -> Path:
        file = self.instance / name.lower()
        if not file.exists():
            _write_once(file, KEYS[name]())
        return file

    def _mail(self) -> dict[str, str]:
        if self.mailbox_port is None:
            return {}
        port = str(self.mailbox_port)
        return {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": port, "MAIL_USE_TLS": "false"}


def _check_writable(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder):
        pass


def _write_once(file: Path, text: str) -> None:
    """Whole or not at all, readable by nobody else: half a key would lock inquiries away."""
    handle, name = tempfile.mkstemp(dir=file.parent)  # made with mode 0600
    with os.fdopen(handle, "w") as draft:
        draft.write(text)
        draft.flush()
        os.fsync(draft.fileno())
    Path(name).replace(file)


def _missing_keys(env: Mapping[str, str]) -> list[str]:
    return [name for name in KEYS if not env.get(name) and not env.get(f"{name}_FILE")]


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise RunError(f"{name} must be a number from 1 to 65535, not {text!r}.")

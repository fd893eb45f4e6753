"""``make run``: prepares a development site and starts the processes of Procfile.dev.

Creates the instance folder and, on first run, the keys; checks that the ports are free; applies
database migrations. honcho runs the processes and stops all of them when one exits.
"""

import base64
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from honcho.command import main as honcho

ROOT = Path(__file__).resolve().parents[2]
KEYS = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(48),
    "ENCRYPTION_KEYS": lambda: base64.urlsafe_b64encode(os.urandom(32)).decode(),  # a Fernet key
}
STOPPED = (128 + signal.SIGINT, 128 + signal.SIGTERM)  # exit status of honcho after Ctrl-C


class RunError(Exception):
    """The site cannot start. The message is one line."""


@dataclass(frozen=True)
class Environment:
    """Folders and addresses of a development site, from the variables given to ``make run``."""

    instance: Path
    host: str
    port: int
    mailbox_port: int | None  # None: MAIL_SERVER names a real mail server
    external_mailbox: bool = False  # `make mailbox` runs in another terminal
    clinic: Path | None = None  # the folder to preview

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Environment":
        """Raises RunError for an invalid port number."""
        return cls(
            instance=Path(env.get("INSTANCE_DIR") or ROOT / "instance").expanduser().absolute(),
            host=env.get("HOST") or "127.0.0.1",
            port=_port(env, "PORT", 8000),
            mailbox_port=None if env.get("MAIL_SERVER") else _port(env, "MAILBOX_PORT", 8025),
            external_mailbox=env.get("MAILBOX") == "external",
            clinic=Path(env["CLINIC_DIR"]).expanduser() if env.get("CLINIC_DIR") else None,
        )

    @property
    def processes(self) -> list[str]:
        """The processes of Procfile.dev to start."""
        mailbox = ["mailbox"] if self.mailbox_port and not self.external_mailbox else []
        web = ["preview", "preview-mailer"] if self.clinic else ["web", "mailer"]
        return [*mailbox, *web, "announce"]

    @property
    def reachable_host(self) -> str:
        """The host for requests from this machine, also if the site listens on all addresses."""
        return "127.0.0.1" if self.host == "0.0.0.0" else self.host  # noqa: S104

    @property
    def banner(self) -> str:
        """The lines to print once the site responds."""
        host = f"[{self.reachable_host}]" if ":" in self.reachable_host else self.reachable_host
        site = f"http://{host}:{self.port}"
        mailbox = f"{site}/dev/mailbox" if self.mailbox_port else "none: MAIL_SERVER is set"
        if self.mailbox_port and self.external_mailbox:
            mailbox += " (receives while `make mailbox` runs)"
        clinic = f"Clinic    {self.clinic}: pages reload when files change\n" if self.clinic else ""
        return f"{clinic}Site      {site}\nMailbox   {mailbox}\nStop      Ctrl-C"

    def check_ports(self) -> None:
        """Raises RunError if a port is in use."""
        _check_free("PORT", self.host, self.port)
        if "mailbox" in self.processes and self.mailbox_port:
            _check_free("MAILBOX_PORT", "127.0.0.1", self.mailbox_port)

    def prepare(self, env: Mapping[str, str]) -> dict[str, str]:
        """Create the instance folder and missing keys; return the environment of all processes.

        Raises RunError if the folder is not writable.
        """
        try:
            self.instance.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryFile(dir=self.instance):
                pass
            missing = [name for name in KEYS if not env.get(name) and not env.get(f"{name}_FILE")]
            keys = {f"{name}_FILE": str(self._key(name)) for name in missing}
        except OSError as error:
            raise RunError(
                f"Cannot write to the folder {self.instance} ({error.strerror}). "
                "Choose another one: INSTANCE_DIR=/path make run"
            ) from None
        return {
            "LOG_FORMAT": "console",
            **env,
            "APP_ENV": "development",
            "ENV_FILE": os.devnull,  # a .env in the project folder is for production
            "FLASK_SKIP_DOTENV": "1",
            "INSTANCE_DIR": str(self.instance),
            "HOST": self.host,
            "PORT": str(self.port),
            "SITE_PORT": str(self.port),  # honcho sets a different PORT for each process
            "SITE_HOST": self.reachable_host,
            "SITE_BANNER": self.banner,
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), env.get("PATH", ""))),
            **keys,
            **self._mail(),
        }

    def _key(self, name: str) -> Path:
        file = self.instance / name.lower()
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(KEYS[name]())
        return file

    def _mail(self) -> dict[str, str]:
        if self.mailbox_port is None:
            return {}
        port = str(self.mailbox_port)
        mail = {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": port, "MAIL_USE_TLS": "false"}
        return {"MAILBOX_PORT": port, **mail}


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise RunError(f"{name} must be a number from 1 to 65535, not {text!r}.")


def _check_free(name: str, host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise RunError(
                f"Cannot listen on {host}:{port} ({error.strerror}). "
                f"Choose another port: {name}={port + 1} make run"
            ) from None


def _migrate(env: dict[str, str]) -> None:
    """Apply database migrations. Exits with their error message if they fail."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"]
    result = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)  # noqa: S603
    if result.returncode:
        sys.stderr.write(result.stderr)
        sys.exit(result.returncode)


def _run(processes: list[str]) -> int:
    """Start ``processes`` and wait for them. Returns the exit status, 0 after Ctrl-C."""
    # honcho handles SIGINT and SIGTERM only; closing the terminal sends SIGHUP.
    main_process = os.getpid()
    signal.signal(signal.SIGHUP, lambda *_: os.kill(main_process, signal.SIGTERM))
    options = ["--app-root", str(ROOT), "--env", os.devnull, "--procfile", "Procfile.dev"]
    try:
        honcho(["start", *options, "--no-prefix", *processes])
    except SystemExit as exit_:
        return 0 if exit_.code in STOPPED else int(exit_.code or 0)
    return 0


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))  # until honcho starts
    try:
        environment = Environment.from_env(os.environ)
        environment.check_ports()
        variables = environment.prepare(os.environ)
    except RunError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    _migrate(variables)
    os.environ.update(variables)
    return _run(environment.processes)


if __name__ == "__main__":
    sys.exit(main())

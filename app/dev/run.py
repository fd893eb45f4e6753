"""``make run``: prepares a development site and starts the processes of Procfile.dev.

Creates the instance folder and, on first run, the keys; checks that the ports are free; applies
database migrations; stores sample inquiries on first run. honcho runs the processes and stops
all of them when one exits.

With arguments, it runs that ``flask`` command with the settings of the development site.
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
NEW_KEYS = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(48),
    "ENCRYPTION_KEYS": lambda: base64.urlsafe_b64encode(os.urandom(32)).decode(),  # a Fernet key
}
STOPPED = (128 + signal.SIGINT, 128 + signal.SIGTERM)  # exit status of honcho after Ctrl-C


@dataclass(frozen=True)
class DevelopmentSite:
    """Folders and addresses of a development site, from the variables given to ``make run``."""

    instance_dir: Path
    host: str
    port: int
    mailbox_port: int | None  # None: MAIL_SERVER names a real mail server
    clinic_dir: Path | None  # the folder to preview

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "DevelopmentSite":
        """Return the site that ``env`` describes. Exits if a port number is invalid."""
        instance_dir = Path(env.get("INSTANCE_DIR") or ROOT / "instance")
        return cls(
            instance_dir=instance_dir.expanduser().absolute(),
            host=(env.get("HOST") or "127.0.0.1").strip("[]"),
            port=_port(env, "PORT", 8000),
            mailbox_port=None if env.get("MAIL_SERVER") else _port(env, "MAILBOX_PORT", 8025),
            clinic_dir=Path(env["CLINIC_DIR"]).expanduser() if env.get("CLINIC_DIR") else None,
        )

    @property
    def processes(self) -> list[str]:
        """The processes of Procfile.dev to start."""
        web = ["preview", "preview-mailer"] if self.clinic_dir else ["web", "mailer"]
        return ["mailbox", *web] if self.mailbox_port else web

    @property
    def startup_message(self) -> str:
        """The lines that gunicorn prints when it accepts requests."""
        host = "127.0.0.1" if self.host == "0.0.0.0" else self.host  # noqa: S104
        url = f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"
        mailbox = f"{url}/dev/mailbox" if self.mailbox_port else "none: MAIL_SERVER is set"
        clinic = f"Clinic    {self.clinic_dir}: pages reload when files change\n"
        # Passkeys do not work at an IP address.
        console = f"{url.replace('127.0.0.1', 'localhost')}/staff/ (make invite EMAIL=you@…)"
        return (
            f"{clinic if self.clinic_dir else ''}"
            f"Site      {url}\nMailbox   {mailbox}\nConsole   {console}\nStop      Ctrl-C"
        )

    def wants_samples(self, env: Mapping[str, str]) -> bool:
        """Whether to send sample inquiries: on the first start, and not to a real mail server."""
        is_first = self.mailbox_port and not (self.instance_dir / "mailbox").exists()
        return bool(is_first and not self.clinic_dir and env.get("SAMPLE_INQUIRIES") != "off")

    def check_ports(self) -> None:
        """Exit if a port is in use."""
        _check_port("PORT", self.host, self.port)
        if self.mailbox_port:
            _check_port("MAILBOX_PORT", "127.0.0.1", self.mailbox_port)

    def prepare(self, env: Mapping[str, str]) -> dict[str, str]:
        """Create the instance folder and missing keys. Return the variables of all processes.

        Exits if the folder is not writable.
        """
        try:
            self.instance_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryFile(dir=self.instance_dir):
                pass
            unset = [name for name in NEW_KEYS if not env.get(name) and not env.get(f"{name}_FILE")]
            key_files = {f"{name}_FILE": str(self._key_file(name)) for name in unset}
        except OSError as error:
            sys.exit(
                f"Cannot write to the folder {self.instance_dir} ({error.strerror}). "
                "Choose another one: INSTANCE_DIR=/path make run"
            )
        return {
            "APP_ENV": "development",
            "LOG_FORMAT": env.get("LOG_FORMAT") or "console",
            "ENV_FILE": os.devnull,  # a .env in the project folder is for production
            "FLASK_SKIP_DOTENV": "1",
            "INSTANCE_DIR": str(self.instance_dir),
            "HOST": self.host,
            "PORT": str(self.port),
            "SITE_PORT": str(self.port),  # honcho sets a different PORT for each process
            "STARTUP_MESSAGE": self.startup_message,
            "STAFF_CONSOLE": env.get("STAFF_CONSOLE") or "on",
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), env.get("PATH", ""))),
            **key_files,
            **self._mail_settings(),
        }

    def _key_file(self, name: str) -> Path:
        file = self.instance_dir / name.lower()
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(NEW_KEYS[name]())
        return file

    def _mail_settings(self) -> dict[str, str]:
        if not self.mailbox_port:
            return {}
        port = str(self.mailbox_port)
        mail = {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": port, "MAIL_USE_TLS": "false"}
        return {"MAILBOX_PORT": port, **mail}


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    sys.exit(f"{name} must be a number from 1 to 65535, not {text!r}.")


def _check_port(name: str, host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, TypeError) as error:  # also: no such host, no IPv6 on this machine
        reason = getattr(error, "strerror", "") or "not a host name"
        sys.exit(
            f"Cannot listen on {host}:{port} ({reason}). "
            f"Choose another host or port: {name}={port + 1} make run"
        )


def _run_python(*arguments: str) -> None:
    """Run a command and wait for it. Exits with its error message if it fails."""
    command = [sys.executable, *arguments]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    if result.returncode:
        sys.stderr.write(result.stderr)
        sys.exit(result.returncode)


def _run(processes: list[str]) -> int:
    """Start ``processes`` and wait for them. Return the exit status, 0 after Ctrl-C."""
    # honcho handles SIGINT and SIGTERM only; closing the terminal sends SIGHUP.
    main_process = os.getpid()
    signal.signal(signal.SIGHUP, lambda *_: os.kill(main_process, signal.SIGTERM))
    options = ["--app-root", str(ROOT), "--env", os.devnull, "--procfile", "Procfile.dev"]
    try:
        honcho(["start", *options, "--no-prefix", *processes])
    except SystemExit as exit_:
        return 0 if exit_.code in STOPPED else int(exit_.code or 0)
    return 0


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))  # until honcho starts
    site = DevelopmentSite.from_env(os.environ)
    command = sys.argv[1:]
    if not command:
        site.check_ports()
    os.environ.update(site.prepare(os.environ))
    if command:
        os.execv(sys.executable, [sys.executable, "-m", "flask", "--app", "wsgi", *command])  # noqa: S606
    wants_samples = site.wants_samples(os.environ)
    _run_python("-m", "flask", "--app", "wsgi", "db", "upgrade")
    if wants_samples:
        _run_python("-m", "app.dev.sample_inquiries")
    sys.exit(_run(site.processes))


if __name__ == "__main__":
    main()

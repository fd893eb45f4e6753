"""Starts and stops the servers to measure, each on its own loopback port."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from cryptography.fernet import Fernet

ROOT = Path(__file__).resolve().parents[1]
GUNICORN = Path(sys.executable).with_name("gunicorn")
NODE_MODULES = ROOT / "build" / "node" / "node_modules"
NGINX = ROOT / "build" / "nginx" / "usr" / "sbin" / "nginx"  # `make nginx`
NGINX_SETTINGS = """
worker_processes {workers}; pid {folder}/nginx.pid; error_log {folder}/error.log; daemon off;
events {{ worker_connections 256; }}
http {{
  access_log {folder}/access.log;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  default_type "text/html; charset=utf-8"; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  server {{ listen 127.0.0.1:{port}; root {folder}/root; index index;
            add_header Content-Encoding br; }}
}}
"""


@dataclass(frozen=True)
class Server:
    """A running server. ``process`` is its main process."""

    name: str
    url: str
    process: psutil.Process

    def processes(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]

    def cpu(self) -> float:
        """CPU seconds used so far by all processes, including exited children."""
        return sum(sum(process.cpu_times()[:4]) for process in self.processes())


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a development site in ``folder``, plus ``variables``."""
    return {
        **os.environ,
        "APP_ENV": "development",
        "SECRET_KEY": "only-for-the-bench-" + "x" * 32,
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "INSTANCE_DIR": str(folder / "instance"),
        "MAIL_SERVER": "127.0.0.1",
        "ENV_FILE": os.devnull,
        "FLASK_SKIP_DOTENV": "1",
        **variables,
    }


@contextmanager
def frontdesk(folder: Path, **variables: str) -> Iterator[Server]:
    """Frontdesk with its own gunicorn.conf.py on a new database, without a mailer."""
    env = environment(folder, **variables)
    (folder / "instance").mkdir(exist_ok=True)
    flask = [sys.executable, "-m", "flask", "--app", "wsgi"]
    subprocess.run([*flask, "db", "upgrade"], env=env, cwd=ROOT, check=True, capture_output=True)
    with started("Frontdesk", [str(GUNICORN)], env, folder) as server:
        yield server


@contextmanager
def public_pages() -> Iterator[tuple[str, list[str]]]:
    """Run Frontdesk. Yields its base URL, without a final slash, and the paths of its pages."""
    with (
        tempfile.TemporaryDirectory(prefix="frontdesk-pages-") as folder,
        frontdesk(Path(folder), RATELIMIT_ENABLED="false") as server,
    ):
        base_url = server.url.rstrip("/")
        with urllib.request.urlopen(f"{base_url}/sitemap.xml") as response:
            urls = re.findall(r"<loc>([^<]+)</loc>", response.read().decode())
        yield base_url, [urlsplit(url).path for url in urls]


@contextmanager
def baseline(name: str, app: str, folder: Path, **variables: str) -> Iterator[Server]:
    """Yield an application of bench/baseline.py with Frontdesk's gunicorn settings."""
    env = environment(folder, **variables)
    command = [str(GUNICORN), "-c", "bench/baseline.conf.py", f"bench.baseline:{app}"]
    with started(name, command, env, folder) as server:
        yield server


@contextmanager
def nginx(body: Path, workers: int) -> Iterator[Server]:
    """nginx, with an access log, serving ``body`` as its front page."""
    folder, port = body.parent / "nginx", free_port()
    (folder / "root").mkdir(parents=True)
    shutil.copy(body, folder / "root" / "index")
    settings = folder / "nginx.conf"
    settings.write_text(NGINX_SETTINGS.format(folder=folder, port=port, workers=workers))
    if os.geteuid() == 0:  # the workers are not root and need access to the folder
        body.parent.chmod(0o755)
    command = [str(NGINX), "-p", str(folder), "-c", str(settings), "-e", str(folder / "error.log")]
    with started(
        "nginx, static file", command, {**os.environ, "PORT": str(port)}, folder
    ) as server:
        yield server


@contextmanager
def started(name: str, command: list[str], env: dict[str, str], folder: Path) -> Iterator[Server]:
    """Run ``command`` with its own PORT for the duration of the block."""
    port = env.get("PORT") or str(free_port())
    with (folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**env, "PORT": port}, stdout=log, stderr=log
        )
    try:
        url = f"http://127.0.0.1:{port}/"
        wait_for(url, process, folder / "log.txt")
        yield Server(name, url, psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait(30)


def wait_for(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(600):
        with suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise SystemExit(f"{url} does not respond:\n{log.read_text()[-2000:]}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port

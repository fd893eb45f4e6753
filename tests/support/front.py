"""nginx and Caddy as deploy/ configures them, in front of a site that gunicorn serves.

`make nginx caddy` brings the programs. Of the configurations only names, ports and
paths are changed.
"""

import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from app import clock, create_app
from app.ops.export import tree
from app.ops.export.answers import fixed_answers
from app.ops.site_cli import SERVERS
from config import ROOT, Settings
from tests.support.certificate import self_signed
from tests.support.settings import environment
from tests.support.site import Site, clean_up, eventually, free_port, launch

BIN = Path(sys.executable).parent
DEPLOY = ROOT / "deploy"
NGINX = ROOT / "build" / "nginx" / "usr"
BROTLI = NGINX / "lib" / "nginx" / "modules" / "ngx_http_brotli_static_module.so"
AROUND = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr crit; {user}
load_module {brotli};
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    include {folder}/frontdesk.conf;
}}
"""


@dataclass(frozen=True)
class Front:
    """A web server called ``kind`` in front of ``site``, with ``pages`` on its disk."""

    kind: str
    site: Site
    port: int
    pages: Path
    rules: str

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def certificate(self) -> Path:
        return self.pages.with_name("certificate.pem")

    def client(self, address: str = "127.0.0.1") -> httpx.Client:
        """A visitor who comes from ``address``, speaks HTTP/2 and checks the certificate."""
        trust = ssl.create_default_context(cafile=self.certificate)
        way = httpx.HTTPTransport(verify=trust, http2=True, local_address=address)
        return httpx.Client(base_url=self.url, transport=way, timeout=30, trust_env=False)

    @contextmanager
    def started(self) -> Iterator[None]:
        """The web server runs."""
        folder = self.pages.with_name(f"{self.kind}-{self.port}")
        folder.mkdir()
        with _running(_COMMANDS[self.kind](self, folder), folder) as process:
            eventually(
                lambda: process.poll() is not None or self._answers(),
                what=f"{self.kind} answers",
            )
            assert process.poll() is None, (folder / "front.log").read_text()
            yield

    def _answers(self) -> bool:
        with self.client() as visitor:
            return _status(visitor, "/robots.txt") == 200


@contextmanager
def front(kind: str, folder: Path, migrated: Path, **env: str) -> Iterator[Front]:
    """``kind`` (nginx or caddy) before a site on a copy of the database ``migrated``."""
    port, pages = free_port(), folder / "pages"
    folder.mkdir()
    self_signed(folder / "certificate.pem")
    shutil.copy(migrated, folder / "frontdesk.db")
    variables = environment(
        folder,
        BASE_URL=f"https://localhost:{port}",
        TRUSTED_PROXIES="1",
        WEB_CONCURRENCY="1",
        **env,
    )
    site = launch(folder, command=[str(BIN / "gunicorn")], **variables)
    try:
        answers = fixed_answers(
            create_app(Settings.from_env(variables)), f"https://localhost:{port}"
        )
        tree.write(pages, answers, clock.now(), clock.now())
        made = Front(kind, site, port, pages, SERVERS[kind](pages, answers))
        with httpx.Client(base_url=site.url, trust_env=False) as direct:
            eventually(lambda: _status(direct, "/healthz") == 200, what="the site answers")
        with made.started():
            yield made
    finally:
        clean_up(site)


def caddy_program() -> str:
    unpacked = str(ROOT / "build" / "caddy" / "usr" / "bin")
    found = shutil.which("caddy", path=os.pathsep.join((os.environ["PATH"], unpacked)))
    assert found, "caddy is not here: run `make caddy`"
    return found


def _nginx(front: Front, folder: Path) -> list[str]:
    assert BROTLI.exists(), "nginx is not here: run `make nginx`"
    changes = {
        "clinic.example": "localhost",
        "listen 80": f"listen 127.0.0.1:{free_port()}",
        "listen 443": f"listen 127.0.0.1:{front.port}",
        "127.0.0.1:8000": front.site.url.removeprefix("http://"),
        "/etc/letsencrypt/live/localhost/fullchain.pem": str(front.certificate),
        "/etc/letsencrypt/live/localhost/privkey.pem": str(front.certificate),
        "/etc/nginx/frontdesk-pages.conf": f"{folder}/rules.conf",
        "/var/log/nginx/": f"{folder}/",
    }
    given = (DEPLOY / "nginx" / "frontdesk.conf").read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in given if "listen [::]" not in line)
    (folder / "frontdesk.conf").write_text(_changed(text, changes))
    (folder / "rules.conf").write_text(front.rules)
    user = "user root;" if os.geteuid() == 0 else ""
    whole = AROUND.format(folder=folder, brotli=BROTLI, user=user)
    (folder / "nginx.conf").write_text(whole)
    command = [str(NGINX / "sbin" / "nginx"), "-e", "stderr", "-p", str(folder), "-c"]
    command += [str(folder / "nginx.conf")]
    _check([*command, "-t"])
    return command


def _caddy(front: Front, folder: Path) -> list[str]:
    certificate = front.certificate
    changes = {
        "admin off": f"admin off\n\tauto_https disable_redirects\n\thttp_port {free_port()}",
        "{$SITE_HOST:clinic.example} {": f"{front.url} {{\n\ttls {certificate} {certificate}",
        "{$UPSTREAMS:127.0.0.1:8000}": front.site.url.removeprefix("http://"),
        "{$PAGES_RULES:/etc/caddy/frontdesk-pages.caddy}": f"{folder}/rules.caddy",
    }
    given = (DEPLOY / "caddy" / "Caddyfile").read_text(encoding="utf-8")
    (folder / "Caddyfile").write_text(_changed(given, changes))
    (folder / "rules.caddy").write_text(front.rules)
    which = ["--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
    _check([caddy_program(), "validate", *which])
    return [caddy_program(), "run", *which]


_COMMANDS = {"nginx": _nginx, "caddy": _caddy}


def _check(command: list[str]) -> None:
    """Let the server judge its configuration; what nginx warns of is a fault too."""
    done = subprocess.run(
        command,
        env={"HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "[warn]" not in said, said
    assert "not formatted" not in said, said


def _changed(text: str, changes: Mapping[str, str]) -> str:
    for old, new in changes.items():
        assert old in text, f"{old} does not stand there any more"
        text = text.replace(old, new)
    return text


@contextmanager
def _running(command: list[str], folder: Path) -> "Iterator[subprocess.Popen[bytes]]":
    with (folder / "front.log").open("wb") as log:
        home = {"HOME": str(folder), "PATH": os.defpath}
        process = subprocess.Popen(command, env=home, stdout=log, stderr=log, cwd=folder)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def _status(client: httpx.Client, path: str) -> int:
    try:
        return client.get(path).status_code
    except httpx.HTTPError:
        return 0

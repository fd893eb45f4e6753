"""nginx and Caddy with the configuration in deploy/, in front of the application under gunicorn.

Only host names, ports and paths of the configuration are changed. `make nginx` unpacks nginx into
build/.
"""

import os
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from config import ROOT
from tests.support.certificate import write_self_signed_certificate
from tests.support.settings import environment
from tests.support.shared_work import share_maps
from tests.support.site import Site, eventually, free_port, launch, stop_site

BIN = Path(sys.executable).parent
DEPLOY = ROOT / "deploy"
NGINX = ROOT / "build" / "nginx" / "usr" / "sbin" / "nginx"
NGINX_CONF = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr crit; {user}
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    include {folder}/frontdesk.conf;
}}
"""
PHONE = "+1-555-010-0199"  # shown on Caddy's error page


@dataclass(frozen=True)
class ProxyServer:
    """nginx or Caddy (``kind``) in front of ``site``, with its files in ``folder``.

    ``variables``: the environment of the application. ``extra``: lines for nginx's server block.
    """

    kind: str
    site: Site
    port: int
    folder: Path
    variables: Mapping[str, str] = field(repr=False)
    extra: str = ""

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def certificate(self) -> Path:
        return self.folder / "certificate.pem"

    @property
    def runtime_folder(self) -> Path:
        """The folder of all files that the server writes, including logs."""
        return self.folder / f"{self.kind}-{self.port}"

    @property
    def cache(self) -> Path:
        """The folder of nginx's page cache."""
        return self.runtime_folder / "cache"

    def client(self, address: str = "127.0.0.1", *, http2: bool = True) -> httpx.Client:
        """Return a client with the source ``address`` that verifies the certificate."""
        transport = httpx.HTTPTransport(
            verify=self.tls_context(), http2=http2, local_address=address
        )
        return httpx.Client(base_url=self.url, transport=transport, timeout=30, trust_env=False)

    def tls_context(self) -> ssl.SSLContext:
        """Return a TLS context that trusts the certificate."""
        return ssl.create_default_context(cafile=self.certificate)

    def warm_cache(self) -> str:
        """Fill the page cache with `flask cache warm`. Returns the output."""
        return self.flask("cache", "warm", "--address", "127.0.0.1")

    def reload(self) -> None:
        """Let nginx read its changed configuration. Returns when it is used."""
        _check([*_nginx_command(self.runtime_folder), "-s", "reload"])
        time.sleep(1)

    def flask(self, *arguments: str) -> str:
        """Run a ``flask`` command with the application's settings. Returns the output."""
        result = subprocess.run(
            [str(BIN / "flask"), "--app", "wsgi", *arguments],
            cwd=ROOT,
            env={**os.environ, **self.variables, "SSL_CERT_FILE": str(self.certificate)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    @contextmanager
    def started(self) -> Iterator[None]:
        """Run the server during the block."""
        self.runtime_folder.mkdir()
        with _running(_COMMANDS[self.kind](self), self.runtime_folder) as process:
            eventually(
                lambda: process.poll() is not None or self._responds(),
                what=f"{self.kind} responds",
            )
            assert process.poll() is None, (self.runtime_folder / "server.log").read_text()
            yield

    def _responds(self) -> bool:
        with self.client() as client:
            return _status(client, "/robots.txt") in (200, 503)


@contextmanager
def proxy_server(kind: str, folder: Path, migrated: Path, **env: str) -> Iterator[ProxyServer]:
    """Run ``kind`` (nginx or caddy) in front of an application on a copy of ``migrated``."""
    port = free_port()
    share_maps(folder)
    write_self_signed_certificate(folder / "certificate.pem")
    shutil.copy(migrated, folder / "frontdesk.db")
    variables = environment(
        folder,
        BASE_URL=f"https://localhost:{port}",
        PORT=str(free_port()),
        TRUSTED_PROXIES="1",
        WEB_CONCURRENCY="1",
        **env,
    )
    with application_server(folder, variables) as site:
        server = ProxyServer(kind, site, port, folder, variables)
        with server.started():
            yield server


@contextmanager
def application_server(folder: Path, variables: Mapping[str, str]) -> Iterator[Site]:
    """Run the application under gunicorn with threads, where a slow request occupies one."""
    command = [str(BIN / "gunicorn"), "--worker-class", "gthread"]
    site = launch(folder, command=command, **variables)
    try:
        with httpx.Client(base_url=site.url, trust_env=False) as direct:
            eventually(lambda: _status(direct, "/healthz") == 200, what="the application responds")
        yield site
    finally:
        stop_site(site)


def production_settings(folder: Path) -> dict[str, str]:
    """Production settings, with a copy of the demo clinic in ``folder``."""
    shutil.copytree(ROOT / "clinic", folder)
    file = folder / "clinic.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("demo = true", "demo = false"))
    return {
        "APP_ENV": "production",
        "CLINIC_DIR": str(folder),
        "MAIL_DEFAULT_SENDER": "no-reply@clinic.example",
    }


def caddy_program() -> str:
    folders = (BIN, ROOT / "build" / "caddy" / "usr" / "bin", os.environ["PATH"])
    program = shutil.which("caddy", path=os.pathsep.join(map(str, folders)))
    assert program, "caddy is missing: it is part of requirements-test.txt"
    return program


def _nginx(server: ProxyServer) -> list[str]:
    assert NGINX.exists(), "nginx is missing: run `make nginx`"
    folder = server.runtime_folder
    changes = {
        "clinic.example": "localhost",
        "listen 80": f"listen 127.0.0.1:{free_port()}",
        "listen 443": f"listen 127.0.0.1:{server.port}",
        "127.0.0.1:8000": server.site.url.removeprefix("http://"),
        "/etc/letsencrypt/live/localhost/fullchain.pem": str(server.certificate),
        "/etc/letsencrypt/live/localhost/privkey.pem": str(server.certificate),
        "/var/cache/frontdesk": str(server.cache),
        "/var/log/nginx/": f"{folder}/",
        "server_tokens off;": f"server_tokens off;\n{server.extra}",
    }
    original = (DEPLOY / "nginx" / "frontdesk.conf").read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in original if "listen [::]" not in line)
    (folder / "frontdesk.conf").write_text(_replace_all(text, changes))
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(NGINX_CONF.format(folder=folder, user=user))
    command = _nginx_command(folder)
    _check([*command, "-t"])
    return command


def _nginx_command(folder: Path) -> list[str]:
    return [str(NGINX), "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def _caddy(server: ProxyServer) -> list[str]:
    certificate = server.certificate
    changes = {
        "admin off": f"admin off\n\tauto_https disable_redirects\n\thttp_port {free_port()}",
        "{$SITE_HOST:clinic.example} {": f"{server.url} {{\n\ttls {certificate} {certificate}",
        "{$UPSTREAMS:127.0.0.1:8000}": server.site.url.removeprefix("http://"),
    }
    original = (DEPLOY / "caddy" / "Caddyfile").read_text(encoding="utf-8")
    (server.runtime_folder / "Caddyfile").write_text(_replace_all(original, changes))
    options = ["--adapter", "caddyfile", "--config", str(server.runtime_folder / "Caddyfile")]
    _check([caddy_program(), "validate", *options])
    return [caddy_program(), "run", *options]


_COMMANDS = {"nginx": _nginx, "caddy": _caddy}


def _check(command: list[str]) -> None:
    """Run the server's own check of its configuration. Warnings are failures."""
    result = subprocess.run(
        command,
        env={"HOME": "/nonexistent", "CLINIC_PHONE": PHONE},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    output = result.stdout + result.stderr
    assert result.returncode == 0, output
    assert "[warn]" not in output, output
    assert "not formatted" not in output, output


def _replace_all(text: str, changes: Mapping[str, str]) -> str:
    for old, new in changes.items():
        assert old in text, f"the configuration no longer contains {old}"
        text = text.replace(old, new)
    return text


@contextmanager
def _running(command: list[str], folder: Path) -> "Iterator[subprocess.Popen[bytes]]":
    with (folder / "server.log").open("wb") as log:
        env = {"HOME": str(folder), "PATH": os.defpath, "CLINIC_PHONE": PHONE}
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log, cwd=folder)
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

"""Gunicorn's settings. ``gunicorn`` alone, in this folder, starts the site.

HOST, PORT, WEB_CONCURRENCY (worker processes) and WEB_THREADS (threads of each) are
settings like the others: see .env.example.
"""

import ctypes
import gc
import logging
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

from app.web.logging import FORMATTERS
from config import Settings, SettingsError

# One heap for all threads, to be said before there are any: Python lets one of them run at a
# time anyway, and a heap for each is 4 MB more in every worker. (Not every C library is glibc.)
M_ARENA_MAX = -8  # of malloc.h
with suppress(AttributeError, OSError):
    ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)

try:
    settings = Settings.from_env()
except SettingsError as error:
    sys.stderr.write(f"{error}\n")
    raise SystemExit(78) from None


# Prometheus's client shares counts between processes through files in this folder. It reads
# the variable when it is imported.
metrics_folder = settings.instance_dir / "metrics" if settings.metrics_token else None
if metrics_folder:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics_folder)


class ServerLog(Logger):  # type: ignore[misc]
    """Gunicorn's own lines in the shape of ours, without addresses of any kind."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        line = FORMATTERS[settings.log_format](show_messages=settings.is_development)
        for handler in self.error_log.handlers:
            handler.setFormatter(line)
        self.error_log.addFilter(self._without_address)

    @staticmethod
    def _without_address(record: logging.LogRecord) -> bool:
        if str(record.msg).startswith("Invalid request from ip="):
            record.msg, record.args = "invalid request", ()
        return True


wsgi_app = "wsgi:app"
bind = settings.bind
worker_class = "gthread"
worker_connections = 500  # clients of each process; with more, the slowest goes
workers = settings.web_concurrency
threads = settings.web_threads

# Loaded once, before the workers are forked: a fault in the clinic's files
# stops the start with one report, instead of workers that die and are started
# again for ever; and the workers share the memory of what was loaded: each has
# 10 MB of its own instead of 76 MB.
preload_app = True

timeout = 30  # seconds without a heartbeat before a worker counts as hung
graceful_timeout = 20  # seconds for the requests under way when the server stops
keepalive = 5
sendfile = False  # threads have no socket to copy a file to
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190
# Heartbeats are file times: on a disk that stalls, workers would seem hung.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
# Who may say where a request came from is decided in one place: TRUSTED_PROXIES.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
accesslog = None  # the application logs its requests, without visitors' words
logger_class = ServerLog
control_socket_disable = True


def on_starting(_server: Any) -> None:
    """Empty the folder in which the workers count requests."""
    if metrics_folder:
        shutil.rmtree(metrics_folder, ignore_errors=True)
        metrics_folder.mkdir(parents=True)


def when_ready(server: Any) -> None:
    """Keep a mailer beside the web, unless mailers run on their own."""
    from app.ops import running  # noqa: PLC0415  (already loaded)

    running.note_start(settings.instance_dir)
    if settings.mailer_beside_web:
        from app.ops import mailing  # noqa: PLC0415  (the web alone needs neither)
        from app.outbox.beside_web import MailerBesideWeb  # noqa: PLC0415
        from wsgi import app  # noqa: PLC0415  (already loaded)

        work = mailing.beside_web(app)
        _before_fork()
        server.mailer = MailerBesideWeb(server, work)


def pre_fork(_server: Any, _worker: Any) -> None:
    _before_fork()


def _before_fork() -> None:
    """A database connection must not be carried over a fork; the start leaves some behind.

    What is loaded by now is left out of garbage collection: a collection writes to every
    object it looks at, and what a process writes to it no longer shares.
    """
    from wsgi import app  # noqa: PLC0415  (already loaded)

    app.extensions["database"].engine.dispose()
    gc.freeze()


def post_worker_init(_worker: Any) -> None:
    """Make the maps, so that the first visitor finds them; one worker does, the others wait."""
    from app import location  # noqa: PLC0415  (already loaded)
    from wsgi import app  # noqa: PLC0415

    location.prepare(app)


def on_reload(server: Any) -> None:
    """HUP: the mailer is replaced as the workers are."""
    if mailer := getattr(server, "mailer", None):
        mailer.reload()


def on_exit(server: Any) -> None:
    """Leave together: the mailer may be past the final dot of a mail."""
    from app.ops import running  # noqa: PLC0415

    running.note_end(settings.instance_dir)
    if mailer := getattr(server, "mailer", None):
        mailer.end()

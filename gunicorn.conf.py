"""gunicorn's configuration. Running ``gunicorn`` in this folder serves the site.

HOST, PORT, WEB_CONCURRENCY (worker processes) and WEB_THREADS (threads per process) are
settings like the others: see .env.example.

Another process, ``flask mailer run``, sends the email: see Procfile. The proxy in front handles
TLS and buffers requests and responses, so a slow client does not occupy a thread here.
"""

import gc
import logging
import os
import sys
from pathlib import Path
from threading import Thread
from typing import Any

from gunicorn.glogging import Logger

from app.services import get_services
from app.web.logging import FORMATTERS
from config import Settings, SettingsError

try:
    settings = Settings.from_env()
except SettingsError as error:
    sys.stderr.write(f"{error}\n")
    raise SystemExit(78) from None

os.umask(0o077)  # as in wsgi.py, for the files of the request metrics

# Prometheus's client shares counts between processes through files in this folder. It reads
# the variable when it is imported, and the folder must exist by then.
metrics_folder = settings.instance_dir / "metrics" if settings.metrics_token else None
if metrics_folder:
    metrics_folder.mkdir(parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics_folder)


class GunicornLogger(Logger):  # type: ignore[misc]
    """gunicorn's own log, in the application's format and without client addresses."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        formatter = FORMATTERS[settings.log_format](show_messages=settings.is_development)
        for handler in self.error_log.handlers:
            handler.setFormatter(formatter)
        self.error_log.addFilter(self._without_address)

    @staticmethod
    def _without_address(record: logging.LogRecord) -> bool:
        if str(record.msg).startswith("Invalid request from ip="):
            record.msg, record.args = "invalid request", ()
        return True


wsgi_app = "wsgi:app"
bind = settings.bind
worker_class = "gthread"
workers = settings.web_concurrency
threads = settings.web_threads
worker_connections = 500  # per worker, idle ones included; stays below the usual 1,024 files

# Load the application before forking the workers: an error in the clinic's files is reported
# once, and the workers share memory.
preload_app = True

timeout = 30  # seconds without a heartbeat before a worker counts as hung
graceful_timeout = 20  # seconds for the requests in progress when the server stops
# Longer than nginx (60 s) and Caddy (120 s) keep an idle connection: the proxy closes it
# first, so no inquiry is sent over a connection that is being closed. Costs no thread.
keepalive = 130
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190
# Workers touch a file as their heartbeat. On a slow disk they would seem to hang.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
# TRUSTED_PROXIES alone decides whether X-Forwarded-* is trusted.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
accesslog = None  # the application logs requests, without personal data
logger_class = GunicornLogger
control_socket_disable = True


def on_starting(_server: Any) -> None:
    """Delete the request metrics of the previous start."""
    for file in metrics_folder.glob("*.db") if metrics_folder else ():
        file.unlink()


def when_ready(_server: Any) -> None:
    """Print the addresses of a development site, which `make run` passes on."""
    if message := os.environ.get("STARTUP_MESSAGE"):
        sys.stdout.write(f"{message}\n")
        sys.stdout.flush()


def pre_fork(_server: Any, _worker: Any) -> None:
    """Close database connections, which a process must not share with its parent.

    Objects of the master are not garbage: a collection would only write to the memory that the
    workers share with it.
    """
    from wsgi import app  # noqa: PLC0415  (already loaded)

    get_services(app).database.engine.dispose()
    gc.collect()
    gc.freeze()


def post_worker_init(_worker: Any) -> None:
    """Start the worker's background threads. One worker builds the maps for all."""
    from app.monitoring.mailer_watch import MailerWatch  # noqa: PLC0415  (already loaded)
    from app.monitoring.observations import store_refused_posts  # noqa: PLC0415
    from wsgi import app  # noqa: PLC0415

    services = get_services(app)
    MailerWatch(services.database).start()
    Thread(target=services.notices.keep_current, daemon=True).start()
    Thread(target=store_refused_posts, args=(services,), daemon=True).start()
    Thread(target=services.clinic_map.cache.get, args=("map.js",), daemon=True).start()

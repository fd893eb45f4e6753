"""Sends reports to the addresses of ALERT_URLS, through Apprise.

The addresses are secrets: anyone who knows one can post in the clinic's name. They are named by
their number and service. The log of Apprise, which quotes them, is not shown, only searched for
an HTTP status.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from app.database import Database
from app.monitoring.http_calls import CallResult, in_time
from app.monitoring.observations import ALERTS, record
from config import SettingsError

log = logging.getLogger("frontdesk.alerts")

STATUS = re.compile(r"error=(\d{3})\b")  # as Apprise's services log it


@dataclass(frozen=True)
class Report:
    """What is told. ``severity`` is "ok" for the end of a problem."""

    severity: str
    title: str
    text: str


class AlertAddresses:
    """The addresses. ``names`` are like "address 2 (Slack)".

    Apprise is imported here and not at the top: it takes 40 MB, and only mailers and the doctor
    need it, if there are addresses.
    """

    def __init__(self, urls: Sequence[str], *, site: str) -> None:
        """Raises SettingsError with the numbers of all addresses that Apprise cannot use."""
        import apprise  # noqa: PLC0415

        logging.getLogger("apprise").propagate = False
        logging.getLogger("urllib3").setLevel(logging.WARNING)
        self._apprise = apprise
        self._urls = urls
        # Nothing is written to disk, no images of other hosts are shown, redirects are not
        # followed, and the time is limited here.
        self._asset = apprise.AppriseAsset(
            app_id="Frontdesk",
            app_desc="Frontdesk",
            app_url=site,
            image_url_mask="",
            image_url_logo="",
            http_redirects=False,
            service_timeout=0,
            async_mode=False,
            storage_mode=apprise.PersistentStoreMode.MEMORY,
        )
        services = [apprise.Apprise.instantiate(url, asset=self._asset) for url in urls]
        unusable = [str(number) for number, one in enumerate(services, 1) if one is None]
        if unusable:
            raise SettingsError(
                f"Invalid settings:\n  ALERT_URLS: Apprise cannot use address"
                f" {', '.join(unusable)} of {len(urls)} (see docs/operating.md)"
            )
        self.names = [
            f"address {number} ({service.service_name})"
            for number, service in enumerate(services, 1)
            if service
        ]

    def send(self, report: Report) -> dict[str, str]:
        """Send ``report`` to all addresses at once. The problem of each by its name, empty if it
        was accepted.
        """
        results = in_time(*(partial(self._send_to, url, report) for url in self._urls))
        problems = ["timed out" if result is None else result for result in results]
        return dict(zip(self.names, problems, strict=True))

    def _send_to(self, url: str, report: Report) -> str:
        # New for each report: an object that was used before waits to respect a rate limit.
        service = self._apprise.Apprise(asset=self._asset)
        plugin = service.instantiate(url, asset=self._asset)
        assert plugin, "checked at the start"
        service.add(plugin)
        result: Any = service.notify(
            title=report.title,
            body=report.text,
            notify_type={"critical": "failure", "ok": "success"}.get(report.severity, "warning"),
            body_format="text",
        )
        if result:
            return ""
        logged = " ".join(entry.message for entry in result.logs())
        if status := STATUS.search(logged):
            return f"status {status[1]}"
        return "no connection" if "onnection error" in logged else "not accepted"


def send_and_record(database: Database, addresses: AlertAddresses, report: Report) -> bool:
    """Send ``report`` and store the result. Whether one of ``addresses`` accepted it: to send it
    again because of the others would repeat it there.
    """
    results = addresses.send(report)
    record_results(database, results)
    return "" in results.values()


def record_results(database: Database, results: dict[str, str]) -> None:
    """Store and log the problems of what was sent."""
    problems = [f"{name}: {problem}" for name, problem in results.items() if problem]
    for problem in problems:
        log.warning("alert not accepted by %s", problem)
    record(database, ALERTS, CallResult("; ".join(problems)))

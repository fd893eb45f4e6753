"""Sends reports to the addresses of ALERT_URLS, through Apprise.

The addresses are secrets, so they are named by their number and service.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from app.apprise_client import AppriseClient
from app.database import Database
from app.http_calls import CallResult
from app.monitoring.observations import ALERTS, record
from config import SettingsError

log = logging.getLogger("frontdesk.alerts")

NOTIFICATION_TYPES = {"critical": "failure", "ok": "success"}  # by severity


@dataclass(frozen=True)
class Report:
    """What is told. ``severity`` is "ok" for the end of a problem."""

    severity: str
    title: str
    text: str


class AlertAddresses:
    """The addresses. ``names`` are like "address 2 (Slack)"."""

    def __init__(self, urls: Sequence[str], *, site: str) -> None:
        """Raises SettingsError with the numbers of all addresses that Apprise cannot use."""
        self._client, self._urls = AppriseClient(site), urls
        services = [self._client.service_name(url) for url in urls]
        unusable = [str(number) for number, name in enumerate(services, 1) if name is None]
        if unusable:
            raise SettingsError(
                f"Invalid settings:\n  ALERT_URLS: Apprise cannot use address"
                f" {', '.join(unusable)} of {len(urls)} (see docs/operating.md)"
            )
        self.names = [f"address {number} ({name})" for number, name in enumerate(services, 1)]

    def send(self, report: Report) -> dict[str, str]:
        """Send ``report`` to all addresses at once. The problem of each by its name, empty if it
        was accepted.
        """
        kind = NOTIFICATION_TYPES.get(report.severity, "warning")
        problems = self._client.send(self._urls, report.title, report.text, kind)
        return dict(zip(self.names, problems, strict=True))


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

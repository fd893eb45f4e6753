"""Sends short messages through Apprise: alerts to operators, notifications to the front desk.

Addresses are secrets: anyone who knows one can post in the clinic's name. The log of Apprise, which
quotes them, is not shown, only searched for an HTTP status.
"""

import logging
import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from app.http_calls import in_time

STATUS = re.compile(r"error=(\d{3})\b")  # as Apprise's services log it


class AppriseClient:
    """Apprise, set up for the site at the URL ``site``.

    It is imported here and not at the top: it takes 40 MB, and only mailers and the doctor need
    it, if there are addresses.
    """

    def __init__(self, site: str) -> None:
        import apprise  # noqa: PLC0415

        logging.getLogger("apprise").propagate = False
        logging.getLogger("urllib3").setLevel(logging.WARNING)
        self._apprise = apprise
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

    def service_name(self, url: str) -> str | None:
        """The service of an address, such as "Slack"; None if Apprise cannot use the address."""
        service = self._apprise.Apprise.instantiate(url, asset=self._asset)
        return str(service.service_name) if service else None

    def send(self, urls: Sequence[str], title: str, body: str, kind: str = "info") -> list[str]:
        """Send to all ``urls`` at once. Returns the problem of each, empty if it was accepted.

        ``service_name`` must have accepted the addresses. ``kind`` is one of Apprise's.
        """
        results = in_time(*(partial(self._send, url, title, body, kind) for url in urls))
        return ["timed out" if result is None else result for result in results]

    def _send(self, url: str, title: str, body: str, kind: str) -> str:
        # New for each message: an object that was used before waits to respect a rate limit.
        service = self._apprise.Apprise(asset=self._asset)
        plugin = service.instantiate(url, asset=self._asset)
        assert plugin, "checked at the start"
        service.add(plugin)
        result: Any = service.notify(title=title, body=body, notify_type=kind, body_format="text")
        if result:
            return ""
        logged = " ".join(entry.message for entry in result.logs())
        if status := STATUS.search(logged):
            return f"status {status[1]}"
        return "no connection" if "onnection error" in logged else "not accepted"

"""Sends short messages through Apprise: alerts to operators, notifications to the front desk.

Addresses are secrets: anyone who knows one can post in the clinic's name. Apprise's log, which may
quote them, is only searched for a status.
"""

import logging
import re
from functools import partial
from typing import Any

from app.http_calls import in_time

STATUS = re.compile(r"error=(\d{3})\b")  # as Apprise's services log it


class AppriseClient:
    """Apprise without files, images of other hosts and redirects, and with a time limit.

    It is imported here and not at the top: it takes 40 MB, and only mailers and the doctor need
    it, if there are addresses. ``site`` is the URL of the site.
    """

    def __init__(self, site: str) -> None:
        import apprise  # noqa: PLC0415

        logging.getLogger("apprise").propagate = False
        self._apprise = apprise
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
        """The service behind an address, such as "Slack"; None if Apprise cannot use it."""
        service = self._apprise.Apprise.instantiate(url, asset=self._asset)
        return str(service.service_name) if service else None

    def send(self, url: str, title: str, body: str, kind: str = "info") -> str:
        """Send once. Returns why it was not accepted; empty if it was."""
        problem = in_time(partial(self._send, url, title, body, kind))[0]
        return "timed out" if problem is None else problem

    def _send(self, url: str, title: str, body: str, kind: str) -> str:
        # New for each message: an object that was used before waits to respect a rate limit.
        service = self._apprise.Apprise(asset=self._asset)
        plugin = self._apprise.Apprise.instantiate(url, asset=self._asset)
        assert plugin, "checked at the start"
        service.add(plugin)
        result: Any = service.notify(title=title, body=body, notify_type=kind, body_format="text")
        if result:
            return ""
        status = STATUS.search(" ".join(entry.message for entry in result.logs()))
        return f"status {status[1]}" if status else "not accepted"

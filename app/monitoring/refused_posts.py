"""Lets the mailers alert when a post was refused because of an error of ours.

The web process stores that one was refused. While it cannot, the mailers have the same problem
with the database and alert anyway. How many there were is in the metrics of each host.
"""

import time

from flask import Response, request

from app.monitoring.observations import POSTS, record
from app.monitoring.webhook import CallResult
from app.services import Services, current_services

INTERVAL = 10.0  # seconds between two writes, and between two tries


def notice(response: Response) -> Response:
    """Remember an inquiry that is answered with 5xx. For every response."""
    is_inquiry = request.method == "POST" and request.blueprint in ("contact", "api")
    if is_inquiry and response.status_code >= 500:
        current_services().post_refused.set()
    return response


def store_forever(services: Services) -> None:
    """Store refusals when there are any. For a thread of each web worker."""
    while services.post_refused.wait():
        services.post_refused.clear()
        if not record(services.database, POSTS, CallResult("refused")):
            services.post_refused.set()
        time.sleep(INTERVAL)

"""Hosts that share a Redis server share the rate limit."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from flask import Flask

from config import ROOT
from tests.contact.conftest import GOOD
from tests.support.redis import redis_server
from tests.support.settings import environment

__all__ = ["redis_server"]

# Another host: posts six times and prints the statuses.
OTHER_HOST = """
import json, sys
from app import create_app
client, data = create_app().test_client(), json.loads(sys.argv[1])
for n in range(6):
    inquiry = {**data, "message": f"{data['message']} {n}"}
    sender = {"REMOTE_ADDR": "198.51.100.71"}
    print(client.post("/contact", data=inquiry, environ_base=sender).status_code)
"""


def test_rate_limit_is_shared_by_hosts(
    make_app: Callable[..., Flask], tmp_path: Path, sqlite_url: str, redis_server: str
) -> None:
    shared = {"DATABASE_URL": sqlite_url, "RATELIMIT_STORAGE_URI": redis_server}
    variables = environment(tmp_path, RATELIMIT_ENABLED="true", **shared)
    other_host = subprocess.run(
        [sys.executable, "-c", OTHER_HOST, json.dumps(GOOD)],
        env={"PATH": "", "PYTHONPATH": str(ROOT), **variables},
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert other_host.stdout.split() == [b"303"] * 6
    client = make_app(RATELIMIT_ENABLED="true", **shared).test_client()
    sender = {"REMOTE_ADDR": "198.51.100.71"}
    responses = [client.post("/contact", data=GOOD, environ_base=sender) for _ in range(6)]
    assert [response.status_code for response in responses] == [303] * 4 + [429] * 2
    assert 1 <= int(responses[-1].headers["Retry-After"]) <= 61
    assert "go back in your browser" in responses[-1].text
    assert 'href="tel:+12125550142"' in responses[-1].text

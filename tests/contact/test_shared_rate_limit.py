"""Hosts that share a Redis server share the rate limit."""

import json
import subprocess
import sys
from pathlib import Path

from config import ROOT
from tests.contact.conftest import GOOD
from tests.support.redis import redis_server
from tests.support.settings import environment

__all__ = ["redis_server"]

# Simulates another host: posts six times and prints the responses.
HOST = """
import json, sys
from app import create_app
data, sender = json.loads(sys.argv[1]), {"REMOTE_ADDR": "198.51.100.71"}
client = create_app().test_client()
for n in range(6):
    inquiry = {**data, "message": f"{data['message']} {n}{sys.argv[2]}"}
    last = client.post("/contact", data=inquiry, environ_base=sender)
    print(last.status_code)
print(json.dumps([dict(last.headers), last.text]))
"""


def test_rate_limit_is_shared_by_hosts(tmp_path: Path, sqlite_url: str, redis_server: str) -> None:
    shared = {"RATELIMIT_ENABLED": "true", "RATELIMIT_STORAGE_URI": redis_server}
    variables = environment(tmp_path, DATABASE_URL=sqlite_url, **shared)
    outputs = [
        subprocess.run(
            [sys.executable, "-c", HOST, json.dumps(GOOD), name],
            env={"PATH": "", "PYTHONPATH": str(ROOT), **variables},
            cwd=ROOT,
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout.splitlines()
        for name in "ab"
    ]
    assert outputs[0][:6] == [b"303"] * 6
    assert outputs[1][:6] == [b"303"] * 4 + [b"429"] * 2
    headers, page = json.loads(outputs[1][6])
    assert 1 <= int(headers["Retry-After"]) <= 61
    assert "go back in your browser" in page
    assert 'href="tel:+12125550142"' in page

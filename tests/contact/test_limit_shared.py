"""Hosts that share a Redis share the count of posts, too."""

import json
import subprocess
import sys
from pathlib import Path

from config import ROOT
from tests.contact.conftest import GOOD
from tests.support.redis import redis_server
from tests.support.settings import environment

__all__ = ["redis_server"]

# A host of its own: it posts six times and says what was answered.
HOST = """
import json, sys
from app import create_app
words, sender = json.loads(sys.argv[1]), {"REMOTE_ADDR": "198.51.100.71"}
client = create_app().test_client()
for n in range(6):
    said = {**words, "message": f"{words['message']} {n}{sys.argv[2]}"}
    last = client.post("/contact", data=said, environ_base=sender)
    print(last.status_code)
print(json.dumps([dict(last.headers), last.text]))
"""


def test_the_count_holds_across_hosts_and_says_where_the_words_are(
    tmp_path: Path, sqlite_url: str, redis_server: str
) -> None:
    shared = {"RATELIMIT_ENABLED": "true", "RATELIMIT_STORAGE_URI": redis_server}
    variables = environment(tmp_path, DATABASE_URL=sqlite_url, **shared)
    said = [
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
    assert said[0][:6] == [b"303"] * 6
    assert said[1][:6] == [b"303"] * 4 + [b"429"] * 2
    headers, page = json.loads(said[1][6])
    assert 1 <= int(headers["Retry-After"]) <= 61
    assert "go back in your browser" in page
    assert 'href="tel:+12125550142"' in page

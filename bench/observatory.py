"""``make observatory``: runs MDN HTTP Observatory on a production site and updates
docs/security.md.

nginx with deploy/nginx/frontdesk.conf serves the site with a temporary certificate, which
NODE_EXTRA_CA_CERTS makes trusted. Observatory's installation downloads the HSTS preload list;
localhost is not on it, so an empty list gives the same result. Observatory requests HTTP and
HTTPS on the same port, so nginx redirects plain HTTP there as on port 80.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.markdown import replace_section
from bench.servers import NODE_MODULES, ROOT
from tests.support.proxy_servers import ProxyServer, production_settings, proxy_server
from tests.support.settings import environment
from tests.support.site import free_port

OBSERVATORY = NODE_MODULES / "@mdn" / "mdn-http-observatory"
DOCUMENT = ROOT / "docs" / "security.md"
MAX_SCORE = 135  # without 5 points for the preload list and 5 for cookies
PLAIN_HTTP = "error_page 497 =301 https://$http_host$request_uri;\n"


def main() -> None:
    """Exit with status 1 if a test fails or the score is below ``MAX_SCORE``."""
    with tempfile.TemporaryDirectory(prefix="frontdesk-observatory-") as temporary:
        folder = Path(temporary)
        settings = production_settings(folder / "clinic")
        with proxy_server("nginx", folder / "front", _database(folder), **settings) as nginx:
            site = replace(nginx, port=free_port(), extra=PLAIN_HTTP)
            with site.started():
                result = _scan(site)
    table = _table(result)
    print(table)
    replace_section(DOCUMENT, "observatory", table)
    sys.exit(result["scan"]["score"] < MAX_SCORE or result["scan"]["testsFailed"] > 0)


def _database(folder: Path) -> Path:
    instance = folder / "instance"
    instance.mkdir()
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"]
    env = {**os.environ, **environment(instance)}
    subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True)
    return instance / "frontdesk.db"


def _scan(site: ProxyServer) -> dict[str, Any]:
    preload_list = OBSERVATORY / "conf" / "hsts-preload.json"
    if not preload_list.exists():
        preload_list.write_text("{}")
    process = subprocess.run(
        ["node", str(OBSERVATORY / "src" / "scan.js"), site.url.removeprefix("https://")],
        env={**os.environ, "NODE_EXTRA_CA_CERTS": str(site.certificate)},
        check=True,
        capture_output=True,
        text=True,
    )
    result: dict[str, Any] = json.loads(process.stdout)
    return result


def _table(result: dict[str, Any]) -> str:
    version = json.loads((OBSERVATORY / "package.json").read_text())["version"]
    scan = result["scan"]
    rows = ["| test | result | passed | points |", "|---|---|---|---:|"]
    for name, test in result["tests"].items():
        passed = "yes" if test["pass"] else "NO"
        rows.append(f"| {name} | {test['result']} | {passed} | {test['scoreModifier']:+d} |")
    rows.append(f"| **grade {scan['grade']}**, version {version} | | | **{scan['score']}** |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    main()

"""MDN HTTP Observatory on the site in production: ``make observatory``.

nginx with deploy/nginx/frontdesk.conf does TLS, with a certificate that only this
run trusts, so the tool is told of it. The tool reads the list of domains that
browsers preload HTTPS for from a file that its installation fetches; a name of this
machine is not on that list, so an empty one does. It asks one host name at one port
for both HTTP and HTTPS: nginx answers HTTP there as it does on port 80.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.public_pages import TOOLS
from bench.servers import ROOT
from tests.support.proxy_servers import ProxyServer, production_settings, proxy_server
from tests.support.settings import environment
from tests.support.site import free_port

TOOL = TOOLS / "@mdn" / "mdn-http-observatory"
REPORT = ROOT / "docs" / "security.md"
BETWEEN = re.compile(r"(<!-- observatory -->\n).*?(<!-- end -->)", re.DOTALL)
MOST = 135  # without the five points of the preload list, and five of good cookies
PLAIN_HTTP = "error_page 497 =301 https://$http_host$request_uri;\n"


def main() -> None:
    """Exit status 1 when a test fails or points are missing."""
    with tempfile.TemporaryDirectory(prefix="frontdesk-observatory-") as name:
        folder = Path(name)
        settings = production_settings(folder / "clinic")
        with proxy_server("nginx", folder / "front", _database(folder), **settings) as made:
            judged = replace(made, port=free_port(), extra=PLAIN_HTTP)
            with judged.started():
                told = _scan(judged)
    table = _table(told)
    print(table)
    page = REPORT.read_text(encoding="utf-8")
    REPORT.write_text(BETWEEN.sub(rf"\g<1>{table}\g<2>", page), encoding="utf-8")
    sys.exit(told["scan"]["score"] < MOST or told["scan"]["testsFailed"] > 0)


def _database(folder: Path) -> Path:
    instance = folder / "instance"
    instance.mkdir()
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"]
    env = {**os.environ, **environment(instance)}
    subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True)
    return instance / "frontdesk.db"


def _scan(site: ProxyServer) -> dict[str, Any]:
    preloaded = TOOL / "conf" / "hsts-preload.json"
    if not preloaded.exists():
        preloaded.write_text("{}")
    done = subprocess.run(
        ["node", str(TOOL / "src" / "scan.js"), site.url.removeprefix("https://")],
        env={**os.environ, "NODE_EXTRA_CA_CERTS": str(site.certificate)},
        check=True,
        capture_output=True,
        text=True,
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _table(told: dict[str, Any]) -> str:
    version = json.loads((TOOL / "package.json").read_text())["version"]
    scan = told["scan"]
    rows = ["| test | result | passed | points |", "|---|---|---|---:|"]
    for name, one in told["tests"].items():
        passed = "yes" if one["pass"] else "NO"
        rows.append(f"| {name} | {one['result']} | {passed} | {one['scoreModifier']:+d} |")
    rows.append(f"| **grade {scan['grade']}**, by version {version} | | | **{scan['score']}** |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    main()

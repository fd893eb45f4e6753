"""The supply chain: a valid bill of materials, and an audit that fails without its data."""

import hashlib
import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from bench import audit, sbom
from config import ROOT

FONTS = ROOT / "static" / "fonts"
PINNED = "werkzeug==3.1.9 --hash=sha256:" + "0" * 64 + "\n"
FLAW = {
    "id": "PYSEC-2099-1",
    "summary": "An invented flaw",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "werkzeug"},
            "ranges": [
                {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.9.9"}]},
            ],
        }
    ],
}


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    return sbom.create_sbom()


def test_the_bill_of_materials_is_valid_cyclonedx(bill: dict[str, Any]) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None


def test_the_bill_lists_every_pinned_package_with_its_hashes(bill: dict[str, Any]) -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="ascii")
    pinned = set(re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE))
    listed = {
        (one["name"], one["version"]): one["externalReferences"][0]["hashes"]
        for one in bill["components"]
        if one.get("purl", "").startswith("pkg:pypi/")
    }
    assert set(listed) == pinned
    assert all(listed.values())


def test_the_bill_lists_every_vendored_script_with_its_hash(bill: dict[str, Any]) -> None:
    scripts = {
        one["name"]: one for one in bill["components"] if one.get("purl", "").startswith("pkg:npm/")
    }
    folders = {path.name for path in sbom.VENDOR.iterdir() if path.is_dir()}
    assert set(scripts) == folders
    for name, script in scripts.items():
        readme = (sbom.VENDOR / name / "README.md").read_text(encoding="utf-8")
        assert script["version"] in readme.splitlines()[0]
        assert script["licenses"][0]["license"]["id"] in readme
        files = [one for one in script["components"] if one["type"] == "file"]
        assert any(one["name"].endswith(".js") for one in files)
        for file in files:
            content = (ROOT / file["name"]).read_bytes()
            assert file["hashes"][0]["content"] == hashlib.sha256(content).hexdigest()


def test_the_bill_lists_the_fonts_with_their_license(bill: dict[str, Any]) -> None:
    fonts = {one["name"]: one["licenses"] for one in bill["components"] if one["type"] == "file"}
    assert set(fonts) == {f"static/fonts/{file.name}" for file in FONTS.glob("*.woff2")}
    assert all(licenses == [{"license": {"id": "OFL-1.1"}}] for licenses in fonts.values())


def test_every_bandit_finding_has_a_documented_reason() -> None:
    assert audit.code_findings() == []


class _Advisories(BaseHTTPRequestHandler):
    """An advisory service (OSV) that reports ``flaws``."""

    flaws: list[dict[str, Any]]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"vulns": self.flaws}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def advisory_service() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Advisories)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("flaws", "told"), [([], []), ([FLAW], ["werkzeug 3.1.9: PYSEC-2099-1, fixed in 3.9.9"])]
)
def test_a_known_vulnerability_is_reported(
    tmp_path: Path, advisory_service: str, flaws: list[dict[str, Any]], told: list[str]
) -> None:
    _Advisories.flaws = flaws
    (tmp_path / "requirements.txt").write_text(PINNED)
    options = ("--osv-url", advisory_service)
    assert audit.advisories(tmp_path / "requirements.txt", "osv", options) == told


def test_an_audit_without_network_access_fails_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing listens on port 9
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(audit, "code_findings", list)  # tested above
    monkeypatch.setattr(audit, "SERVICES", audit.SERVICES[:1])
    with pytest.raises(SystemExit) as ended:
        audit.main()
    assert ended.value.code == audit.NOT_AUDITED
    assert "requirements.txt was NOT audited" in capsys.readouterr().out

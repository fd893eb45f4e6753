"""``make sbom``: writes the software bill of materials (CycloneDX 1.6) to build/sbom.json.

It lists the production dependencies of requirements.txt with their hashes, the scripts under
static/vendor with the packages that they contain, and the fonts under static/fonts.
"""

import hashlib
import json
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "static" / "vendor"
SBOM = ROOT / "build" / "sbom.json"
Component = dict[str, Any]


def create_sbom() -> dict[str, Any]:
    """Return the bill of materials as a JSON object."""
    command = [
        *(str(Path(sys.executable).parent / "cyclonedx-py"), "requirements", "--spec-version"),
        *("1.6", "--pyproject", "pyproject.toml", "--output-reproducible", "requirements.txt"),
    ]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    sbom: dict[str, Any] = json.loads(run.stdout)
    for component in sbom["components"]:
        component.pop("description", None)  # the line of requirements.txt, with all its hashes
        component.update(_license(component["name"]))
    sbom["components"] += _scripts() + _fonts()
    return sbom


def _license(package: str) -> Component:
    """Return the license in the metadata of an installed package; empty if it is not installed."""
    try:
        fields = metadata(package)
    except PackageNotFoundError:
        return {}
    for expression in fields.get_all("License-Expression", []):
        return {"licenses": [{"expression": expression}]}
    classified = [
        line for line in fields.get_all("Classifier", []) if line.startswith("License ::")
    ]
    names = [line.rpartition(" :: ")[2] for line in classified] or fields.get_all("License", [])
    return {"licenses": [{"license": {"name": name[:60]}} for name in names]}


def _scripts() -> list[Component]:
    vendored = tomllib.loads((VENDOR / "vendored.toml").read_text(encoding="utf-8"))
    return [_script(folder, details) for folder, details in vendored.items()]


def _script(folder: str, details: dict[str, Any]) -> Component:
    checksums = (VENDOR / folder / "CHECKSUMS").read_text(encoding="ascii").splitlines()
    files = [line.split() for line in checksums]
    return {
        **_npm(folder, details["license"], details["version"]),
        "components": [_npm(name, license_) for name, license_ in details.get("holds", {}).items()]
        + [
            {
                "type": "file",
                "bom-ref": f"static/vendor/{folder}/{name}",
                "name": f"static/vendor/{folder}/{name}",
                "hashes": [{"alg": "SHA-256", "content": digest}],
            }
            for digest, name in files
        ],
    }


def _fonts() -> list[Component]:
    return [
        _file(font, font.read_bytes()) | {"licenses": [{"license": {"id": "OFL-1.1"}}]}
        for font in sorted((ROOT / "static" / "fonts").glob("*.woff2"))
    ]


def _file(path: Path, content: bytes) -> Component:
    name = path.relative_to(ROOT).as_posix()
    digest = hashlib.sha256(content).hexdigest()
    hashes = [{"alg": "SHA-256", "content": digest}]
    return {"type": "file", "bom-ref": name, "name": name, "hashes": hashes}


def _npm(name: str, license_: str, version: str = "") -> Component:
    purl = f"pkg:npm/{name.replace('@', '%40')}" + (f"@{version}" if version else "")
    component = {"type": "library", "bom-ref": purl, "name": name, "purl": purl}
    if version:
        component["version"] = version
    return {**component, "licenses": [{"license": {"id": license_}}]}


def main() -> None:
    sbom = create_sbom()
    SBOM.parent.mkdir(exist_ok=True)
    SBOM.write_text(json.dumps(sbom, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{SBOM.relative_to(ROOT)}: {len(sbom['components'])} components")


if __name__ == "__main__":
    main()

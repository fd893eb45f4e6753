"""The bill of materials (CycloneDX 1.6): ``make sbom`` writes build/sbom.json.

What production installs, as pinned in requirements.txt with its hashes, and the
scripts under static/vendor with the packages that are built into them.
"""

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


def bill() -> dict[str, Any]:
    """The whole bill as a JSON object."""
    command = [
        *(str(Path(sys.executable).parent / "cyclonedx-py"), "requirements", "--spec-version"),
        *("1.6", "--pyproject", "pyproject.toml", "--output-reproducible", "requirements.txt"),
    ]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(run.stdout)
    for component in found["components"]:
        component.pop("description", None)  # the line of requirements.txt, with all its hashes
        component.update(_license(component["name"]))
    found["components"] += _scripts()
    return found


def _license(package: str) -> Component:
    """What an installed package says of its licence; nothing for one that is not installed."""
    try:
        said = metadata(package)
    except PackageNotFoundError:
        return {}
    for expression in said.get_all("License-Expression", []):
        return {"licenses": [{"expression": expression}]}
    classified = [line for line in said.get_all("Classifier", []) if line.startswith("License ::")]
    names = [line.rpartition(" :: ")[2] for line in classified] or said.get_all("License", [])
    return {"licenses": [{"license": {"name": name[:60]}} for name in names]}


def _scripts() -> list[Component]:
    vendored = tomllib.loads((VENDOR / "vendored.toml").read_text(encoding="utf-8"))
    return [_script(folder, facts) for folder, facts in vendored.items()]


def _script(folder: str, facts: dict[str, Any]) -> Component:
    sums = (VENDOR / folder / "CHECKSUMS").read_text(encoding="ascii").splitlines()
    files = [line.split() for line in sums]
    return {
        **_npm(folder, facts["license"], facts["version"]),
        "components": [_npm(name, license_) for name, license_ in facts.get("holds", {}).items()]
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


def _npm(name: str, license_: str, version: str = "") -> Component:
    purl = f"pkg:npm/{name.replace('@', '%40')}" + (f"@{version}" if version else "")
    known = {"version": version} if version else {}
    facts = {"type": "library", "bom-ref": purl, "name": name, "purl": purl, **known}
    return {**facts, "licenses": [{"license": {"id": license_}}]}


def main() -> None:
    found = bill()
    SBOM.parent.mkdir(exist_ok=True)
    SBOM.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{SBOM.relative_to(ROOT)}: {len(found['components'])} components")


if __name__ == "__main__":
    main()

"""Our code by bandit, our dependencies by pip-audit: ``make audit``.

pip-audit asks an advisory service on the Internet. Where none can be reached
nothing is known, and that is told as a failure of its own: silence is no clean bill.

Exit status 0: no fault. 1: faults, one a line. 3: no fault is known, but nobody
could be asked.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OURS = ("app", "config.py", "environment.py", "wsgi.py", "gunicorn.conf.py", "migrations")
SERVICES = ("pypi", "osv")
NOT_AUDITED = 3
BIN = Path(sys.executable).parent

# What bandit finds and we keep, and why. "" stands for every file.
KEPT = {
    ("B101", ""): "assert tells the type checker what the code around it guarantees",
    ("B404", ""): "programs are started where they must be: gunicorn, the mailer, pg_dump",
    ("B603", ""): "never by a shell, and no argument comes from a visitor",
    ("B108", "gunicorn.conf.py"): "/dev/shm for gunicorn's own heartbeat files, if it is there",
    ("B104", "app/dev/environment.py"): "0.0.0.0 is recognized here, not listened on",
    ("B405", "app/diagnostics/clinic_images.py"): "the clinic's own logo, read by its own people",
    (
        "B314",
        "app/diagnostics/clinic_images.py",
    ): "no outside entity is fetched, and expat bounds growth",
    ("B704", "app/pages/parser.py"): "the clinic's own Markdown; raw HTML is off",
    ("B704", "app/pages/figures/render.py"): "from our own template, which escapes",
    ("B704", "app/pages/references.py"): "made of escaped parts",
    ("B704", "app/pages/json_ld.py"): "JSON without < > and &",
    ("B704", "app/web/static_files.py"): "our own style sheets",
}


def code_faults() -> list[str]:
    """What bandit finds that has no reason to stay, and reasons that nothing needs any more."""
    command = [str(BIN / "bandit"), "--quiet", "--recursive", "--format", "json", *OURS]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    used = set()
    faults = []
    for one in json.loads(run.stdout)["results"]:
        file = one["filename"].removeprefix("./")
        keys = {(one["test_id"], file), (one["test_id"], "")} & KEPT.keys()
        used |= keys
        if not keys:
            faults.append(f"{file}:{one['line_number']}: {one['test_id']} {one['issue_text']}")
    return faults + [f"no longer found: {test} {file}" for test, file in sorted(KEPT.keys() - used)]


def advisories(requirements: Path, service: str, options: Sequence[str] = ()) -> list[str] | None:
    """Known vulnerabilities of what is pinned in ``requirements``; None when nothing could be
    learned, not even of a single package.
    """
    command = [
        *(str(BIN / "pip-audit"), "--strict", "--disable-pip", "--require-hashes"),
        *("--format", "json", "--progress-spinner", "off", "--vulnerability-service", service),
        *(*options, "--requirement", str(requirements)),
    ]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        found: list[dict[str, Any]] = json.loads(run.stdout)["dependencies"]
    except ValueError:
        print(f"{service}: {(run.stderr.strip() or 'no answer').splitlines()[-1]}")
        return None
    return [
        f"{one['name']} {one['version']}: {flaw['id']}, mended in {', '.join(flaw['fix_versions'])}"
        for one in found
        for flaw in one["vulns"]
    ]


def main() -> None:
    faults = code_faults()
    answers = (advisories(ROOT / "requirements.txt", service) for service in SERVICES)
    known = next((answer for answer in answers if answer is not None), None)
    faults += known or []
    if faults:
        print("\n".join(faults))
    if known is None:
        print("requirements.txt was NOT audited: no advisory service could be asked")
    elif not faults:
        print("bandit and pip-audit: no fault")
    sys.exit(1 if faults else NOT_AUDITED if known is None else 0)


if __name__ == "__main__":
    main()

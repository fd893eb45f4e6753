"""``make audit``: checks our code with bandit and our dependencies with pip-audit.

pip-audit needs an advisory service on the Internet. If none can be reached, the audit is
incomplete and fails with its own exit status.

Exit status 0: no findings. 1: findings, one per line. 3: no findings, but the dependencies
could not be checked.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OURS = ("app", "config.py", "wsgi.py", "gunicorn.conf.py", "migrations")
SERVICES = ("pypi", "osv")
NOT_AUDITED = 3
BIN = Path(sys.executable).parent

# Accepted findings of bandit, with the reason. "" matches every file.
ACCEPTED = {
    ("B101", ""): "assert states for the type checker what the code guarantees",
    ("B404", ""): "the site needs to start programs: gunicorn, the mailer, pg_dump",
    ("B603", ""): "no shell is used, and no argument comes from a visitor",
    ("B108", "gunicorn.conf.py"): "/dev/shm for gunicorn's heartbeat files, if it exists",
    ("B606", "app/dev/run.py"): "the flask command of `make invite`, without a shell",
    ("B104", "app/dev/run.py"): "compares with 0.0.0.0, does not listen on it",
    ("B704", "app/dev/live_reload.py"): "our own style sheets",
    ("B105", "app/outbox/send_errors.py"): "the name of a fault",
    ("B107", "app/outbox/transports/smtp.py"): "no password is the default",
    ("B105", "app/outbox/transports/tokens.py"): "no token yet",
    ("B704", "app/pages/parser.py"): "the clinic's own Markdown; raw HTML is off",
    ("B704", "app/pages/figures/render.py"): "output of our own template, which escapes",
    ("B704", "app/pages/clinic_facts.py"): "output of our own templates, which escape",
    ("B704", "app/pages/references.py"): "built from escaped parts",
    ("B107", "app/staff/account_pages.py"): "no invitation is the default",
    ("B105", "app/staff/sign_in.py"): "names of settings, not passwords",
    ("B704", "app/web/static_files.py"): "our own style sheets",
}


def code_findings() -> list[str]:
    """Return findings of bandit that are not accepted, and accepted ones that no longer occur."""
    command = [str(BIN / "bandit"), "--quiet", "--recursive", "--format", "json", *OURS]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    used = set()
    findings = []
    for result in json.loads(run.stdout)["results"]:
        file = result["filename"].removeprefix("./")
        keys = {(result["test_id"], file), (result["test_id"], "")} & ACCEPTED.keys()
        used |= keys
        if not keys:
            line, test = result["line_number"], result["test_id"]
            findings.append(f"{file}:{line}: {test} {result['issue_text']}")
    unused = sorted(ACCEPTED.keys() - used)
    return findings + [f"no longer found: {test} {file}" for test, file in unused]


def advisories(requirements: Path, service: str, options: Sequence[str] = ()) -> list[str] | None:
    """Known vulnerabilities of the packages in ``requirements``, or None if the service did not
    respond.
    """
    command = [
        *(str(BIN / "pip-audit"), "--strict", "--disable-pip", "--require-hashes"),
        *("--format", "json", "--progress-spinner", "off", "--vulnerability-service", service),
        *(*options, "--requirement", str(requirements)),
    ]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        packages: list[dict[str, Any]] = json.loads(run.stdout)["dependencies"]
    except ValueError:
        print(f"{service}: {(run.stderr.strip() or 'no output').splitlines()[-1]}")
        return None
    return [
        f"{package['name']} {package['version']}: {flaw['id']},"
        f" fixed in {', '.join(flaw['fix_versions'])}"
        for package in packages
        for flaw in package["vulns"]
    ]


def main() -> None:
    findings = code_findings()
    responses = (advisories(ROOT / "requirements.txt", service) for service in SERVICES)
    vulnerabilities = next((found for found in responses if found is not None), None)
    findings += vulnerabilities or []
    if findings:
        print("\n".join(findings))
    if vulnerabilities is None:
        print("requirements.txt was NOT audited: no advisory service could be reached")
    elif not findings:
        print("bandit and pip-audit: no findings")
    sys.exit(1 if findings else NOT_AUDITED if vulnerabilities is None else 0)


if __name__ == "__main__":
    main()

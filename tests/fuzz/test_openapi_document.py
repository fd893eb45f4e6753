"""The running server conforms to its OpenAPI document, checked by Schemathesis."""

import os
import re
import subprocess
import sys
from pathlib import Path

from config import ROOT
from tests.fuzz.case_counts import API_CASES, LONG
from tests.support.site import Site


def test_running_server_conforms_to_its_openapi_document(server: Site, tmp_path: Path) -> None:
    """All of Schemathesis's checks, on valid and on invalid data."""
    command = [
        *(str(Path(sys.executable).parent / "st"), "run", f"{server.url}/api/openapi.json"),
        *("--max-examples", str(API_CASES), "--continue-on-failure", "--no-color"),
        *(() if LONG else ("--seed", "1")),
    ]
    hooks = {"SCHEMATHESIS_HOOKS": "tests.fuzz.schemathesis_hooks", "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, **hooks}, capture_output=True, text=True,
        check=False, timeout=7200 if LONG else 400,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    tried = re.search(r"(\d+) generated, (\d+) passed", run.stdout)
    assert tried, run.stdout
    assert int(tried[1]) == int(tried[2]) >= API_CASES

"""Settings for commands by hand: the same values that systemd gives to the services."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from config import ROOT

WITH_ENV = ROOT / "deploy" / "with-env"
TELL = "import json, os; print(json.dumps(dict(os.environ)))"


def run(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(WITH_ENV), str(file), sys.executable, "-c", TELL],
        cwd=file.parent,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://x?sslmode=require&b=c", "https://x?sslmode=require&b=c"),
        ("pa$ss", "pa$ss"),
        ("${HOME}", "${HOME}"),
        ("$(touch run)", "$(touch run)"),
        ("`touch run`", "`touch run`"),
        ("a; touch run", "a; touch run"),
        ("  two words  ", "two words"),
        ("no # comment", "no # comment"),
        ("it's", "it's"),
        ("'pa$s \\ \"word\"'", 'pa$s \\ "word"'),
        ('"a \\"b\\" \\$c \\n"', 'a "b" $c \\n'),
        ("back\\\\slash", "back\\slash"),
        ("on\\\ne line", "one line"),
        ("", ""),
    ],
)
def test_values_are_read_as_written_and_never_run(written: str, meant: str, tmp_path: Path) -> None:
    file = tmp_path / "frontdesk.env"
    file.write_text(f"# Notes; $(touch run)\n; and more\n\nVALUE={written}\n AFTER=it\n")
    done = run(file)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["VALUE"], found["AFTER"]) == (meant, "it")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("line", ["export A=secret", "A='secret", "secret"])
def test_a_line_that_sets_nothing_is_named_and_not_shown(line: str, tmp_path: Path) -> None:
    file = tmp_path / "frontdesk.env"
    file.write_text(f"GOOD=1\n{line}\n")
    done = run(file)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{file}: line 2 is no NAME=value\n"


def test_the_example_of_all_settings_can_be_read() -> None:
    assert run(ROOT / ".env.example").returncode == 0

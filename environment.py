"""Read variables from the process environment, from one ``.env`` file and from secret files.

The file is ``.env`` in the project folder, or the one that ``ENV_FILE`` names. The process
environment wins over it. A secret ``NAME`` can come from a file of its own, named by
``NAME_FILE``. No error shows a value.

python-dotenv parses the file, as it does for the ``flask`` command. pydantic-settings is not
used: its sources cannot take an explicit mapping or ``NAME_FILE``, and importing it adds 0.1 s
to every command.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from io import StringIO
from pathlib import Path

from dotenv.parser import Binding, parse_stream

VARIABLE_NAME = re.compile(r"[A-Z][A-Z0-9_]*")


@dataclass(frozen=True)
class Reader:
    """Reads the variables ``names``. Of them, ``secrets`` can be in files.

    An empty variable counts as not set, except ``may_be_empty``.
    """

    names: frozenset[str]
    secrets: tuple[str, ...]
    may_be_empty: str
    default_file: Path

    def read(self, environ: Mapping[str, str] | None = None) -> tuple[dict[str, str], list[str]]:
        """Return the variables that are set, by name, and the errors found.

        Without ``environ`` this reads the process environment, and the default file if it exists.
        With it, a file is read only when ``environ`` has ENV_FILE.
        """
        errors: list[str] = []
        values: dict[str, str] = {}
        variables = os.environ if environ is None else environ
        file = variables.get("ENV_FILE", "")
        if environ is None and self.default_file.is_file():
            default = str(self.default_file)
            if file not in ("", default) and _flask_loads_env_file():
                errors.append(f"ENV_FILE: also set FLASK_SKIP_DOTENV=1; flask reads {default}")
            file = file or default
        if file:
            values, file_errors = self._read_env_file(file)
            errors += file_errors
        values |= {name: variables[name] for name in self._all_names if name in variables}
        values = {name: item for name, item in values.items() if item or name == self.may_be_empty}
        return values, errors + self._read_secret_files(values)

    @property
    def _all_names(self) -> list[str]:
        return sorted(self.names | {f"{name}_FILE" for name in self.secrets})

    def _read_env_file(self, path: str) -> tuple[dict[str, str], list[str]]:
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            return {}, [f"ENV_FILE: cannot read {path} ({type(error).__name__})"]
        values, errors = {}, []
        for binding in parse_stream(StringIO(text)):
            name, value = binding.key, binding.value
            if name is None and not binding.error:  # a comment
                continue
            if name is None or value is None or not VARIABLE_NAME.fullmatch(name):
                errors.append(f"{path}, line {_line(binding)}: must be NAME=value")
            elif name not in self._all_names:
                errors.append(f"{name}: unknown setting{self._suggestion(name)}")
            elif "${" in value:
                # The flask command, docker compose and shells would replace it.
                hint = f"; use {name}_FILE" if name in self.secrets else ""
                errors.append(f"{name}: must not contain ${{ in {path}{hint}")
            else:
                values[name] = value
        return values, errors

    def _suggestion(self, name: str) -> str:
        similar = get_close_matches(name, self._all_names, n=1, cutoff=0.8)
        return f"; did you mean {similar[0]}?" if similar else ""

    def _read_secret_files(self, values: dict[str, str]) -> list[str]:
        """Replace each NAME_FILE in ``values`` by NAME with the file's content; return errors."""
        errors = []
        for name in self.secrets:
            path = values.pop(f"{name}_FILE", None)
            if path is None:
                continue
            if name in values:
                errors.append(f"{name} and {name}_FILE: set only one of them")
                continue
            try:
                if secret := Path(path).read_text(encoding="utf-8").strip():
                    values[name] = secret
            except (OSError, ValueError) as error:
                errors.append(f"{name}_FILE: cannot read {path} ({type(error).__name__})")
        return errors


def _line(binding: Binding) -> int:
    """Return the line of a binding, which python-dotenv counts from the blank lines before it."""
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")


def _flask_loads_env_file() -> bool:
    """Whether this is a flask command, which loads .env by itself whatever ENV_FILE says."""
    return "FLASK_RUN_FROM_CLI" in os.environ and not os.environ.get("FLASK_SKIP_DOTENV")

"""The files and the health check of deploy/Dockerfile, without a container engine."""

import json
import re
import shutil
from pathlib import Path

from config import ROOT

DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")


def copy_image_files(folder: Path) -> None:
    """Copy the files of the image to ``folder``."""
    folder.mkdir()
    for line in re.findall(r"^COPY (?!--from|requirements)(.+)$", DOCKERFILE, re.MULTILINE):
        *sources, target = line.split()
        for source in sources:
            _copy(ROOT / source, folder / (source if target == "./" else target))


def health_check() -> list[str]:
    """Return the command of the HEALTHCHECK instruction."""
    (command,) = re.findall(r"HEALTHCHECK .*?CMD (\[.+\])$", DOCKERFILE, re.MULTILINE)
    arguments: list[str] = json.loads(command)
    return arguments


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)

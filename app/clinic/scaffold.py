"""A starter clinic: the words that come with Frontdesk, and a clinic.toml to fill in.

Nothing is written before all of it is known to be right, and nothing into a folder
that holds something already.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from pydantic import ValidationError

from app import clock
from app.clinic import Clinic
from app.clinic.placeholders import PLACEHOLDER
from config import ROOT

STARTER = Path(__file__).parent / "starter"
WORDS = ROOT / "clinic"
# Pages that tell how things are done at a clinic: each has to be made true of yours.
YOURS = ("first-visit", "after-your-infusion", "questions", "privacy", "accessibility")
READ_ME = f"{PLACEHOLDER}: read this page, correct what is not so with you, then delete this line\n"
UPDATED = re.compile(r"^updated = .*$", re.MULTILINE)


class ScaffoldError(Exception):
    """Why no clinic was written, in one line."""


@dataclass(frozen=True)
class Question:
    """Something only the clinic knows; ``example`` stands for it until it is told."""

    name: str
    prompt: str
    example: str | float

    def literal(self, answer: str | float) -> str:
        """``answer`` as TOML; a JSON string or number is one of TOML's too."""
        number = float(answer) if isinstance(self.example, float) else answer
        return json.dumps(number, ensure_ascii=False)


QUESTIONS = (
    Question("name", "Name of the clinic", "Your Clinic"),
    Question("strapline", "What you do, in a few words", "Ketamine infusion, explained plainly"),
    Question("phone", "Phone", "212-555-0100"),
    Question("email", "E-mail that visitors see", "hello@your-clinic.example"),
    Question("mailbox", "Mailbox that gets the inquiries", "frontdesk@your-clinic.example"),
    Question("time_zone", "Time zone", "America/New_York"),
    Question("street", "Street and number", "1 Main Street"),
    Question("city", "City", "Your Town"),
    Question("region", "State", "NY"),
    Question("postal_code", "ZIP code", "00000"),
    Question("latitude", "Latitude in degrees, south negative", 0.001),
    Question("longitude", "Longitude in degrees, west negative", 0.001),
)
Answers = Mapping[str, str | float]


def clinic_toml(answers: Answers) -> str:
    """clinic.toml with ``answers`` by name of the question, examples marked for the rest.

    Raises ScaffoldError when an answer cannot stand there.
    """
    fields = {}
    for question in QUESTIONS:
        answer = answers.get(question.name, question.example)
        try:
            fields[question.name] = question.literal(answer)
        except ValueError:
            raise ScaffoldError(f"{question.prompt}: {answer!r} is no number") from None
        fields[f"{question.name}_left"] = "" if question.name in answers else f"  {PLACEHOLDER}"
    text = Template((STARTER / "clinic.toml").read_text(encoding="utf-8")).substitute(fields)
    try:
        Clinic.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError:
        raise ScaffoldError("an answer holds a character that cannot stand there") from None
    except ValidationError as error:
        raise ScaffoldError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None
    return text


def example_clinic() -> Clinic:
    """The starter clinic as it is before anything was answered."""
    return Clinic.model_validate(tomllib.loads(clinic_toml({})))


def write_clinic(folder: Path, answers: Answers) -> list[Path]:
    """Write the starter clinic into ``folder``, new or empty. The files, relative to it.

    Raises ScaffoldError, and has written nothing, when there is something already.
    """
    require_empty_folder(folder)
    files = {Path("clinic.toml"): clinic_toml(answers), **_words()}
    for name in ("redirects.toml", "logo.svg"):
        files[Path(name)] = (STARTER / name).read_text(encoding="utf-8")
    try:
        for file, text in files.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ScaffoldError(f"{error.filename or folder}: {error.strerror}") from None
    return sorted(files)


def require_empty_folder(folder: Path) -> None:
    """Raises ScaffoldError when ``folder`` is a file, or holds something."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ScaffoldError(f"{folder} is not empty, and stays as it is. Name a new folder.")


def _words() -> dict[Path, str]:
    if not (WORDS / "pages").is_dir():  # as in a container's image, which has no words
        raise ScaffoldError(f"{WORDS} is not here; run this in a whole checkout of Frontdesk")
    places = ("references.toml", "figures/*.toml", "pages/*.md")
    found = [file for place in places for file in sorted(WORDS.glob(place))]
    return {file.relative_to(WORDS): _page(file) for file in found}


def _page(file: Path) -> str:
    """The text of ``file``; in a page the day of today, and a mark where it speaks for a clinic."""
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".md":
        return text
    text = UPDATED.sub(f"updated = {clock.now().date()}", text, count=1)
    if file.stem not in YOURS:
        return text
    fence, rest = text.split("\n", 1)
    return f"{fence}\n{READ_ME}{rest}"

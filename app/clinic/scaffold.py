"""Creates a new clinic's folder: the demo clinic's pages, and a clinic.toml to fill in.

Everything is validated before the first file is written, and an existing folder is left alone.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template

from pydantic import ValidationError

from app import clock
from app.clinic import Clinic, countries
from app.clinic.models import DEFAULT_TEXT_CONSENT
from app.clinic.placeholders import PLACEHOLDER
from app.clinic.typed_hours import EXAMPLE as EXAMPLE_HOURS
from app.clinic.typed_hours import hours_toml

STARTER = Path(__file__).parent / "starter"
DEMO_CLINIC = Path(__file__).parents[2] / "clinic"
# Pages that describe how a clinic works, so each clinic has to review them.
REVIEW_PAGES = (
    "index",
    "first-visit",
    "costs",
    "after-your-infusion",
    "taking-someone-home",
    "evidence",
    "questions",
    "privacy",
    "accessibility",
)
REVIEW_NOTE = f"{PLACEHOLDER}: correct this page where you differ, then delete this line\n"
# Without what the law of the US requires.
TEXT_CONSENT_ABROAD = (
    "You may answer me by text message at this number. I know that text messages are not private."
)
UPDATED = re.compile(r"^updated = .*$", re.MULTILINE)


class ScaffoldError(Exception):
    """No folder was created. The message is one line."""


@dataclass(frozen=True)
class Question:
    """A value that only the clinic knows. ``example`` is used until it is answered, unless it is
    ``optional``.
    """

    name: str
    prompt: str
    example: str | float
    optional: bool = False

    @property
    def option(self) -> str:
        return f"--{self.name.replace('_', '-')}"

    def to_toml(self, answer: str | float) -> str:
        """Return ``answer`` in TOML: a JSON string or number is also valid TOML.

        Raises ValueError when it is not a number, or not opening hours.
        """
        if self.name == "hours":
            return hours_toml(str(answer))
        if not isinstance(self.example, float):
            return json.dumps(answer, ensure_ascii=False)
        try:
            return json.dumps(float(answer))
        except ValueError:
            advice = "; write a decimal point, not a comma" if "," in str(answer) else ""
            raise ValueError(f"{answer!r} is not a number{advice}") from None


CLINIC_QUESTIONS = (
    Question("country", "Country, in English or as the two letters of ISO 3166", "US"),
    Question("name", "Name of the clinic", "Your Clinic"),
    Question("tagline", "What you do, in a few words", "Ketamine infusion, explained plainly"),
    Question("phone", "Phone", "201-555-0123"),
    Question("email", "Email that visitors see", "hello@your-clinic.example"),
    Question("mailbox", "Mailbox that gets the inquiries", "frontdesk@your-clinic.example"),
    Question("time_zone", "Time zone", "America/New_York"),
)
LOCATION_QUESTIONS = (
    Question("location_name", "Name of the location, as patients know it", "Your Town"),
    Question("street", "Street and number", "1 Main Street"),
    Question("city", "City", "Your Town"),
    Question("region", "State, province or region", "NY"),
    Question("postal_code", "Postal code", "00000"),
    Question("latitude", "Latitude in degrees, south negative", 0.001),
    Question("longitude", "Longitude in degrees, west negative", 0.001),
    Question("hours", "Opening hours", EXAMPLE_HOURS),
    Question("transit", "How to get there by bus or train", "Bus 7 to Main Street", optional=True),
    Question("parking", "Parking", "Six spaces in front of the door", optional=True),
    Question(
        "wheelchair_access",
        "Wheelchair access",
        "Level entrance, accessible restroom",
        optional=True,
    ),
)
QUESTIONS = (*CLINIC_QUESTIONS, *LOCATION_QUESTIONS)
US_EXAMPLES = ("city", "region", "postal_code")  # those of other countries are unknown
ADDRESS_LETTERS = {"region": "S", "postal_code": "Z"}  # of countries.address_format
Answers = Mapping[str, str | float]


def open_questions(answers: Answers, questions: Iterable[Question] = QUESTIONS) -> list[Question]:
    """Return those of ``questions`` that ``answers`` leave open, with examples from their country,
    empty if there is none.

    Without what its addresses do not have, and the time zone if there is only one. Raises
    ScaffoldError when the country is unknown.
    """
    country = _country(answers)
    zones, address_format = countries.time_zones(country), countries.address_format(country)
    skipped = {name for name, letter in ADDRESS_LETTERS.items() if letter not in address_format}
    skipped |= {"time_zone"} if len(zones) == 1 else set()
    examples = _examples(country)
    if country != "US":
        examples |= dict.fromkeys(US_EXAMPLES, "")
    return [
        replace(question, example=examples[question.name])
        for question in questions
        if question.name not in skipped | answers.keys()
    ]


def clinic_toml(answers: Answers, more_locations: Sequence[Answers] = ()) -> str:
    """Return a clinic.toml with ``answers`` by question name, and marked examples for the rest.

    ``more_locations`` are the answers for each location after the first. Raises ScaffoldError
    when an answer is invalid; the message begins with the option of its question.
    """
    country = _country(answers)
    places = [answers, *({**place, "country": country} for place in more_locations)]
    fields = {
        **_fields(CLINIC_QUESTIONS, answers),
        "locations": "\n".join(_location(place, number) for number, place in enumerate(places, 1)),
        "crisis_lines": _crisis_lines(country),
        "text_consent": json.dumps(
            DEFAULT_TEXT_CONSENT if country == "US" else TEXT_CONSENT_ABROAD
        ),
    }
    text = Template((STARTER / "clinic.toml").read_text(encoding="utf-8")).substitute(fields)
    try:
        Clinic.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError:
        raise ScaffoldError("an answer contains a character that is not allowed") from None
    except ValidationError as error:
        raise ScaffoldError(_explain(error, places)) from None
    return text


def _location(answers: Answers, number: int) -> str:
    fields = _fields(LOCATION_QUESTIONS, answers)
    key = "main" if number == 1 else f"location-{number}"
    template = Template((STARTER / "location.toml").read_text(encoding="utf-8"))
    return template.substitute(fields, key=key)


def _fields(questions: Iterable[Question], answers: Answers) -> dict[str, str]:
    """Each question's value in TOML, its mark, and what turns its line into a comment."""
    country = _country(answers)
    city = {"location_name": answers["city"]} if "city" in answers else {}
    values = {**_examples(country), **city, **answers, "country": country}
    left_open = {question.name for question in open_questions(answers) if not question.optional}
    fields = {}
    for question in questions:
        name = question.name
        try:
            fields[name] = question.to_toml(values[name])
        except ValueError as error:
            raise ScaffoldError(f"{question.option}: {error}") from None
        fields[f"{name}_mark"] = f"  {PLACEHOLDER}" if name in left_open else ""
        fields[f"{name}_off"] = "" if name in left_open | answers.keys() else "# "
    return fields


def _explain(error: ValidationError, places: Iterable[Answers]) -> str:
    """Return what is wrong, after the option of the question whose answer it is."""
    details = error.errors()[0]
    message = details["msg"].removeprefix("Value error, ").removeprefix("Input ")
    for question in QUESTIONS:
        answers = [str(place[question.name]) for place in places if question.name in place]
        if question.name in details["loc"] or any(repr(answer) in message for answer in answers):
            return f"{question.option}: {message}"
    return message


def _country(answers: Answers) -> str:
    answer = str(answers.get("country", "US"))
    if not (country := countries.country_code(answer)):
        raise ScaffoldError(f"unknown country {answer!r}; use two letters, such as US or GB")
    return country


def _examples(country: str) -> dict[str, str | float]:
    examples = {question.name: question.example for question in QUESTIONS}
    if country == examples["country"]:
        return examples
    local: dict[str, str | float] = {
        "country": country,
        "phone": countries.example_phone(country),
        "time_zone": next(iter(countries.time_zones(country)), "UTC"),
        "region": "Your Region",
    }
    return {**examples, **local}


def _crisis_lines(country: str) -> str:
    """The known crisis lines in TOML, or a marked example."""
    lines = [
        "\n".join(f"{key} = {json.dumps(text, ensure_ascii=False)}" for key, text in line.items())
        for line in countries.crisis_lines(country)
    ]
    if not lines:
        return (STARTER / "crisis_lines.toml").read_text(encoding="utf-8").strip()
    return "\n\n".join(f"[[crisis_lines]]\n{line}" for line in lines)


def example_clinic() -> Clinic:
    """Return the new clinic as it is before any question is answered."""
    return Clinic.model_validate(tomllib.loads(clinic_toml({})))


def write_clinic(
    folder: Path, answers: Answers, more_locations: Sequence[Answers] = ()
) -> list[Path]:
    """Write a new clinic into ``folder``, new or empty. Return the files, relative to it.

    Raises ScaffoldError, before writing anything, when the folder is not empty.
    """
    require_empty_folder(folder)
    files = {Path("clinic.toml"): clinic_toml(answers, more_locations), **_demo_files()}
    for name in ("redirects.toml", "logo.svg", "illustration.svg"):
        files[Path(name)] = (STARTER / name).read_text(encoding="utf-8")
    try:
        for file, text in files.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ScaffoldError(f"{error.filename or folder}: {error.strerror}") from None
    return sorted(files)


def require_empty_folder(folder: Path) -> None:
    """Raise ScaffoldError when ``folder`` is a file or is not empty, apart from files such as
    ``.git`` and ``.DS_Store``.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.glob("[!.]*"))):
        raise ScaffoldError(f"{folder} is not empty, so nothing was changed. Name a new folder.")


def _demo_files() -> dict[Path, str]:
    if not (DEMO_CLINIC / "pages").is_dir():  # as in the container image, which has no pages
        raise ScaffoldError(f"{DEMO_CLINIC} is missing; run this in a full checkout of Frontdesk")
    patterns = ("references.toml", "figures/[!.]*.toml", "pages/[!.]*.md")
    files = [file for pattern in patterns for file in sorted(DEMO_CLINIC.glob(pattern))]
    return {file.relative_to(DEMO_CLINIC): _for_new_clinic(file) for file in files}


def _for_new_clinic(file: Path) -> str:
    """Return the text of ``file``, a page with today's date and a note where it needs review."""
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".md":
        return text
    text = UPDATED.sub(f"updated = {clock.now().date()}", text, count=1)
    if file.stem in REVIEW_PAGES:
        text = text.replace("+++\n", f"+++\n{REVIEW_NOTE}", 1)
    return text

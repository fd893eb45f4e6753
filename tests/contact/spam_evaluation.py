"""Scores the labeled messages; ``python -m tests.contact.spam_evaluation`` writes docs/spam.md."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.clinic.models import SpamFilter, default_crisis_phrases
from app.contact.crisis_detection import mentions_crisis
from app.contact.spam.scoring import SpamScore, SpamSignals, score_spam
from config import ROOT

FOLDER = Path(__file__).parent / "spam_set"
PARTS = {"tuned": "tuned on", "held_out": "held out"}
PAGE = ROOT / "docs" / "spam.md"
BEGIN, END = "<!-- confusion table -->", "<!-- end of the table -->"


@dataclass(frozen=True)
class Labeled:
    """A message with its label and the facts that would be there."""

    kind: str
    spam: bool
    facts: SpamSignals

    @property
    def verdict(self) -> SpamScore:
        return score_spam(self.facts, SpamFilter())

    @property
    def held(self) -> bool:
        """As in the intake: what may mean danger is never held."""
        return self.verdict.is_spam and not mentions_crisis(
            self.facts.message, default_crisis_phrases()
        )


def labeled(part: str) -> Iterator[Labeled]:
    """The messages of ``part``: ``tuned`` or ``held_out``."""
    table = tomllib.loads((FOLDER / f"{part}.toml").read_text(encoding="utf-8"))
    for group in table["group"]:
        for message in group["messages"]:
            yield Labeled(group["kind"], group["spam"], _facts(group, message.strip()))


def _facts(group: dict[str, object], message: str) -> SpamSignals:
    given = {"name": "Ada Example", "email": "ada@example.com", **group}
    return SpamSignals(
        name=str(given["name"]),
        email=str(given["email"]),
        best_time="",
        message=message,
        honeypot=str(given.get("honeypot", "")),
        from_browser=bool(given.get("browser", True)),
        elapsed=given.get("seconds"),  # type: ignore[arg-type]
        same_message=given.get("same_words", 0),  # type: ignore[arg-type]
        same_network=given.get("one_source", 0),  # type: ignore[arg-type]
    )


def by_words_alone(one: Labeled) -> bool:
    """Whether it would be held if nothing were known but what stands in it."""
    words = SpamSignals(one.facts.name, one.facts.email, one.facts.best_time, one.facts.message)
    return score_spam(words, SpamFilter()).is_spam


def counts(part: str) -> Counter[tuple[bool, bool]]:
    """How many messages there are for each (spam, held)."""
    return Counter((one.spam, one.held) for one in labeled(part))


def table() -> str:
    """The confusion table, in Markdown."""
    rows = [
        "| messages | part | delivered | held | held | by their words alone |",
        "|---" * 6 + "|",
    ]
    for spam, label in ((False, "from people"), (True, "spam")):
        for part, words in PARTS.items():
            found = counts(part)
            delivered, held = found[spam, False], found[spam, True]
            total = delivered + held
            alone = sum(by_words_alone(one) for one in labeled(part) if one.spam == spam)
            shares = f"{held / total:.1%} | {alone / total:.1%}"
            rows.append(f"| {label} | {words} | {delivered} | {held} | {shares} |")
    return "\n".join(rows)


def write() -> None:
    """Put the table into docs/spam.md, between its marks."""
    text = PAGE.read_text(encoding="utf-8")
    marked = re.compile(f"(?<={re.escape(BEGIN)}\n).*?(?={re.escape(END)})", re.DOTALL)
    PAGE.write_text(marked.sub(lambda _: f"{table()}\n", text), encoding="utf-8")


if __name__ == "__main__":
    write()

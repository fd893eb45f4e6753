"""Scores the labeled messages; ``python -m tests.contact.spam_evaluation`` writes docs/spam.md."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

from app.clinic.models import SpamFilter, default_crisis_phrases
from app.contact.crisis_detection import mentions_crisis
from app.contact.models import InquiryData
from app.contact.spam.scoring import SpamScore, SpamSignals, score_spam
from config import ROOT
from tests.contact.conftest import INQUIRY

FOLDER = Path(__file__).parent / "spam_set"
PARTS = {"tuned": "tuning set", "held_out": "held-out set"}
PAGE = ROOT / "docs" / "spam.md"
SIGNALS = [field.name for field in fields(SpamSignals)]
BEGIN, END = "<!-- confusion table -->", "<!-- end of the table -->"


@dataclass(frozen=True)
class Labeled:
    """A labeled message with its signals."""

    kind: str
    is_spam: bool
    inquiry: InquiryData
    signals: SpamSignals

    @property
    def score(self) -> SpamScore:
        return score_spam(self.inquiry, self.signals, SpamFilter())

    @property
    def is_quarantined(self) -> bool:
        """Whether it would be quarantined: like ``InquiryService``, never with a crisis phrase."""
        return self.score.is_spam and not mentions_crisis(
            self.inquiry.free_text, default_crisis_phrases()
        )


def labeled(part: str) -> Iterator[Labeled]:
    """The messages of ``part``: ``tuned`` or ``held_out``."""
    table = tomllib.loads((FOLDER / f"{part}.toml").read_text(encoding="utf-8"))
    for group in table["group"]:
        for message in group["messages"]:
            content = {name: group[name] for name in ("name", "email") if name in group}
            inquiry = replace(INQUIRY, message=message.strip(), **content)
            signals = {name: group[name] for name in SIGNALS if name in group}
            yield Labeled(group["kind"], group["is_spam"], inquiry, SpamSignals(**signals))


def is_spam_by_content(message: Labeled) -> bool:
    """Whether it would be quarantined for its content, without signals of how it was sent."""
    return score_spam(message.inquiry, SpamSignals(), SpamFilter()).is_spam


def counts(part: str) -> Counter[tuple[bool, bool]]:
    """The number of messages by (is spam, is quarantined)."""
    return Counter((message.is_spam, message.is_quarantined) for message in labeled(part))


def table() -> str:
    """The confusion table, in Markdown."""
    rows = [
        "| messages | set | delivered | quarantined | share | share by content alone |",
        "|---" * 6 + "|",
    ]
    for spam, label in ((False, "from people"), (True, "spam")):
        for part, part_label in PARTS.items():
            number = counts(part)
            delivered, quarantined = number[spam, False], number[spam, True]
            total = delivered + quarantined
            alone = sum(
                is_spam_by_content(message) for message in labeled(part) if message.is_spam == spam
            )
            shares = f"{quarantined / total:.1%} | {alone / total:.1%}"
            rows.append(f"| {label} | {part_label} | {delivered} | {quarantined} | {shares} |")
    return "\n".join(rows)


def write() -> None:
    """Write the table into docs/spam.md, between its markers."""
    text = PAGE.read_text(encoding="utf-8")
    marked = re.compile(f"(?<={re.escape(BEGIN)}\n).*?(?={re.escape(END)})", re.DOTALL)
    PAGE.write_text(marked.sub(lambda _: f"{table()}\n", text), encoding="utf-8")


if __name__ == "__main__":
    write()

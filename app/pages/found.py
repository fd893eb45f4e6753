"""The values that pass between parsing, settling and checking a page."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class PlaceholderValue:
    """What a placeholder stands for; with an ``address`` it is shown as a link."""

    text: str
    address: str = ""


@dataclass(frozen=True)
class Heading:
    """A second-level heading: its id on the page and its plain text."""

    id: str
    text: str


@dataclass
class ParseResult:
    """What a page holds. Lines count from 0, the first line of the Markdown.

    ``cited_at`` has the line of the first citation of each key, in the order of the numbers.
    """

    headings: list[Heading] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    cited_at: dict[str, int] = field(default_factory=dict)
    links: list[tuple[int, str]] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)

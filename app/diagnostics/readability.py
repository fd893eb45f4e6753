"""The words of a page's Markdown, and the school grade that it takes to read them."""

import re
from collections.abc import Iterator

CITATION = re.compile(r"\[@[^\]]+\]")
TABLE_HEAD = re.compile(r"^\|.*\n\|[-| ]+\|$", re.MULTILINE)
NEXT_BLOCK = re.compile(r"\n(?=\s*(?:[-#|]|\d+\.|:::)|\s*\n)")


def blocks(markdown: str) -> Iterator[str]:
    """Each paragraph, list item and table row; no headings, fences or heads of tables."""
    for block in NEXT_BLOCK.split(TABLE_HEAD.sub("", markdown)):
        if (text := block.strip()) and not text.startswith(("#", ":::")):
            yield re.sub(r"^(-|\d+\.)\s+", "", text)


def plain(text: str) -> str:
    """``text`` without citations, link targets and marks; a placeholder becomes one word."""
    text = re.sub(r"\{\{[^|}]*\|([^}]*)\}\}", r"\1", CITATION.sub("", text))
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"\{\{[^}]*\}\}", "this", text))
    return " ".join(text.replace("*", "").split())


def sentences(markdown: str) -> list[str]:
    """The sentences of paragraphs and lists; an item without a full stop is one as well."""
    texts = [plain(one) for one in blocks(markdown) if not one.startswith("|")]
    parts = (re.split(r"(?<=[.?!:])\"?\s+", text) for text in texts)
    return [sentence for some in parts for sentence in some if re.search(r"\w", sentence)]


def rows(markdown: str) -> list[str]:
    """The rows of tables, as plain text with their bars."""
    return [plain(one) for one in blocks(markdown) if one.startswith("|")]


def syllables(word: str) -> int:
    """The groups of vowels, a silent last e aside.

    On the demo's pages this comes within a quarter of a school grade of what a
    pronouncing dictionary (CMU) gives, and needs none.
    """
    return max(1, len(re.findall(r"[aeiouy]+", re.sub(r"(?<=[^aeioul])e$", "", word.lower()))))


def grade(texts: list[str]) -> float:
    """US school grade of ``texts``, one sentence each: Flesch-Kincaid (Kincaid et al. 1975).

    0 where there is no word.
    """
    words = [word for text in texts for word in re.findall(r"[A-Za-z][A-Za-z'-]*|\d[\d.,]*", text)]
    if not words:
        return 0.0
    spoken = sum(map(syllables, words))
    return 0.39 * len(words) / len(texts) + 11.8 * spoken / len(words) - 15.59

"""The text of a page's Markdown and its reading grade."""

import re
from collections.abc import Iterator

CITATION = re.compile(r"\[@[^\]]+\]")
TABLE_HEAD = re.compile(r"^\|.*\n\|[-| ]+\|$", re.MULTILINE)
# Not after an abbreviation: Dr. Example, 9 a.m. to noon, the U.S. rule.
SENTENCE_END = re.compile(r"(?<=[.?!])(?<!\b\w\.\w\.)(?<!\b(?:Dr|vs|Mr|Ms)\.)[\"\u201d\u2019]?\s+")
NEXT_BLOCK = re.compile(r"\n(?=[^\S\n]*(?:[-#|\n]|\d+\.|:::))")


def blocks(markdown: str) -> Iterator[str]:
    """Yield each paragraph, list item and table row, but no headings, fences or table heads."""
    for block in NEXT_BLOCK.split(TABLE_HEAD.sub("", markdown)):
        if (text := block.strip()) and not text.startswith(("#", ":::")):
            yield re.sub(r"^(-|\d+\.)\s+", "", text)


def plain(text: str) -> str:
    """Return ``text`` without citations, link targets and markup. Placeholders become a word."""
    text = re.sub(r"\{\{[^|}]*\|([^}]*)\}\}", r"\1", CITATION.sub("", text))
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"\{\{[^}]*\}\}", "this", text))
    return " ".join(text.replace("*", "").split())


def sentences(markdown: str) -> list[str]:
    """Return the sentences of paragraphs and lists, without list items that are only phrases."""
    texts = (plain(block) for block in blocks(markdown) if not block.startswith("|"))
    return [
        sentence
        for text in texts
        for sentence in SENTENCE_END.split(text)
        if re.search(r"\w.*[.?!:]\W*$", sentence)
    ]


def syllables(word: str) -> int:
    """Count the groups of vowels, without a silent final e.

    On the demo's pages, the resulting grade is within 0.25 of the one computed with the
    CMU Pronouncing Dictionary.
    """
    return max(1, len(re.findall(r"[aeiouy]+", re.sub(r"(?<=[^aeioul])e$", "", word.lower()))))


def grade(texts: list[str]) -> float:
    """Return the US school grade of a list of sentences, 0 without words.

    The formula is that of Flesch and Kincaid (Kincaid et al. 1975).
    """
    words = [word for text in texts for word in re.findall(r"[A-Za-z][A-Za-z'-]*|\d[\d.,]*", text)]
    if not words:
        return 0.0
    syllable_count = sum(map(syllables, words))
    return 0.39 * len(words) / len(texts) + 11.8 * syllable_count / len(words) - 15.59

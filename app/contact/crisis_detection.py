"""Finds phrases that may mean that someone is in danger, from the clinic's reviewed list.

The result only decides where the crisis lines are shown and how the notification is marked.
It has no side effects. People in distress type fast, so the matcher ignores capitals,
accents, apostrophes, doubled letters and digits used as letters, and allows one typing mistake
in a long word.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain

from rapidfuzz import process
from rapidfuzz.distance import LCSseq

from app.clinic.models import CrisisPhrases
from app.contact.forms import InquiryForm
from app.contact.models import InquiryData
from app.contact.text_normalization import fold, is_unspaced, letters_and_digits
from app.contact.validators import MESSAGE_LENGTH

PIECES = re.compile(r"[^\W_]+|[.!?;:,\n]")
APOSTROPHES = dict.fromkeys(map(ord, "'`\u00b4\u02bc\u2018\u2019"))
REPEATED = re.compile(r"(.)\1+")
DIGITS_AS_LETTERS = str.maketrans("013457", "oieast")
MIN_SPELLED_OUT = 4  # single letters in a row that make a word, like "s u i c i d e"
MIN_FUZZY_LENGTH = 6  # shorter words are too similar to other words to allow a mistake
MAX_FUZZY_LENGTH = 40  # longer text is not a word
END = ""  # key of a node where a phrase ends

Node = dict[str, "Node"]  # the words that may come next in a phrase


def inquiry_mentions_crisis(inquiry: InquiryData, phrases: CrisisPhrases) -> bool:
    """Whether an inquiry has a crisis phrase in any field of free text."""
    return mentions_crisis(f"{inquiry.name}\n{inquiry.best_time}\n{inquiry.message}", phrases)


def form_mentions_crisis(form: InquiryForm, phrases: CrisisPhrases) -> bool:
    """Whether a form, even an invalid one, has a crisis phrase.

    Reads only the beginning and the end of a field that is too long: reading all of it would
    let one request keep a worker busy.
    """
    fields = (form.name.data, form.best_time.data, form.message.data or "")
    return mentions_crisis("\n".join(map(_beginning_and_end, fields)), phrases)


def _beginning_and_end(text: str) -> str:
    if len(text) <= 2 * MESSAGE_LENGTH:
        return text
    return f"{text[:MESSAGE_LENGTH]}\n{text[-MESSAGE_LENGTH:]}"


def mentions_crisis(text: str, phrases: CrisisPhrases) -> bool:
    """Whether ``text`` has a phrase of the list that is not negated."""
    return _matcher(
        tuple(chain.from_iterable(phrases.phrases.values())),
        frozenset(phrases.negations),
        frozenset(phrases.negation_fillers),
        frozenset(phrases.negation_exceptions),
        frozenset(phrases.ignored_words),
    ).found_in(text)


class FuzzyWords:
    """Finds words as spelled or with one mistake: a letter missing, extra, wrong or moved."""

    def __init__(self) -> None:
        self._words: defaultdict[str, set[str]] = defaultdict(set)  # by spelling
        self._similar: defaultdict[int, list[str]] = defaultdict(list)  # by length of the text

    def add(self, word: str, spelling: str) -> None:
        """Make ``find`` return ``word`` for text that is similar to ``spelling``."""
        size = len(spelling)
        for length in (size - 1, size, size + 1):
            if (
                spelling not in self._words
                and MIN_FUZZY_LENGTH <= max(length, size) <= MAX_FUZZY_LENGTH
            ):
                self._similar[length].append(spelling)
        self._words[spelling].add(word)

    def find(self, text: str) -> set[str]:
        """The words whose spelling is ``text``, or ``text`` with one mistake."""
        found = set(self._words.get(text, ()))
        if spellings := self._similar.get(len(text)):
            matches = process.extract(
                text, spellings, scorer=LCSseq.distance, score_cutoff=1, limit=None
            )
            found.update(*(self._words[spelling] for spelling, _, _ in matches))
        return found


class PhraseMatcher:
    """The list of phrases as a tree of words. See ``CrisisPhrases`` for the parameters."""

    def __init__(
        self,
        phrases: Iterable[str],
        negations: frozenset[str],
        negation_fillers: frozenset[str],
        negation_exceptions: frozenset[str],
        ignored_words: frozenset[str],
    ) -> None:
        self._negations = _normalized(negations)
        self._negation_fillers = _normalized(negation_fillers)
        self._negation_exceptions = _normalized(negation_exceptions)
        self._ignored_words = _normalized(ignored_words)
        self._unspaced: list[str] = []
        self._root: Node = {}
        self._words, self._prefixes = FuzzyWords(), FuzzyWords()
        for phrase in phrases:
            self._add(phrase)

    def _add(self, phrase: str) -> None:
        folded = _fold(phrase)
        if is_unspaced(folded):
            self._unspaced.append(letters_and_digits(folded))
            return
        node = self._root
        for word in map(_squeeze, folded.split()):
            node = node.setdefault(word, {})
            self._words.add(word, word.rstrip("*"))
            if word[-1] == "*":
                self._prefixes.add(word, word[:-1])
        node[END] = {}

    def found_in(self, text: str) -> bool:
        folded = _fold(text)
        if not folded.isascii():
            letters = letters_and_digits(folded)
            if any(phrase in letters for phrase in self._unspaced):
                return True
        pieces = [piece for piece in _pieces(folded) if piece not in self._ignored_words]
        positions = [at for at, piece in enumerate(pieces) if piece[0].isalnum()]
        matches = {word: self._matches(word) for word in {pieces[at] for at in positions}}
        words = [matches[pieces[at]] for at in positions]
        first_words = self._root.keys()
        return any(
            self._phrase_starts(words, index) and not self._is_negated(pieces, at)
            for index, at in enumerate(positions)
            if not first_words.isdisjoint(words[index])
        )

    def _phrase_starts(self, words: list[set[str]], index: int) -> bool:
        """Whether a phrase starts at ``index`` of ``words`` (for each, the matches in the list)."""
        nodes = [self._root[word] for word in words[index] if word in self._root]
        while nodes:
            if any(END in node for node in nodes):
                return True
            index += 1
            if index == len(words):
                return False
            nodes = [node[word] for node in nodes for word in words[index] if word in node]
        return False

    def _matches(self, word: str) -> set[str]:
        """The words of the list that ``word`` may be, exactly or with one mistake."""
        prefixes = (word[:end] for end in range(4, min(len(word), 14)))
        return self._words.find(word).union(*map(self._prefixes.find, prefixes))

    def _is_negated(self, pieces: list[str], at: int) -> bool:
        at -= 1
        while at >= 0 and pieces[at] in self._negation_fillers:
            at -= 1
        if at < 0 or pieces[at] not in self._negations:
            return False
        return at == 0 or pieces[at - 1] not in self._negation_exceptions


_matcher = lru_cache(maxsize=4)(PhraseMatcher)


def _fold(text: str) -> str:
    return fold(text.translate(APOSTROPHES))


def _pieces(folded: str) -> Iterator[str]:
    """Words and punctuation; letters spelled out one by one are joined into a word."""
    pieces = PIECES.findall(folded)
    squeezed = {piece: _squeeze(piece) for piece in set(pieces)}
    letters: list[str] = []
    for piece in pieces:
        if len(piece) == 1 and piece.isalpha():
            letters.append(piece)
            continue
        if letters:
            yield from _join(letters)
            letters.clear()
        yield squeezed[piece]
    yield from _join(letters)


def _join(letters: list[str]) -> Iterable[str]:
    return [_squeeze("".join(letters))] if len(letters) >= MIN_SPELLED_OUT else letters


def _squeeze(word: str) -> str:
    """``killll`` and ``k1ll`` become ``kil``."""
    if not word.isalpha() and any(char.isalpha() for char in word):
        word = word.translate(DIGITS_AS_LETTERS)
    return REPEATED.sub(r"\1", word)


def _normalized(words: Iterable[str]) -> frozenset[str]:
    return frozenset(_squeeze(_fold(word)) for word in words)

"""May somebody be in danger now? Pure: a text and the clinic's reviewed list in.

Typed in haste and in despair: capitals, accents, apostrophes, doubled letters and
figures for letters do not count, a long word may have one slip. It says nothing
about the person, and nothing hangs on it but where the crisis lines stand.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain

from app.clinic.models import CrisisPhrases
from app.contact.forms import InquiryForm
from app.contact.fuzzy_match import FuzzyWords
from app.contact.models import InquiryData
from app.contact.text_normalization import fold, is_unspaced, letters_and_digits
from app.contact.validators import MESSAGE_LENGTH

PIECES = re.compile(r"[^\W_]+|[.!?;:,\n]")
APOSTROPHES = dict.fromkeys(map(ord, "'`\u00b4\u02bc\u2018\u2019"))
DOUBLED = re.compile(r"(.)\1+")
FIGURES = str.maketrans("013457", "oieast")
SPELLED = 4  # single letters in a row make a word: s u i c i d e
END = ""  # in a node: a phrase is over here

Node = dict[str, "Node"]  # the words that may come next in a phrase


def inquiry_mentions_crisis(words: InquiryData, phrases: CrisisPhrases) -> bool:
    """Whether something in an inquiry may mean danger."""
    return mentions_crisis(f"{words.name}\n{words.best_time}\n{words.message}", phrases)


def form_mentions_crisis(form: InquiryForm, phrases: CrisisPhrases) -> bool:
    """The same of what was typed, whether or not it can be accepted.

    Reads the beginning and the end of each field, as much as an inquiry may hold: what
    is longer is not accepted, and reading all of it would let one post keep a worker busy.
    """
    typed = (form.name.data, form.best_time.data, form.message.data or "")
    return mentions_crisis("\n".join(map(_beginning_and_end, typed)), phrases)


def _beginning_and_end(text: str) -> str:
    if len(text) <= 2 * MESSAGE_LENGTH:
        return text
    return f"{text[:MESSAGE_LENGTH]}\n{text[-MESSAGE_LENGTH:]}"


def mentions_crisis(text: str, words: CrisisPhrases) -> bool:
    """Whether ``text`` holds a phrase of the list that is not denied."""
    return _index(
        tuple(chain.from_iterable(words.phrases.values())),
        frozenset(words.negations),
        frozenset(words.negation_fillers),
        frozenset(words.negation_exceptions),
        frozenset(words.ignored_words),
    ).found_in(text)


class Index:
    """The list, made ready for looking up."""

    def __init__(
        self,
        phrases: Iterable[str],
        denials: frozenset[str],
        between: frozenset[str],
        but_not_after: frozenset[str],
        skipped: frozenset[str],
    ) -> None:
        self._denials, self._between = _same(denials), _same(between)
        self._but_not_after, self._skipped = _same(but_not_after), _same(skipped)
        self._unspaced: list[str] = []
        self._starts: Node = {}
        self._words, self._stems = FuzzyWords(), FuzzyWords()
        for phrase in phrases:
            self._add(phrase)

    def _add(self, phrase: str) -> None:
        folded = _plain(phrase)
        if is_unspaced(folded):
            self._unspaced.append(letters_and_digits(folded))
            return
        node = self._starts
        for word in map(_squeezed, folded.split()):
            node = node.setdefault(word, {})
            self._words.add(word, word.rstrip("*"))
            if word[-1] == "*":
                self._stems.add(word, word[:-1])
        node[END] = {}

    def found_in(self, text: str) -> bool:
        folded = _plain(text)
        if not folded.isascii():
            run = letters_and_digits(folded)
            if any(phrase in run for phrase in self._unspaced):
                return True
        pieces = [piece for piece in _pieces(folded) if piece not in self._skipped]
        words = [at for at, piece in enumerate(pieces) if piece[0].isalnum()]
        meaning = {piece: self._meanings(piece) for piece in {pieces[at] for at in words}}
        meanings = [meaning[pieces[at]] for at in words]
        first_words = self._starts.keys()
        return any(
            self._phrase_at(meanings, place) and not self._denied(pieces, at)
            for place, at in enumerate(words)
            if not first_words.isdisjoint(meanings[place])
        )

    def _phrase_at(self, meanings: list[set[str]], place: int) -> bool:
        """Whether a phrase begins with the word at ``place``."""
        nodes = [self._starts[word] for word in meanings[place] if word in self._starts]
        while nodes:
            if any(END in node for node in nodes):
                return True
            place += 1
            if place == len(meanings):
                return False
            nodes = [node[word] for node in nodes for word in meanings[place] if word in node]
        return False

    def _meanings(self, piece: str) -> set[str]:
        """The words of the list that ``piece`` may be, as typed or with one slip."""
        begun = (piece[:end] for end in range(4, min(len(piece), 14)))
        return self._words.find(piece).union(*map(self._stems.find, begun))

    def _denied(self, pieces: list[str], at: int) -> bool:
        at -= 1
        while at >= 0 and pieces[at] in self._between:
            at -= 1
        if at < 0 or pieces[at] not in self._denials:
            return False
        return at == 0 or pieces[at - 1] not in self._but_not_after


_index = lru_cache(maxsize=4)(Index)


def _plain(text: str) -> str:
    return fold(text.translate(APOSTROPHES))


def _pieces(folded: str) -> Iterator[str]:
    """Words and sentence marks; letters spelled out one by one make a word."""
    found = PIECES.findall(folded)
    squeezed = {piece: _squeezed(piece) for piece in set(found)}
    spelled: list[str] = []
    for piece in found:
        if len(piece) == 1 and piece.isalpha():
            spelled.append(piece)
            continue
        if spelled:
            yield from _joined(spelled)
            spelled.clear()
        yield squeezed[piece]
    yield from _joined(spelled)


def _joined(letters: list[str]) -> Iterable[str]:
    return [_squeezed("".join(letters))] if len(letters) >= SPELLED else letters


def _squeezed(word: str) -> str:
    """``killll`` and ``k1ll`` as ``kil``."""
    if not word.isalpha() and any(char.isalpha() for char in word):
        word = word.translate(FIGURES)
    return DOUBLED.sub(r"\1", word)


def _same(words: Iterable[str]) -> frozenset[str]:
    return frozenset(_squeezed(_plain(word)) for word in words)

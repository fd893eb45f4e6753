"""Is it spam? Pure: facts in, a score and its reasons out.

A held inquiry is stored and gets its reference like any other; only the mail
waits until a person has looked. Nobody is refused, and no single weak sign holds
anybody: people type fast, share a network, write in capitals and paste links.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from disposable_email_domains import blocklist

from app.clinic.models import SpamFilter, SpamWeights
from app.contact.spam import sales_phrases, text_features

TOO_FAST = 3.0  # seconds from opening the page to sending
MOST = 4  # of links, of phrases and of others with the same words that are counted
SECOND = 1.75  # points from which signs that are no phrases second the phrases
CROWDS = (3, 10, 30)  # inquiries of one hour from one network, besides this one


@dataclass(frozen=True)
class FormSignals:
    """How the contact form was sent. The API sends none of these signals.

    ``honeypot`` is the content of a field that people cannot see. ``from_browser`` is false when
    the headers that browsers send are missing. ``elapsed`` is the time from opening the page to
    sending in seconds, or None if unknown.
    """

    honeypot: str = ""
    from_browser: bool = True
    elapsed: float | None = None


@dataclass(frozen=True)
class SpamSignals:
    """What is known of a submission, see also ``FormSignals``. ``same_message`` counts other
    inquiries of a day with this message, ``same_network`` those of an hour from the same network.
    """

    name: str
    email: str
    best_time: str
    message: str
    honeypot: str = ""
    from_browser: bool = True
    elapsed: float | None = None
    same_message: int = 0
    same_network: int = 0


@dataclass(frozen=True)
class SpamScore:
    """The score, what it is made of (heaviest first), and whether it reaches the threshold."""

    score: float
    reasons: tuple[str, ...]
    is_spam: bool


def score_spam(facts: SpamSignals, spam_filter: SpamFilter) -> SpamScore:
    """Score ``facts``. Reasons name signs and counts, never what somebody wrote.

    What is spoken of holds nobody by itself: there is a sign of another kind, or the
    writer speaks as a seller does.
    """
    weights = spam_filter.weights
    found = sales_phrases.found(facts.message)
    others = [*_of_sending(facts, weights), *_of_links(facts, weights), *_of_form(facts, weights)]
    seconded = found.pitch > 0 or sum(points for points, _ in others) >= SECOND
    signs = [*others, *_of_words(found, weights, seconded=seconded)]
    signs = sorted((sign for sign in signs if sign[0] > 0), key=lambda sign: -sign[0])
    score = sum(points for points, _ in signs)
    is_spam = seconded and score >= spam_filter.threshold
    return SpamScore(score, tuple(reason for _, reason in signs), is_spam)


def _of_sending(facts: SpamSignals, weights: SpamWeights) -> Iterator[tuple[float, str]]:
    if facts.honeypot.strip():
        yield weights.hidden_field, "the hidden field was filled in"
    if not facts.from_browser:
        yield weights.no_browser, "not sent by a browser"
    if facts.elapsed is not None and facts.elapsed < TOO_FAST:
        yield weights.too_fast, "sent within 3 seconds"
    if facts.same_message:
        others = min(facts.same_message, MOST)
        yield weights.same_words * others, f"the same words from {facts.same_message} others"
    if crowd := sum(facts.same_network >= size for size in CROWDS):
        yield weights.one_source * crowd, f"{facts.same_network} others from one network in an hour"


def _of_links(facts: SpamSignals, weights: SpamWeights) -> Iterator[tuple[float, str]]:
    if found := text_features.links(facts.message):
        yield weights.link * min(len(found), MOST), f"links: {len(found)}"
    if any(text_features.is_disguised(host) for host in found):
        yield weights.disguised_link, "a link that hides where it leads"
    if text_features.has_link_markup(facts.message):
        yield weights.link_markup, "links in markup"
    if text_features.links(f"{facts.name} {facts.best_time}"):
        yield weights.link_in_name, "a link in the name"


def _of_words(
    found: sales_phrases.Found, weights: SpamWeights, *, seconded: bool
) -> Iterator[tuple[float, str]]:
    """``seconded``: subjects that people live with count as offers."""
    sold = found.offers + (found.subjects if seconded else 0)
    toned = found.tone + (0 if seconded else found.subjects)
    if sold:
        yield weights.offer * min(sold, MOST), f"phrases that sell: {sold}"
    if toned:
        yield weights.sales_tone * min(toned, MOST), f"phrases in a sales tone: {toned}"


def _of_form(facts: SpamSignals, weights: SpamWeights) -> Iterator[tuple[float, str]]:
    if text_features.is_gibberish(facts.message):
        yield weights.gibberish, "the message is no language"
    if text_features.is_gibberish(facts.name, strict=True):
        yield weights.gibberish_name, "the name is no name"
    if text_features.mixes_alphabets(f"{facts.name} {facts.message}"):
        yield weights.mixed_alphabets, "alphabets mixed within words"
    if _is_disposable(facts.email):
        yield weights.disposable_address, "a disposable address"


def _is_disposable(email: str) -> bool:
    """Whether the domain, or one that it belongs to, gives out addresses for minutes."""
    labels = email.rpartition("@")[2].lower().split(".")
    return any(".".join(labels[at:]) in blocklist for at in range(len(labels) - 1))

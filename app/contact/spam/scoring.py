"""Scores an inquiry for spam. It has no side effects.

A quarantined inquiry is stored and gets a reference like any other, but its email waits until
a person has reviewed it. Nothing is refused, and no weak signal quarantines an inquiry by
itself: people type fast, share a network, write in capitals and paste links.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from disposable_email_domains import blocklist

from app.clinic.models import SpamFilter, SpamWeights
from app.contact.email_addresses import ascii_domain
from app.contact.models import InquiryData
from app.contact.spam import text_features
from app.contact.spam.sales_phrases import count_phrases

TOO_FAST = 3.0  # seconds from opening the page to sending
MAX_COUNTED = 4  # links, phrases and networks with the same message
SUPPORTING_POINTS = 1.75  # points of one kind of signals that confirm those of another kind
NETWORK_STEPS = (3, 10, 30)  # other inquiries from the same network in an hour


@dataclass(frozen=True)
class SpamSignals:
    """How an inquiry was sent; the defaults are those of the API, which is made for programs.

    ``honeypot`` is the content of a field that people cannot see. ``from_browser`` is false when
    the headers that browsers send are missing. ``elapsed`` is the time from opening the page to
    sending in seconds, or None if unknown. ``same_message`` counts other networks with this
    message in a day, ``same_network`` other inquiries from the same network in an hour.
    """

    honeypot: str = ""
    from_browser: bool = True
    elapsed: float | None = None
    same_message: int = 0
    same_network: int = 0


@dataclass(frozen=True)
class SpamScore:
    """The reasons, those with most points first, and whether it is likely spam.

    ``is_doubtful``: not spam, but only because it needs what others sent to have enough points.
    """

    reasons: tuple[str, ...]
    is_spam: bool
    is_doubtful: bool


def score_spam(inquiry: InquiryData, signals: SpamSignals, spam_filter: SpamFilter) -> SpamScore:
    """Score ``inquiry``. Reasons name signals and counts and never quote the visitor.

    Phrases alone never make an inquiry spam: there must also be another kind of signal, or
    the tone of a sales pitch. Nor does what others sent: anyone can send a patient's sentence.
    """
    weights = spam_filter.weights
    phrases = count_phrases(inquiry.message)
    of_others = list(_signals_of_others(signals, weights))
    own = [
        *_sending_signals(signals, weights),
        *_link_signals(inquiry, weights),
        *_text_signals(inquiry, weights),
    ]
    supported = phrases["pitch"] > 0 or _sum(own) >= SUPPORTING_POINTS
    own += _phrase_signals(phrases, weights, supported=supported)
    scored = sorted(
        (signal for signal in (*own, *of_others) if signal[0] > 0), key=lambda signal: -signal[0]
    )
    enough = _sum(scored) >= spam_filter.threshold
    supported = supported or _sum(of_others) >= SUPPORTING_POINTS
    is_spam = enough and supported and _sum(own) >= SUPPORTING_POINTS
    return SpamScore(
        reasons=tuple(reason for _, reason in scored),
        is_spam=is_spam,
        is_doubtful=enough and not is_spam and _sum(own) < spam_filter.threshold,
    )


def _sum(signals: Iterable[tuple[float, str]]) -> float:
    return sum(points for points, _ in signals)


def _sending_signals(signals: SpamSignals, weights: SpamWeights) -> Iterator[tuple[float, str]]:
    if signals.honeypot.strip():
        yield weights.honeypot, "the hidden field was filled in"
    if not signals.from_browser:
        yield weights.missing_browser_headers, "not sent by a browser"
    if signals.elapsed is not None and signals.elapsed < TOO_FAST:
        yield weights.too_fast, "sent within 3 seconds"


def _signals_of_others(signals: SpamSignals, weights: SpamWeights) -> Iterator[tuple[float, str]]:
    if count := signals.same_message:
        points = weights.same_message * min(count, MAX_COUNTED)
        yield points, f"same message from {count} other networks within a day"
    if steps := sum(signals.same_network >= step for step in NETWORK_STEPS):
        reason = f"{signals.same_network} other inquiries from the same network within an hour"
        yield weights.same_network * steps, reason


def _link_signals(inquiry: InquiryData, weights: SpamWeights) -> Iterator[tuple[float, str]]:
    if hosts := text_features.link_hosts(inquiry.message):
        yield weights.link * min(len(hosts), MAX_COUNTED), f"links: {len(hosts)}"
    if any(text_features.is_disguised(host) for host in hosts):
        yield weights.disguised_link, "a link that hides where it leads"
    if text_features.has_link_markup(inquiry.message):
        yield weights.link_markup, "links in markup"
    if text_features.link_hosts(f"{inquiry.name} {inquiry.best_time}"):
        yield weights.link_in_name, "a link in the name"


def _text_signals(inquiry: InquiryData, weights: SpamWeights) -> Iterator[tuple[float, str]]:
    if text_features.is_gibberish(inquiry.message):
        yield weights.gibberish, "message looks like random letters"
    if text_features.is_gibberish(inquiry.name, strict=True):
        yield weights.gibberish_name, "name looks like random letters"
    if text_features.mixes_alphabets(f"{inquiry.name} {inquiry.message}"):
        yield weights.mixed_alphabets, "alphabets mixed within words"
    if _is_disposable(inquiry.email):
        yield weights.disposable_address, "a disposable address"


def _phrase_signals(
    phrases: dict[str, int], weights: SpamWeights, *, supported: bool
) -> Iterator[tuple[float, str]]:
    """``subjects``, which patients also write about, get the points of ``offers`` if the score
    is ``supported`` by other signals, and otherwise the fewer points of ``tone``.
    """
    offers, tone = phrases["offers"], phrases["tone"]
    if supported:
        offers += phrases["subjects"]
    else:
        tone += phrases["subjects"]
    if offers:
        yield weights.offer * min(offers, MAX_COUNTED), f"sales phrases: {offers}"
    if tone:
        yield weights.sales_tone * min(tone, MAX_COUNTED), f"sales tone: {tone}"


def _is_disposable(email: str) -> bool:
    """Whether the domain, or one of its parent domains, provides disposable addresses."""
    labels = ascii_domain(email.rpartition("@")[2]).split(".")
    return any(".".join(labels[at:]) in blocklist for at in range(len(labels) - 1))

"""Models of the clinic's TOML files: immutable, validated, unknown keys refused."""

import re
import tomllib
from datetime import date, datetime, time
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    EmailStr,
    Field,
    HttpUrl,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from app import clock
from app.clinic import countries
from app.clinic.reply_time import ReplyTime
from app.clinic.theme import Theme

CRISIS_PHRASES_FILE = "crisis-phrases.toml"
# Digits with a currency before or after them: $550, £1,200, CHF 400, 550 EUR.
CURRENCY = r"(?:[A-Z]{1,3}|[A-Z]{0,2}[^\w\s.,+-])"
AMOUNT = re.compile(rf"{CURRENCY} ?\d[\d.,]*|\d[\d.,]* ?{CURRENCY}")
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
MIDNIGHT = time(0)
# Where a clinic.toml without crisis lines has those of its country.
COUNTRIES_WITH_DEFAULT_LINES = ("CA", "US")
# A lawyer should read it, or the clinic's own words, before it is used.
DEFAULT_TEXT_CONSENT = (
    "You may answer me by text message at this number. I know that text messages are not private,"
    " that message and data rates may apply, and that I can reply STOP at any time."
)
Consent = Annotated[
    str, StringConstraints(min_length=1, max_length=600, pattern=r"^[^\x00-\x1f\x7f]+$")
]
TextLine = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Phrase = Annotated[
    str, StringConstraints(max_length=80, pattern=r"^[^\W_]+( [^\W_]+)*\*?$", to_lower=True)
]
Points = Annotated[float, Field(ge=0, le=100)]
# What the clinic says in its own words, in one paragraph.
Statement = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$"
    ),
]


def _lowercase_key(key: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,39}", key):
        rule = "up to 40 lowercase letters, digits and hyphens, beginning with a letter"
        raise ValueError(f"use {rule}")
    return key


def _known_day(key: object) -> object:
    """Refuse what is not a day, often an entry of the location that was written too far down."""
    if key in Location.model_fields:
        where = "move this line above [locations.hours]"
        raise ValueError(f"{where}; below it, only days are read")
    if key not in WEEKDAYS:
        raise ValueError("unknown day; write monday, tuesday and so on, in lowercase")
    return key


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise ValueError(f"unknown time zone {name!r}; use a name like America/New_York") from None
    return name


def _english(language: str) -> str:
    if not re.fullmatch(r"en(-[A-Z]{2})?", language):
        raise ValueError("buttons, errors and emails are in English only: en, or such as en-GB")
    return language


def _known_country(code: str) -> str:
    if not countries.is_country(code):
        raise ValueError(f"unknown country {code!r}; use the two letters of ISO 3166, such as GB")
    return code


def _ascii(address: str) -> str:
    if not address.isascii():
        raise ValueError("not every mail server accepts such an address; write a domain as xn--…")
    return address


def _no_duplicates(mailboxes: tuple[str, ...]) -> tuple[str, ...]:
    if len({mailbox.lower() for mailbox in mailboxes}) != len(mailboxes):
        raise ValueError("the same mailbox is listed twice and would get each email twice")
    return mailboxes


def _toml_time(value: object) -> object:
    """Refuse what pydantic would read as a time, too: 900 would be a quarter past midnight."""
    whole_minutes = isinstance(value, time) and not (value.second or value.microsecond)
    if not whole_minutes:
        raise ValueError("write a time like 09:00:00, without quotes")
    return value


def _toml_date(value: object) -> object:
    is_date = isinstance(value, date) and not isinstance(value, datetime)
    if not is_date:
        raise ValueError("write a date like 2027-12-24, without quotes")
    return value


def _amount(value: object) -> str:
    if not isinstance(value, str) or not AMOUNT.fullmatch(value):
        raise ValueError(f'{value!r} is not an amount; write it with its currency, such as "$550"')
    return value


def _in_order(periods: "tuple[Hours, ...]") -> "tuple[Hours, ...]":
    for earlier, later in pairwise(periods):
        if earlier.ends_next_day:
            raise ValueError(
                f"what opens at {earlier.opens:%H:%M} closes on the next day:"
                " put it last, and see that closes is right"
            )
        if later.opens <= earlier.closes:
            times = f"{later.opens:%H:%M} is not after {earlier.closes:%H:%M}"
            raise ValueError(f"{times}: put the periods in order, and join adjacent ones")
    return periods


def _with_country(country: str, place: object) -> object:
    return {"country": country, **place} if isinstance(place, dict) else place


Key = Annotated[str, AfterValidator(_lowercase_key)]
Country = Annotated[str, AfterValidator(_known_country)]
TomlTime = Annotated[time, BeforeValidator(_toml_time)]
TomlDate = Annotated[date, BeforeValidator(_toml_date)]
Mailbox = Annotated[EmailStr, AfterValidator(_ascii)]
Mailboxes = Annotated[tuple[Mailbox, ...], Field(min_length=1), AfterValidator(_no_duplicates)]


class FrozenModel(BaseModel):
    """An immutable value from the clinic's files. Unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Hours(FrozenModel):
    """One period of opening, in the clinic's local time.

    If ``closes`` is not later than ``opens``, it is on the next day: 20:00 to 02:00, 18:00 to
    00:00 (midnight). From 00:00 to 00:00 is all day.
    """

    opens: TomlTime
    closes: TomlTime

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.opens == self.closes != MIDNIGHT:
            raise ValueError("opens and closes are the same; all day is 00:00:00 to 00:00:00")
        return self

    @property
    def ends_next_day(self) -> bool:
        return self.closes <= self.opens

    @property
    def is_all_day(self) -> bool:
        return self.opens == self.closes == MIDNIGHT


Day = Annotated[tuple[Hours, ...], AfterValidator(_in_order)]


class ClosedDates(FrozenModel):
    """A date on which a location is closed, or all dates through ``last_date``.

    Visitors are shown the reason.
    """

    date: TomlDate
    last_date: TomlDate | None = None
    reason: TextLine

    @model_validator(mode="after")
    def _last_date_is_not_earlier(self) -> Self:
        if self.last < self.date:
            raise ValueError(f"last_date {self.last_date} is before date {self.date}")
        return self

    @property
    def last(self) -> TomlDate:
        return self.last_date or self.date

    @property
    def hours(self) -> Day:
        return ()


class SpecialHours(FrozenModel):
    """The hours of a location on one date, instead of those of its weekday."""

    date: TomlDate
    hours: Day
    reason: TextLine | None = None

    @field_validator("hours")
    @classmethod
    def _not_empty(cls, hours: Day) -> Day:
        if not hours:
            raise ValueError("list the date in closed, if the location is closed")
        return hours

    @property
    def last(self) -> TomlDate:
        return self.date


class Location(FrozenModel):
    """One place where the clinic sees patients. Coordinates are WGS 84 degrees.

    ``country`` is that of the clinic, unless the file has another one.
    ``special_hours`` have priority over ``closed``, and both over ``hours``.
    ``mailboxes`` get its inquiries, too, or instead of those of the topic.
    """

    key: Key
    name: TextLine
    address: tuple[TextLine, ...] = Field(min_length=1)
    city: TextLine
    region: TextLine | None = None
    postal_code: TextLine | None = None
    country: Country
    latitude: float = Field(ge=-85, le=85)
    longitude: float = Field(ge=-180, le=180)
    phone: TextLine | None = None
    mailboxes: Mailboxes | None = None
    replace_topic_mailboxes: bool = False
    hours: dict[Annotated[Weekday, BeforeValidator(_known_day)], Day] = {}
    closed: tuple[ClosedDates, ...] = ()
    special_hours: tuple[SpecialHours, ...] = ()
    transit: str | None = None
    parking: str | None = None
    wheelchair_access: str | None = None

    @model_validator(mode="after")
    def _has_coordinates(self) -> Self:
        if self.latitude == 0 and self.longitude == 0:
            raise ValueError("latitude and longitude are both 0: fill in the real coordinates")
        return self

    @field_validator("hours")
    @classmethod
    def _nights_end_before_the_next_day_opens(cls, hours: dict[Weekday, Day]) -> dict[Weekday, Day]:
        for day, next_day in zip(WEEKDAYS, WEEKDAYS[1:] + WEEKDAYS[:1], strict=True):
            today, tomorrow = hours.get(day), hours.get(next_day)
            if today and tomorrow and today[-1].ends_next_day:
                closes, opens = today[-1].closes, tomorrow[0].opens
                if closes > opens:
                    raise ValueError(
                        f"{day} closes at {closes:%H:%M} on {next_day},"
                        f" but {next_day} opens at {opens:%H:%M}: correct one of them"
                    )
        return hours

    @model_validator(mode="after")
    def _one_entry_for_a_date(self) -> Self:
        dates = [day.date for day in self.special_hours]
        dates += {day.date for day in self.closed if not day.last_date}
        for day in dates:
            if dates.count(day) > 1:
                raise ValueError(f"{day} is listed twice in special_hours and closed: keep one")
        return self

    @property
    def special_days(self) -> tuple[SpecialHours | ClosedDates, ...]:
        """The dates with other hours or none. The first one that includes a date counts."""
        return (*self.special_hours, *self.closed)

    @property
    def place(self) -> str:
        """The city and its region."""
        return ", ".join(filter(None, (self.city, self.region)))

    @property
    def address_lines(self) -> tuple[str, ...]:
        """The lines of the postal address, as on an envelope."""
        return countries.address_lines(
            self.country, self.address, self.city, self.region, self.postal_code
        )


class Topic(FrozenModel):
    """A subject that visitors choose from. Each of ``mailboxes`` gets its own email."""

    key: Key
    label: TextLine
    mailboxes: Mailboxes


class Receiver(FrozenModel):
    """Someone who is told about inquiries by other means than email.

    Instead of ``url`` or ``secret``, ``url_file`` or ``secret_file`` can name a file with it.
    """

    key: Key
    url: SecretStr

    @model_validator(mode="before")
    @classmethod
    def _read_secret_files(cls, table: dict[str, object]) -> dict[str, object]:
        values = dict(table)
        for key in ("url", "secret"):
            if (path := values.pop(f"{key}_file", None)) is None:
                continue
            if key in values:
                raise ValueError(f"set {key} or {key}_file, not both")
            try:
                values[key] = Path(str(path)).read_text(encoding="utf-8").strip()
            except (OSError, ValueError) as error:
                raise ValueError(f"cannot read {path} ({type(error).__name__})") from None
        return values


class Notify(Receiver):
    """An Apprise address that is told of new inquiries: of all, or of some topics and locations.

    With ``urgent``, the message says when words of the inquiry may mean that someone is in danger.
    """

    topics: tuple[Key, ...] = ()
    locations: tuple[Key, ...] = ()
    urgent: bool = False

    @field_validator("url")
    @classmethod
    def _has_scheme(cls, url: SecretStr) -> SecretStr:
        if not re.match(r"[a-z0-9]+://.", url.get_secret_value()):
            raise ValueError("must be an address of Apprise, such as ntfys://host/topic")
        return url

    def concerns(self, topic: str, location: str) -> bool:
        """Whether it is told of an inquiry with these keys."""
        return (not self.topics or topic in self.topics) and (
            not self.locations or location in self.locations
        )


class Webhook(Receiver):
    """A program that is told about inquiries, by the Standard Webhooks specification.

    With ``content``, it gets what visitors write: only with an agreement that covers that.
    """

    secret: SecretStr
    content: bool = False

    @field_validator("url")
    @classmethod
    def _encrypted(cls, url: SecretStr) -> SecretStr:
        if not re.match(
            r"https://[^/]|http://(127\.0\.0\.1|localhost)[:/]", url.get_secret_value()
        ):
            raise ValueError("must start with https://")
        return url

    @field_validator("secret")
    @classmethod
    def _is_key(cls, secret: SecretStr) -> SecretStr:
        key = secret.get_secret_value().removeprefix("whsec_")
        if not re.fullmatch(r"[A-Za-z0-9+/]{32,88}=*", key):
            raise ValueError("must be whsec_ and 24 to 64 random bytes in base64")
        return secret


class CrisisLine(FrozenModel):
    """A phone number for people in danger. ``text`` is a number for text messages.

    ``source`` is where the number was checked; visitors do not see it.
    """

    name: TextLine
    phone: TextLine
    when: TextLine
    text: Annotated[str, StringConstraints(pattern=r"^\+?[0-9]{3,15}$")] | None = None
    url: HttpUrl | None = None
    source: HttpUrl | None = None


class Links(FrozenModel):
    """External links. A missing one is not shown.

    ``hipaa_notice``: the Notice of Privacy Practices (45 CFR 164.520).
    """

    evolution_article: HttpUrl | None = None
    hipaa_notice: HttpUrl | None = None


class Care(FrozenModel):
    """How the clinic gives an infusion, in its own words. A missing fact is not shown."""

    given_by: Statement | None = None
    monitoring: Statement | None = None
    emergency_equipment: Statement | None = None
    visit_length: Statement | None = None
    recovery: Statement | None = None
    fasting: Statement | None = None
    companion: Statement | None = None
    referral: Statement | None = None


class Price(FrozenModel):
    """What a service costs, with its currency."""

    service: TextLine
    amount: Annotated[str, BeforeValidator(_amount)]
    includes: TextLine | None = None


class Booking(FrozenModel):
    """How to get a first appointment, step by step, and how to change or cancel one."""

    steps: tuple[Statement, ...] = Field(min_length=1)
    cancellation: Statement | None = None


class TeamMember(FrozenModel):
    """A person who gives care at the clinic."""

    name: TextLine
    credentials: TextLine | None = None
    role: TextLine


class Digest(FrozenModel):
    """The daily summary email, sent at the local time ``at``."""

    at: TomlTime = time(7, 30)
    mailboxes: Mailboxes


class Review(FrozenModel):
    """The clinician who approved the information pages. Only the clinic may fill this in."""

    reviewer: TextLine
    credentials: TextLine
    reviewed: TomlDate
    next_review: TomlDate | None = None


class SpamWeights(FrozenModel):
    """Points for each sign of spam. With the defaults, only a filled-in honeypot is enough by
    itself. What others sent is never enough by itself.
    """

    honeypot: Points = 5.0
    missing_browser_headers: Points = 1.75
    too_fast: Points = 2.5
    same_message: Points = 1.5  # for each other network with this message, up to four
    same_network: Points = 1.0  # in steps: 3, 10 and 30 others in an hour
    link: Points = 0.75  # for each link, up to four
    disguised_link: Points = 2.0
    link_markup: Points = 3.0
    link_in_name: Points = 4.0
    offer: Points = 2.5  # for each phrase that offers a service, up to four
    sales_tone: Points = 0.75  # for each phrase that is typical of sales messages, up to four
    gibberish: Points = 3.0
    gibberish_name: Points = 2.5
    mixed_alphabets: Points = 2.5
    disposable_address: Points = 1.5


class SpamFilter(FrozenModel):
    """An inquiry with ``threshold`` points or more is quarantined until a person reviews it."""

    threshold: Annotated[float, Field(gt=0, le=1000)] = 5.0
    weights: SpamWeights = SpamWeights()


class CrisisPhrases(FrozenModel):
    """The reviewed phrases that may mean someone is in danger, by language.

    ``word*`` matches every word with that beginning. A phrase after one of ``negations``, with
    only ``negation_fillers`` between, does not count, unless one of ``negation_exceptions``
    comes before the negation. ``ignored_words`` are skipped wherever they occur.
    """

    phrases: dict[str, tuple[Phrase, ...]] = Field(min_length=1)
    negations: tuple[Phrase, ...] = ()
    negation_fillers: tuple[Phrase, ...] = ()
    negation_exceptions: tuple[Phrase, ...] = ()
    ignored_words: tuple[Phrase, ...] = ()
    reviewer: TextLine | None = None
    reviewed: TomlDate | None = None

    def __hash__(self) -> int:  # pydantic's would fail, because a dict has none
        return hash(frozenset(self.phrases.items()))


@cache
def default_crisis_phrases() -> CrisisPhrases:
    """Return the list of the demo clinic, for a clinic without a list of its own."""
    file = Path(__file__).parents[2] / "clinic" / CRISIS_PHRASES_FILE
    return CrisisPhrases.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))


class Clinic(FrozenModel):
    """The contents of clinic.toml, with the crisis phrases."""

    demo: bool = False
    name: TextLine
    tagline: TextLine
    phone: TextLine
    email: Mailbox
    language: Annotated[str, AfterValidator(_english)] = "en-US"
    country: Country
    time_zone: Annotated[str, AfterValidator(_known_zone)]
    reply_within: Annotated[ReplyTime, BeforeValidator(ReplyTime.parse)]
    escalate_to: Mailbox | None = None
    fallback_mailbox: Mailbox | None = None
    text_consent: Consent = DEFAULT_TEXT_CONSENT
    locations: tuple[Location, ...] = Field(min_length=1)
    topics: tuple[Topic, ...] = Field(min_length=1)
    crisis_lines: tuple[CrisisLine, ...] = ()
    theme: Theme = Theme()
    links: Links = Links()
    care: Care = Care()
    prices: tuple[Price, ...] = ()
    booking: Booking | None = None
    team: tuple[TeamMember, ...] = ()
    digest: Digest | None = None
    notify: tuple[Notify, ...] = ()
    webhooks: tuple[Webhook, ...] = ()
    review: Review | None = None
    spam_filter: SpamFilter = SpamFilter()
    crisis_phrases: CrisisPhrases = Field(default_factory=default_crisis_phrases)

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_the_country(cls, data: Any) -> Any:
        """Give locations the clinic's country, and a clinic in the US or Canada crisis lines."""
        country = data.get("country")
        if country in COUNTRIES_WITH_DEFAULT_LINES and not data.get("crisis_lines"):
            data = {**data, "crisis_lines": countries.crisis_lines(country)}
        if isinstance(places := data.get("locations"), list):
            if not (isinstance(country, str) and countries.is_country(country)):
                country = "US"  # an invalid one is reported once, for the clinic
            data = {**data, "locations": [_with_country(country, place) for place in places]}
        return data

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for table in ("locations", "topics", "notify", "webhooks"):
            keys = [item.key for item in getattr(self, table)]
            for index, key in enumerate(keys):
                if key in keys[:index]:
                    raise PydanticCustomError(
                        "duplicate_key",
                        "two of [[{table}]] have the key {key}",
                        {"table": table, "key": key, "at": (table, index, "key")},
                    )
        for receiver in self.notify:
            for kind, known, named in (
                ("topic", self.topics, receiver.topics),
                ("location", self.locations, receiver.locations),
            ):
                if unknown := set(named) - {item.key for item in known}:
                    raise ValueError(f"notify {receiver.key}: no {kind} {min(unknown)}")
        phones = (self.phone, *(place.phone for place in self.locations if place.phone))
        for number in (*phones, *(line.phone for line in self.crisis_lines)):
            self.tel(number)  # raises ValueError
        return self

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def today(self) -> date:
        """Return the current date at the clinic."""
        return clock.now().astimezone(self.zone).date()

    @property
    def email_domain(self) -> str:
        """The domain of the clinic's address, for Message-IDs."""
        return self.email.rpartition("@")[2]

    def tel(self, number: str) -> str:
        """Return ``number`` as a ``tel:`` link needs it.

        Raises ValueError when it is not a phone number of the clinic's country.
        """
        return countries.dial(number, self.country)

    def topic(self, key: str) -> Topic:
        """Return the topic called ``key``.

        If it was renamed after the inquiry was sent, this is the first topic under the old key,
        so that every inquiry has a mailbox.
        """
        topics = {topic.key: topic for topic in self.topics}
        return topics.get(key) or self.topics[0].model_copy(update={"key": key, "label": key})

    def mailboxes(self, topic: str, location: str) -> tuple[str, ...]:
        """Return who gets an inquiry with these keys: each mailbox once."""
        topic_mailboxes = self.topic(topic).mailboxes
        place = {place.key: place for place in self.locations}.get(location)
        if place is None or not place.mailboxes:
            return topic_mailboxes
        if place.replace_topic_mailboxes:
            return place.mailboxes
        mailboxes = (*topic_mailboxes, *place.mailboxes)
        return tuple({mailbox.lower(): mailbox for mailbox in mailboxes}.values())

    def location_name(self, key: str) -> str:
        """Return the name of the location called ``key``, or ``key`` if there is none."""
        return {place.key: place.name for place in self.locations}.get(key, key)

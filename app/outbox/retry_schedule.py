"""When a message is sent again: all times of the outbox.

After a temporary failure, the delay is the age of the message, but at least MIN_DELAY and at
most MAX_DELAY. So the delays are 30 and 30 seconds, then 1, 2, 4, 8, 16 and 32 minutes, then an
hour, until the message is 5 days old. RFC 5321 section 4.5.4.1 asks for at least 4 to 5 days.

A failure of the mail server is not one of a message: the circuit breaker then stops all sending
and probes the server after MIN_PROBE_DELAY, doubled each time up to MAX_PROBE_DELAY.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import uniform

MIN_DELAY = timedelta(seconds=30)
MAX_DELAY = timedelta(hours=1)
GIVE_UP_AFTER = timedelta(days=5)
# A later "we received your message" would only confuse the visitor.
ACKNOWLEDGEMENT_GIVE_UP_AFTER = timedelta(hours=4)
JITTER = 0.1  # a share of the delay, so that messages queued together are spread out
MISSING_KEY_DELAY = timedelta(minutes=5)  # until an operator adds the key; no attempt is counted

LEASE = timedelta(minutes=15)  # another mailer then takes over the message
# A row that is due later than this was written by a clock that has jumped.
MAX_DUE_AHEAD = MAX_DELAY * (1 + JITTER) + LEASE

MIN_PROBE_DELAY = timedelta(seconds=15)
# When a mail server is back, 1,000 messages are sent within five minutes. After the wait for
# the probe one mailer needs four of them, at 200 ms a message (bench/outbox.py).
MAX_PROBE_DELAY = timedelta(seconds=60)


def next_attempt(
    queued_at: datetime, now: datetime, jitter: Callable[[float, float], float] = uniform
) -> datetime | None:
    """When to try again; None when the message is too old."""
    age = now - queued_at
    if age >= GIVE_UP_AFTER:
        return None
    return now + min(max(age, MIN_DELAY), MAX_DELAY) * jitter(1 - JITTER, 1 + JITTER)


def next_probe(failure_count: int, now: datetime) -> datetime:
    """When to probe a mail server again after so many failures (at least 1) in a row."""
    doublings = min(failure_count - 1, 10)
    delay: timedelta = min(MIN_PROBE_DELAY * 2**doublings, MAX_PROBE_DELAY)
    return now + delay

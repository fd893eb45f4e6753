"""When a message is sent again: all times of the outbox.

After a temporary failure, the delays are 30 and 30 seconds, then 1, 2, 4, 8, 16 and 32 minutes,
then an hour, until 5 days of them are used up. RFC 5321 section 4.5.4.1 asks for at least 4 to 5
days. Attempts are counted, not the age of the message: it uses up none while the transport is
unavailable, no mailer runs, or the outbox is paused, and a wrong clock does not end it.

A failure of the transport is not one of a message: the circuit breaker then stops all sending
and probes the transport after MIN_PROBE_DELAY, doubled each time up to MAX_PROBE_DELAY.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import uniform

MIN_DELAY = timedelta(seconds=30)
MAX_DELAY = timedelta(hours=1)
MAX_ATTEMPTS = 128  # 64 minutes of growing delays, then 119 hours: 5 days
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
MAX_RETRY_AFTER = timedelta(minutes=5)  # a transport may ask for a longer delay, up to this


def next_attempt(
    attempt_count: int, now: datetime, jitter: Callable[[float, float], float] = uniform
) -> datetime | None:
    """When to try again after so many attempts (at least 1); None after the last one."""
    if attempt_count >= MAX_ATTEMPTS:
        return None
    delay = _doubled(MIN_DELAY, max(attempt_count - 2, 0), MAX_DELAY)
    return now + delay * jitter(1 - JITTER, 1 + JITTER)


def next_probe(failure_count: int, now: datetime, retry_after: float = 0.0) -> datetime:
    """When to probe a transport again after so many failures (at least 1) in a row. It asked to
    be left alone for ``retry_after`` seconds.
    """
    delay = _doubled(MIN_PROBE_DELAY, failure_count - 1, MAX_PROBE_DELAY)
    return now + max(delay, min(timedelta(seconds=retry_after), MAX_RETRY_AFTER))


def _doubled(delay: timedelta, times: int, maximum: timedelta) -> timedelta:
    longer: timedelta = delay * 2 ** min(times, 10)
    return min(longer, maximum)

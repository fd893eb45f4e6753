"""Is it spam? Pure: facts in, reasons to hold it out.

A held inquiry is stored and gets its reference like any other; only the mail
waits until a person has looked. Nobody is refused.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Facts:
    """What is known of a submission. ``honeypot`` is what came in the field that no
    person sees.
    """

    honeypot: str


def reasons_to_hold(facts: Facts) -> tuple[str, ...]:
    """Why the inquiry should wait for a person's look; empty when it should not."""
    return ("the hidden field was filled in",) if facts.honeypot.strip() else ()

"""Suggests the mail provider that a mistyped email address probably means. Never refuses one."""

from rapidfuzz.distance import OSA

PROVIDERS = (
    "gmail.com",
    "yahoo.com",
    "hotmail.com",
    "outlook.com",
    "icloud.com",
    "aol.com",
    "comcast.net",
    "verizon.net",
    "protonmail.com",
)
# Existing providers whose names are one mistake away from a bigger one.
ALSO_PROVIDERS = frozenset(
    {"mail.com", "ymail.com", "hotmail.co", "yahoo.co", "outlook.co", "aim.com"}
)


def suggest_email(email: str) -> str | None:
    """``ada@gmial.com`` -> ``ada@gmail.com``; None when the domain is not one mistake away
    (a character extra, missing, wrong or swapped with its neighbor) from a large provider.
    """
    local, _, domain = email.rpartition("@")
    domain = domain.lower()
    if domain in PROVIDERS or domain in ALSO_PROVIDERS:
        return None
    for provider in PROVIDERS:
        if OSA.distance(domain, provider, score_cutoff=1) == 1:
            return f"{local}@{provider}"
    return None

"""Suggests a correction for a mistyped email provider. The address itself is never refused."""

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
# Real providers whose domains are one mistake away from a larger one.
OTHER_PROVIDERS = frozenset(
    {"mail.com", "ymail.com", "hotmail.co", "yahoo.co", "outlook.co", "aim.com"}
)


def suggest_email(email: str) -> str | None:
    """``ada@gmial.com`` -> ``ada@gmail.com``. None unless the domain is one mistake (a missing,
    extra, wrong or transposed character) away from a large provider's.
    """
    local, _, domain = email.rpartition("@")
    domain = domain.lower()
    if domain in PROVIDERS or domain in OTHER_PROVIDERS:
        return None
    for provider in PROVIDERS:
        if OSA.distance(domain, provider, score_cutoff=1) == 1:
            return f"{local}@{provider}"
    return None

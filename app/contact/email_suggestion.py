"""Suggests a correction for a mistyped email provider. The address itself is never refused."""

from app.contact.email_addresses import ascii_domain
from app.contact.text_normalization import deletion_variants

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
SIMILAR_DOMAINS = frozenset(
    {"mail.com", "ymail.com", "hotmail.co", "yahoo.co", "outlook.co", "aim.com"}
)


def suggest_email(email: str) -> str | None:
    """``ada@gmial.com`` -> ``ada@gmail.com``. None unless the domain is one typing mistake away
    from a large provider's.
    """
    local, _, domain = email.rpartition("@")
    domain = ascii_domain(domain)
    if domain in PROVIDERS or domain in SIMILAR_DOMAINS:
        return None
    variants = deletion_variants(domain)
    for provider in PROVIDERS:
        if not variants.isdisjoint(deletion_variants(provider)):
            return f"{local}@{provider}"
    return None

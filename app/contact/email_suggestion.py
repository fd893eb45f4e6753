"""Suggests the address that was probably meant, of a mistyped provider or in a plain spelling."""

from app.contact.email_addresses import ascii_domain, plain_spelling
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
PROVIDER_VARIANTS = {provider: deletion_variants(provider) for provider in PROVIDERS}
# Real providers whose domains are one mistake away from a larger one.
SIMILAR_DOMAINS = frozenset(
    {"mail.com", "ymail.com", "hotmail.co", "yahoo.co", "outlook.co", "aim.com"}
)


def suggest_email(email: str) -> str | None:
    """Return the address that was probably meant by ``email``, or None if it is clear."""
    plain = plain_spelling(email)
    meant = _correct_provider(plain) or plain
    return meant if meant != email else None


def _correct_provider(email: str) -> str | None:
    """``ada@gmial.com`` -> ``ada@gmail.com``. None unless the domain is one typing mistake away
    from a large provider's.
    """
    local, _, domain = email.rpartition("@")
    domain = ascii_domain(domain)
    if domain in PROVIDERS or domain in SIMILAR_DOMAINS:
        return None
    variants = deletion_variants(domain)
    for provider, its_variants in PROVIDER_VARIANTS.items():
        if not variants.isdisjoint(its_variants):
            return f"{local}@{provider}"
    return None

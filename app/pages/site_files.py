"""The small texts that machines ask for: sitemap, robots.txt, security.txt."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta

from markupsafe import escape

from app.clinic import Clinic
from app.pages.loader import Page

VALID_DAYS = 180  # RFC 9116, 2.5.5: less than a year


def sitemap(pages: Iterable[Page], other_paths: Iterable[str], site: str) -> str:
    """All addresses worth finding; a date stands only where one is known."""
    dated = [(page.path, f"<lastmod>{page.updated}</lastmod>") for page in pages]
    undated = [(path, "") for path in other_paths]
    urls = "\n".join(
        f"<url><loc>{escape(site + path)}</loc>{changed}</url>" for path, changed in dated + undated
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{urls}\n</urlset>\n'
    )


def robots(site: str) -> str:
    """Everything may be read; what is for programs only is not worth a visit."""
    return f"User-agent: *\nDisallow: /api/\nSitemap: {site}/sitemap.xml\n"


def security_txt(clinic: Clinic, site: str, now: datetime) -> str:
    """Where to report a weakness (RFC 9116); ``now`` is aware, UTC."""
    today = datetime.combine(now.date(), time(), UTC)
    return (
        f"Contact: mailto:{clinic.email}\n"
        f"Expires: {today + timedelta(days=VALID_DAYS):%Y-%m-%dT%H:%M:%SZ}\n"
        f"Preferred-Languages: {clinic.language.split('-')[0]}\n"
        f"Canonical: {site}/.well-known/security.txt\n"
    )

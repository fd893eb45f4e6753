"""Text files for programs: sitemap.xml, robots.txt, security.txt."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta

from markupsafe import escape

from app.clinic import Clinic
from app.pages.loader import Page

VALID_DAYS = 180  # RFC 9116, 2.5.5: less than a year


def sitemap(pages: Iterable[Page], other_paths: Iterable[str], site_url: str) -> str:
    """All public pages; only information pages have a date of last change."""
    dated = [(page.path, f"<lastmod>{page.updated}</lastmod>") for page in pages]
    undated = [(path, "") for path in other_paths]
    urls = "\n".join(
        f"<url><loc>{escape(site_url + path)}</loc>{lastmod}</url>"
        for path, lastmod in dated + undated
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{urls}\n</urlset>\n'
    )


def robots(site_url: str) -> str:
    """Crawlers may read everything except the API."""
    return f"User-agent: *\nDisallow: /api/\nSitemap: {site_url}/sitemap.xml\n"


def security_txt(clinic: Clinic, site_url: str, now: datetime) -> str:
    """Where to report a vulnerability (RFC 9116); ``now`` is in UTC."""
    today = datetime.combine(now.date(), time(), UTC)
    return (
        f"Contact: mailto:{clinic.email}\n"
        f"Expires: {today + timedelta(days=VALID_DAYS):%Y-%m-%dT%H:%M:%SZ}\n"
        f"Preferred-Languages: {clinic.language.split('-')[0]}\n"
        f"Canonical: {site_url}/.well-known/security.txt\n"
    )

"""Every page of the running site, as its own sitemap lists them, and one that does not exist."""

import re
import urllib.request
from urllib.parse import urlsplit

import pytest

from tests.support.site import Site


@pytest.fixture(scope="session")
def every_page(server: Site) -> list[str]:
    """Their paths."""
    with urllib.request.urlopen(f"{server.url}/sitemap.xml") as answer:
        places = re.findall(r"<loc>([^<]+)</loc>", answer.read().decode())
    paths = [urlsplit(place).path for place in places]
    assert len(paths) >= 9
    return [*paths, "/no-such-page"]

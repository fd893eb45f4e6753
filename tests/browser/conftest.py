"""Every page in the sitemap of the running site, and one that does not exist."""

import re
import urllib.request
from urllib.parse import urlsplit

import pytest

from tests.support.site import Site


@pytest.fixture(scope="session")
def every_page(server: Site) -> list[str]:
    """The paths of these pages."""
    with urllib.request.urlopen(f"{server.url}/sitemap.xml") as response:
        urls = re.findall(r"<loc>([^<]+)</loc>", response.read().decode())
    paths = [urlsplit(url).path for url in urls]
    assert len(paths) >= 9
    return [*paths, "/no-such-page"]

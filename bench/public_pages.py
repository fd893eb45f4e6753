"""The running site and all its pages, for judges that need nothing else."""

import re
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from bench.servers import ROOT, frontdesk

TOOLS = ROOT / "build" / "node" / "node_modules"


@contextmanager
def site_and_pages() -> Iterator[tuple[str, list[str]]]:
    """Its address without a slash at the end, and the paths of its pages."""
    with (
        tempfile.TemporaryDirectory(prefix="frontdesk-judged-") as folder,
        frontdesk(Path(folder), RATELIMIT_ENABLED="false") as server,
    ):
        address = server.url.rstrip("/")
        with urllib.request.urlopen(f"{address}/sitemap.xml") as answer:
            places = re.findall(r"<loc>([^<]+)</loc>", answer.read().decode())
        yield address, [urlsplit(place).path for place in places]

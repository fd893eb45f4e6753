"""Every figure in one run: ``make bench``. Prints tables, judges nothing.

--write puts the tables into docs/performance.md. Parts can be named; all are taken otherwise.
"""

import argparse
import logging
import os
import platform
import sys
import time

from bench import history_size, memory, nginx_cache, outbox, pages, peer_comparison, posts
from bench.markdown import put
from bench.profiles import FULL, QUICK
from bench.servers import ROOT

PARTS = {
    "pages": pages.report,
    "nginx-cache": nginx_cache.report,
    "posts": posts.report,
    "peers": peer_comparison.report,
    "outbox": outbox.report,
    "history": history_size.report,
    "memory": memory.report,
}
DOCUMENT = ROOT / "docs" / "performance.md"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="4 minutes instead of 20")
    options.add_argument("--write", action="store_true", help="into docs/performance.md")
    options.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    chosen = options.parse_args()
    if unknown := set(chosen.parts) - set(PARTS):
        options.error(f"no such part: {', '.join(sorted(unknown))}")
    logging.disable(logging.INFO)  # of databases that are made here
    _tell("machine", machine(), write=chosen.write)
    for name in chosen.parts or PARTS:
        began = time.monotonic()
        text = PARTS[name](QUICK if chosen.quick else FULL)
        _tell(name, text, write=chosen.write)
        print(f"{name} took {time.monotonic() - began:.0f} s", file=sys.stderr)


def _tell(name: str, text: str, *, write: bool) -> None:
    print(f"{name}\n\n{text}", flush=True)
    if write:
        put(DOCUMENT, f"bench: {name}", text)


def machine() -> str:
    """What the figures come from, and whether it was quiet."""
    system = f"{platform.system()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {system}, load {os.getloadavg()[0]:.1f} at the start.\n"


if __name__ == "__main__":
    main()

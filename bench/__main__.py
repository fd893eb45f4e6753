"""``make bench``: runs the benchmarks and prints their tables.

``--write`` puts the tables into docs/performance.md. Without names, all benchmarks run.
"""

import argparse
import logging
import os
import platform
import sys
import time

from bench import (
    history,
    hostile_posts,
    memory,
    nginx_cache,
    outbox,
    pages,
    peer_comparison,
    posts,
    staff,
)
from bench.markdown import replace_section
from bench.profiles import FULL, QUICK
from bench.servers import ROOT

BENCHMARKS = {
    "pages": pages.report,
    "nginx-cache": nginx_cache.report,
    "posts": posts.report,
    "hostile-posts": hostile_posts.report,
    "peers": peer_comparison.report,
    "outbox": outbox.report,
    "history": history.report,
    "memory": memory.report,
    "staff": staff.report,
}
DOCUMENT = ROOT / "docs" / "performance.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="6 minutes instead of 25")
    parser.add_argument("--write", action="store_true", help="update docs/performance.md")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    options = parser.parse_args()
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"unknown benchmark: {', '.join(sorted(unknown))}")
    logging.disable(logging.INFO)  # from migrations of the databases created here
    _publish("machine", machine(), write=options.write)
    for name in options.names or BENCHMARKS:
        started = time.monotonic()
        text = BENCHMARKS[name](QUICK if options.quick else FULL)
        _publish(name, text, write=options.write)
        print(f"{name} took {time.monotonic() - started:.0f} s", file=sys.stderr)


def _publish(name: str, text: str, *, write: bool) -> None:
    print(f"{name}\n\n{text}", flush=True)
    if write:
        replace_section(DOCUMENT, f"bench: {name}", text)


def machine() -> str:
    """Describe the machine and its load."""
    system = f"{platform.system()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {system}, load {os.getloadavg()[0]:.1f} at the start.\n"


if __name__ == "__main__":
    main()

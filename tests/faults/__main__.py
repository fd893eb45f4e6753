"""``make faults``: every fault, then a table. Exit status 1 when a bound is broken."""

import argparse
import os
import signal
import sys
import time

from tests.faults.registry import BOTH
from tests.faults.report import markdown, remarks, row
from tests.faults.runner import Result, run_all


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    words.add_argument("--short", action="store_true", help="only the short form")
    words.add_argument("--only", default="", help="only faults with this in their name")
    words.add_argument("--database", choices=BOTH, help="only this one")
    chosen = words.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # through every `finally`
    began = time.monotonic()
    databases = (chosen.database,) if chosen.database else BOTH
    results = run_all(_tell, short=chosen.short, only=chosen.only, databases=databases)
    cores, memory = os.cpu_count(), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    print(f"\n{markdown(results)}\n\n{remarks(results)}")
    print(f"\n{time.monotonic() - began:.0f} s on {cores} cores, {memory / 2**30:.0f} GiB.")
    return 0 if results and all(result.held for result in results) else 1


def _tell(result: Result) -> None:
    print(f"{result.seconds:5.1f} s  {'  '.join(row(result))}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

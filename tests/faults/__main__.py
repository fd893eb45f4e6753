"""``make faults``: injects every fault and prints a table. Exits with status 1 on a failure."""

import argparse
import os
import signal
import sys
import time

from tests.faults.registry import BOTH
from tests.faults.report import markdown, remarks, row
from tests.faults.runner import Result, run_all


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--short", action="store_true", help="only the short run")
    parser.add_argument("--only", default="", help="only faults whose name contains this text")
    parser.add_argument("--database", choices=BOTH, help="only on this database")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that every `finally` runs
    started = time.monotonic()
    databases = (options.database,) if options.database else BOTH
    results = run_all(_print, short=options.short, only=options.only, databases=databases)
    cores, memory = os.cpu_count(), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    print(f"\n{markdown(results)}\n\n{remarks(results)}")
    print(f"\n{time.monotonic() - started:.0f} s on {cores} cores, {memory / 2**30:.0f} GiB.")
    return 0 if results and all(result.passed for result in results) else 1


def _print(result: Result) -> None:
    print(f"{result.seconds:5.1f} s  {'  '.join(row(result))}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

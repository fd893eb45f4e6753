"""html-validate on every page, on error pages and on the form with mistakes: ``make html``."""

import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from bench.public_pages import TOOLS, site_and_pages

TROUBLE = {"404": ("/no-such-page", None), "405": ("/privacy", b""), "422": ("/contact", b"name=")}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="frontdesk-html-") as folder:
        with site_and_pages() as (address, paths):
            for path in paths:
                name = path.strip("/") or "home"
                Path(folder, f"{name}.html").write_bytes(_body(address + path, None))
            for name, (path, sent) in TROUBLE.items():
                Path(folder, f"{name}.html").write_bytes(_body(address + path, sent))
        files = sorted(str(one) for one in Path(folder).iterdir())
        command = [str(TOOLS / ".bin" / "html-validate"), "--preset", "standard"]
        status = subprocess.run([*command, *files], check=False).returncode
    print(f"{len(files)} pages, {'faults above' if status else 'no fault'}")
    sys.exit(status)


def _body(url: str, sent: bytes | None) -> bytes:
    try:
        with urllib.request.urlopen(url, sent) as answer:
            body = answer.read()
    except urllib.error.HTTPError as error:
        body = error.read()
    assert isinstance(body, bytes)
    return body


if __name__ == "__main__":
    main()

"""``make html-validate``: runs html-validate on every page, error page and the form with errors."""

import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from bench.servers import NODE_MODULES, public_pages

ERROR_PAGES = {
    "404": ("/no-such-page", None),
    "405": ("/privacy", b""),
    "422": ("/contact", b"name="),
}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="frontdesk-html-") as folder:
        with public_pages() as (base_url, paths):
            for path in paths:
                name = path.strip("/") or "home"
                Path(folder, f"{name}.html").write_bytes(_body(base_url + path, None))
            for name, (path, data) in ERROR_PAGES.items():
                Path(folder, f"{name}.html").write_bytes(_body(base_url + path, data))
        files = sorted(str(file) for file in Path(folder).iterdir())
        command = [str(NODE_MODULES / ".bin" / "html-validate"), "--preset", "standard"]
        status = subprocess.run([*command, *files], check=False).returncode
    print(f"{len(files)} pages, {'errors above' if status else 'no errors'}")
    sys.exit(status)


def _body(url: str, data: bytes | None) -> bytes:
    try:
        with urllib.request.urlopen(url, data) as response:
            body = response.read()
    except urllib.error.HTTPError as error:
        body = error.read()
    assert isinstance(body, bytes)
    return body


if __name__ == "__main__":
    main()

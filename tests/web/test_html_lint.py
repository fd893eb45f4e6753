"""The linter for every page finds errors, and only errors."""

import pytest

from tests.web.html_lint import lint


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<h1>a</h1><h1>b</h1>", "2 <h1>"),
        ("<h1>a</h1><h3>b</h3>", "<h3> follows <h1>"),
        ("<p id=x></p><p id=x></p>", "id 'x' is used 2 times"),
        ("<p style='color:red'>a</p>", "inline style on <p>"),
        ("<p onclick='x()'>a</p>", "inline handler onclick"),
        ("<script>x()</script>", "inline script"),
        ("<a href='javascript:x()'>a</a>", "href is a script"),
        ("<a href='#none'>a</a>", "link to a missing id: #none"),
        ("<img src=/a.png>", "image without alt"),
        ("<input name=email>", "field without a label: email"),
        ("<p aria-describedby=gone>a</p>", "aria-describedby refers to a missing id: gone"),
        ("<p>a</div>", "invalid HTML"),
    ],
)
def test_the_linter_reports_each_kind_of_error(html: str, expected: str) -> None:
    errors = lint(f"<!doctype html><html lang=en><title>t</title><main>{html}</main>")
    assert any(expected in error for error in errors), errors


def test_the_linter_accepts_a_valid_page() -> None:
    page = """<!doctype html><html lang="en"><title>t</title><main><h1>a</h1><h2 id="b">b</h2>
    <a href="#b">b</a><label for="c">c</label><input id="c"><img src="/a" alt=""></main>"""
    assert lint(page) == []

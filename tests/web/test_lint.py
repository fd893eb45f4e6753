"""The linter that reads every page: it sees faults, and only faults."""

import pytest

from tests.web.lint import lint


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ("<h1>a</h1><h1>b</h1>", "2 <h1>"),
        ("<h1>a</h1><h3>b</h3>", "<h3> follows <h1>"),
        ("<p id=x></p><p id=x></p>", "id 'x' stands 2 times"),
        ("<p style='color:red'>a</p>", "inline style on <p>"),
        ("<p onclick='x()'>a</p>", "inline handler onclick"),
        ("<script>x()</script>", "inline script"),
        ("<a href='javascript:x()'>a</a>", "href that is a script"),
        ("<a href='#none'>a</a>", "link to nothing: #none"),
        ("<img src=/a.png>", "image without alt"),
        ("<input name=email>", "field without a label: email"),
        ("<p aria-describedby=gone>a</p>", "aria-describedby names no id: gone"),
        ("<p>a</div>", "invalid HTML"),
    ],
)
def test_the_linter_sees_what_it_should(html: str, fault: str) -> None:
    faults = lint(f"<!doctype html><html lang=en><title>t</title><main>{html}</main>")
    assert any(fault in one for one in faults), faults


def test_the_linter_has_nothing_against_a_good_page() -> None:
    page = """<!doctype html><html lang="en"><title>t</title><main><h1>a</h1><h2 id="b">b</h2>
    <a href="#b">b</a><label for="c">c</label><input id="c"><img src="/a" alt=""></main>"""
    assert lint(page) == []

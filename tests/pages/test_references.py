"""Citations and the bibliography of the site."""

import re
from typing import Any

from flask.testing import FlaskClient

SOURCES = """
[first-2001]
text = "First A. *A journal* 2001."
doi = "10.1000/abc<1>(2)"
pmid = "12345"

[second-2002]
text = "Second B. A report."
url = "https://reports.example/2"

[third-2003]
text = "Third C. *An older journal* 1999."
pmid = "777"
"""


def test_citations_are_numbered_across_all_pages_in_their_order(folder: Any) -> None:
    folder.sources(SOURCES)
    folder.write(
        "index", "It helps.[@second-2002]\n\n| a |\n|---|\n| b[@first-2001; @second-2002] |"
    )
    folder.write("later", "It fades.[@third-2003; @first-2001]")
    pages = folder.load()
    numbers = {
        path: [(reference.number, reference.key) for reference in page.references]
        for path, page in pages.items()
    }
    assert numbers == {
        "/": [(1, "second-2002"), (2, "first-2001")],
        "/later": [(3, "third-2003"), (2, "first-2001")],
    }
    first = '<a href="/references#ref-1" id="cite-1" aria-label="Reference 1">1</a>'
    again = '<a href="/references#ref-1" aria-label="Reference 1">1</a>'
    assert f"<sup>{first}</sup>" in pages["/"].lead
    assert f", {again}</sup>" in pages["/"].body
    assert '<a href="/references#ref-2" id="cite-2"' in pages["/later"].lead


def test_source_links_to_its_most_permanent_url(folder: Any) -> None:
    folder.sources(SOURCES)
    folder.write("index", "[@first-2001; @second-2002; @third-2003]")
    first, second, third = folder.load()["/"].references
    assert "<em>A journal</em>" in first.html
    assert (
        '<a href="https://doi.org/10.1000/abc%3C1%3E(2)">doi:10.1000/abc&lt;1&gt;(2)</a>'
        in first.html
    )
    assert "pubmed" not in first.html  # one permanent link is enough
    assert '<a href="https://pubmed.ncbi.nlm.nih.gov/777/">PubMed</a>' in third.html
    assert '<a href="https://reports.example/2">reports.example</a>' in second.html
    assert (first.link, second.link) == (
        "https://doi.org/10.1000/abc%3C1%3E(2)",
        "https://reports.example/2",
    )


def test_each_reference_links_to_the_pages_that_cite_it(client: FlaskClient) -> None:
    html = client.get("/references").text
    entries = re.findall(r'<li id="ref-(\d+)">(.*?)</li>', html, re.DOTALL)
    assert [int(number) for number, _ in entries] == list(range(1, len(entries) + 1))
    assert len(entries) > 30
    for number, entry in entries:
        pages = re.findall(rf'<a href="([^"]+)#cite-{number}">', entry)
        assert pages, number
        for page in pages:
            assert client.get(page).text.count(f'id="cite-{number}"') == 1

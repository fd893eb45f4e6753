"""Citations and the list of references."""

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


def test_citations_are_numbered_in_order_and_link_to_the_list(folder: Any) -> None:
    folder.sources(SOURCES)
    folder.write(
        "index",
        "It helps.[@second-2002]\n\n| a |\n|---|\n| b[@first-2001; @second-2002] |",
        'references = ["first-2001", "second-2002"]\n',
    )
    page = folder.load()["/"]
    assert [(reference.number, reference.key) for reference in page.references] == [
        (1, "second-2002"),
        (2, "first-2001"),
    ]
    first = '<a href="#ref-1" id="cite-1" aria-label="Reference 1">1</a>'
    again = '<a href="#ref-1" aria-label="Reference 1">1</a>'
    assert f'<sup class="cite">{first}</sup>' in page.lead
    assert f", {again}</sup>" in page.body


def test_source_links_to_its_most_permanent_url(folder: Any) -> None:
    folder.sources(SOURCES)
    folder.write(
        "index",
        "[@first-2001; @second-2002; @third-2003]",
        'references = ["first-2001", "second-2002", "third-2003"]\n',
    )
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


def test_each_reference_links_back_to_its_first_citation(client: FlaskClient) -> None:
    html = client.get("/evidence").text
    numbers = re.findall(r'<li id="ref-(\d+)">', html)
    assert len(numbers) > 10
    for number in numbers:
        assert html.count(f'id="cite-{number}"') == 1
        assert f'<a href="#cite-{number}" aria-label="Back to citation {number}">' in html

"""What the pages say, and how: read straight from ``clinic/pages/*.md``.

The rules come from the fact sheet's "must" and "must not" lists. Each is also
tried on a sentence that breaks it, so that none of them is blind.
"""

import re
import tomllib
from pathlib import Path

import pytest

from app.diagnostics.readability import blocks, grade, plain, rows, sentences

CLINIC = Path(__file__).parents[2] / "clinic"
SOURCES = tomllib.loads((CLINIC / "references.toml").read_text(encoding="utf-8"))
PAGES = {
    file.stem: file.read_text(encoding="utf-8").split("+++\n", 2)[2]
    for file in (CLINIC / "pages").glob("*.md")
}
FIGURE = re.compile(
    r"\d%|\bmg\b|P = |[\d.]+ points|\d (people|patients|volunteers|veterans|trials|studies)\b"
)
FORBIDDEN = {
    r"\bcur(e|es|ed|ing)\b": "It can cure you.",
    r"miracle|magic|revolution|game.chang|life.chang|transform": "A revolutionary drug.",
    r"breakthrough|cutting.edge|promising|preliminary": "Early results are promising.",
    r"\bproven\b|guarantee|\b100%": "Relief is guaranteed.",
    r"safe and effective|well tolerated": "It is safe and effective.",
    r"(generally|very|completely) (considered )?safe": "It is generally considered safe.",
    r"\b(non|not|never)[- ]addictive": "Ketamine is non-addictive.",
    r"risk.free|without risk|no (side effects|risks?\b)": "It has no side effects.",
    r"qualify|(sustained|lasting) (benefit|relief)": "You may qualify.",
    r"discount|special offer|limited time|act now|countdown|last chance|\bspots\b": "Act now!",
    r"reviewed by|testimonial|five stars": "Medically reviewed by Dr. Example.",
}
every_page = pytest.mark.parametrize("page", sorted(PAGES))


@every_page
def test_eighth_graders_can_read_the_page(page: str) -> None:
    assert grade(sentences(PAGES[page])) <= 8
    assert [one for one in sentences(PAGES[page]) if len(one.split()) > 35] == []


def test_the_grade_tells_plain_from_learned() -> None:
    assert grade(["You can stop at any time.", "Tell us if you feel sick."]) < 3
    assert grade(["Pharmacokinetic heterogeneity necessitates individualized monitoring."]) > 12


@pytest.mark.parametrize(("pattern", "broken"), FORBIDDEN.items())
def test_no_page_sells(pattern: str, broken: str) -> None:
    forbidden = re.compile(pattern, re.IGNORECASE)
    assert forbidden.search(broken)
    found = {page: hit[0] for page, text in PAGES.items() if (hit := forbidden.search(plain(text)))}
    assert found == {}


def borrows_approval(text: str) -> bool:
    """Whether ``text`` speaks of approval, but neither denies it nor says of what it is."""
    bounds = r"\b(not?|esketamine|spravato|anesthesia)\b"
    speaks = re.search(r"\bapprov(ed|es|al)\b", text, re.IGNORECASE)
    return bool(speaks) and not re.search(bounds, text, re.IGNORECASE)


@every_page
def test_approval_is_never_borrowed(page: str) -> None:
    assert borrows_approval("Our FDA-approved infusion helps depression.")
    told = sentences(PAGES[page]) + rows(PAGES[page])
    assert [one for one in told if borrows_approval(one)] == []


def invites_stopping(sentence: str) -> bool:
    asks = re.search(r"\bstop\w*\b.*\bmedicines?\b", sentence, re.IGNORECASE)
    return bool(asks) and not re.search(r"never|don't|unless", sentence, re.IGNORECASE)


@every_page
def test_nobody_is_told_to_stop_a_medicine(page: str) -> None:
    assert invites_stopping("Stop your other medicines a week before.")
    assert [one for one in sentences(PAGES[page]) if invites_stopping(one)] == []


@every_page
def test_every_figure_names_its_source(page: str) -> None:
    assert FIGURE.search("About 71% felt better.")
    assert FIGURE.search("It helped 40 people.")
    bare = [one for one in blocks(PAGES[page]) if FIGURE.search(plain(one)) and "[@" not in one]
    assert bare == []


def test_the_article_has_its_sections_in_order() -> None:
    assert re.findall(r"^## (.+)$", PAGES["index"], re.MULTILINE) == [
        "What is ketamine?",
        "Effects of ketamine",
        "Mechanisms of action",
        "Clinical uses",
        "History of ketamine infusion",
        "Types of ketamine treatment",
        "Clinical evidence",
        "Side effects",
        "Post-infusion precautions",
        "Conclusion",
    ]


@pytest.mark.parametrize(
    "said",
    [
        "We sell this treatment",
        "No ketamine infusion is FDA approved for depression, PTSD, anxiety, or pain",
        "not medical advice",
        "They include talk therapy, other drugs, esketamine spray, magnetic stimulation",
        "Who should not have it",
        "leave with a responsible adult",
        "Compounded ketamine is mixed by a pharmacy",
        "Only a drip into a vein is an infusion",
    ],
)
def test_the_article_says(said: str) -> None:
    assert said in plain(PAGES["index"])


@pytest.mark.parametrize("page", ["index", "evidence"])
@pytest.mark.parametrize(
    ("trial", "finding"),
    [
        (r"\| Lii 2023", "No clear difference"),
        (r"\| KARMA-Dep 2, 2025", "No clear difference"),
        (r"\| .*158 veterans", "No PTSD benefit"),
        (r"\| KetECT 2022", "ECT did better"),
    ],
)
def test_trials_that_went_against_ketamine_are_told(page: str, trial: str, finding: str) -> None:
    assert any(re.match(trial, row) and finding in row for row in rows(PAGES[page]))


def test_each_clinical_use_bears_its_status() -> None:
    uses = PAGES["index"].split("## Clinical uses", 1)[1].split("## ", 1)[0]
    status = {row.split("|")[1].strip(): row.split("|")[2] for row in rows(uses)}
    assert len(status) == 10
    assert "off-label" not in status.pop("Anesthesia").lower()
    assert [use for use, words in status.items() if "off-label" not in words.lower()] == []


@pytest.mark.parametrize("page", ["index", "first-visit", "after-your-infusion", "questions"])
def test_the_driving_rule_is_the_same_everywhere(page: str) -> None:
    rule = "until 24 hours have passed and you have had a full night's sleep, whichever comes later"
    assert rule in plain(PAGES[page])


@pytest.mark.parametrize("page", sorted(PAGES.keys() - {"accessibility"}))
def test_people_in_danger_are_told_whom_to_call(page: str) -> None:
    assert re.search(r"\bcall 911\b", plain(PAGES[page]), re.IGNORECASE)
    assert re.search(r"\bcall (or text )?988\b", plain(PAGES[page]), re.IGNORECASE)


def test_the_article_opens_with_whom_to_call() -> None:
    opening = PAGES["index"].split("\n## ")[0]
    assert "call **911**" in opening
    assert "call or text **988**" in opening


def test_the_sheet_to_take_home_fits_one_page() -> None:
    assert len(plain(PAGES["after-your-infusion"]).split()) <= 420


@pytest.mark.parametrize("key", sorted(SOURCES))
def test_each_source_can_be_found(key: str) -> None:
    source = SOURCES[key]
    assert re.fullmatch(r"10\.\d{4,9}/[\w.()/:;-]+", source.get("doi", "10.1000/none"))
    assert re.fullmatch(r"\d{7,8}", source.get("pmid", "1234567"))
    assert any(f"@{key}" in text for text in PAGES.values()), "cited nowhere"

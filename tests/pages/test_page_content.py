"""Rules for the text of the demo clinic's pages, read from ``clinic/pages/*.md``.

The rules come from the "must" and "must not" lists of the fact sheet. Each one is also tried
on a sentence that breaks it, to show that it works.
"""

import re
import tomllib
from pathlib import Path

import pytest

from app.diagnostics.readability import blocks, grade, plain, sentences
from app.pages.conditional_blocks import resolve_blocks

CLINIC = Path(__file__).parents[2] / "clinic"
SOURCES = tomllib.loads((CLINIC / "references.toml").read_text(encoding="utf-8"))
FILES = {file.stem: file.read_text("utf-8") for file in (CLINIC / "pages").glob("*.md")}
PAGES = {name: text.split("+++\n", 2)[2] for name, text in FILES.items()}
MEDICAL = sorted(name for name, text in FILES.items() if "\nmedical = false\n" not in text)
# Instructions for tonight, in short sentences.
TAKE_HOME_PAGES = {"after-your-infusion", "taking-someone-home"}
NUMBER = re.compile(
    r"\d%(?! range:)|\bmg\b|P = |[\d.]+ points"
    r"|\d (people|patients|volunteers|veterans|trials|studies)\b"
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


def rows(markdown: str) -> list[str]:
    """Return the rows of tables as plain text between bars."""
    return [plain(block) for block in blocks(markdown) if block.startswith("|")]


@every_page
def test_reading_grade_is_6_to_8(page: str) -> None:
    """Easy to read, without avoiding the words that people know and search for."""
    lowest = 3.5 if page in TAKE_HOME_PAGES else 6
    assert lowest <= grade(sentences(PAGES[page])) <= 8
    assert [text for text in sentences(PAGES[page]) if len(text.split()) > 35] == []


def test_grade_is_low_for_plain_and_high_for_technical_text() -> None:
    assert grade(["You can stop at any time.", "Tell us if you feel sick."]) < 3
    assert grade(["Pharmacokinetic heterogeneity necessitates individualized monitoring."]) > 12


def test_only_sentences_are_graded() -> None:
    text = "We open at 9 a.m. on weekdays. Bring:\n\n- a photo ID\n- Your list. Ask Dr. Example.\n"
    assert sentences(text) == [
        "We open at 9 a.m. on weekdays.", "Bring:", "Your list.", "Ask Dr. Example.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "word",
    [
        "intravenous", "IV", "antidepressant", "treatment-resistant", "hallucinations",
        "psychedelic", "recreational", "monitoring", "intramuscular", "intranasal", "dissociation",
    ],
)  # fmt: skip
def test_article_has_the_words_that_people_search_for(word: str) -> None:
    assert re.search(rf"\b{word}\b", plain(PAGES["index"]))


@pytest.mark.parametrize("word", ["nurse", "oxygen", "referral", "consent", "bipolar", "superbill"])
def test_site_has_the_words_that_people_search_for(word: str) -> None:
    facts = (CLINIC / "clinic.toml").read_text("utf-8")
    assert re.search(rf"\b{word}\b", facts + plain("\n".join(PAGES.values())), re.IGNORECASE)


@pytest.mark.parametrize(("pattern", "broken"), FORBIDDEN.items())
def test_no_page_has_advertising_language(pattern: str, broken: str) -> None:
    forbidden = re.compile(pattern, re.IGNORECASE)
    assert forbidden.search(broken)
    found = {page: hit[0] for page, text in PAGES.items() if (hit := forbidden.search(plain(text)))}
    assert found == {}


def claims_approval(text: str) -> bool:
    """Whether ``text`` mentions approval without denying it or saying what it applies to."""
    exceptions = r"\b(not?|esketamine|spravato|anesthesia)\b"
    mentions = re.search(r"\bapprov(ed|es|al)\b", text, re.IGNORECASE)
    return bool(mentions) and not re.search(exceptions, text, re.IGNORECASE)


@every_page
def test_no_page_claims_fda_approval_for_infusions(page: str) -> None:
    assert claims_approval("Our FDA-approved infusion helps depression.")
    texts = sentences(PAGES[page]) + rows(PAGES[page])
    assert [text for text in texts if claims_approval(text)] == []


def suggests_stopping(sentence: str) -> bool:
    match = re.search(r"\bstop\w*\b.*\bmedicines?\b", sentence, re.IGNORECASE)
    return bool(match) and not re.search(r"never|don't|unless", sentence, re.IGNORECASE)


@every_page
def test_no_page_suggests_stopping_a_medicine(page: str) -> None:
    assert suggests_stopping("Stop your other medicines a week before.")
    assert [text for text in sentences(PAGES[page]) if suggests_stopping(text)] == []


@every_page
def test_every_number_cites_its_source(page: str) -> None:
    assert NUMBER.search("About 71% felt better.")
    assert NUMBER.search("It helped 40 people.")
    uncited = [
        text for text in blocks(PAGES[page]) if NUMBER.search(plain(text)) and "[@" not in text
    ]
    assert uncited == []


def test_article_sections_are_in_order() -> None:
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
    "statement",
    [
        "We provide this treatment and charge for it",
        "No ketamine infusion is FDA approved for depression, PTSD, anxiety, or pain",
        "not medical advice",
        "They include talk therapy, other medicines, esketamine spray, transcranial magnetic",
        "Who should not have it",
        "leave with a responsible adult",
        "Compounded ketamine, which a pharmacy mixes",
        "Only a slow drip into a vein is an infusion",
        "Some people see or hear things that are not there (hallucinations)",
        "it has accepted medical uses but can be misused, so the law controls it",
        "For the rest of the day you may be unsteady, foggy, or slow to react",
    ],
)
def test_article_contains_required_statement(statement: str) -> None:
    assert statement in plain(PAGES["index"])


@pytest.mark.parametrize("page", ["index", "evidence"])
@pytest.mark.parametrize(
    ("trial", "finding"),
    [
        (r"\| Lii 2023", "No clear difference"),
        (r"\| KARMA-Dep 2, 2025", "No clear difference"),
        (r"\| .*158 veterans", "No PTSD benefit"),
        (r"\| KetECT 2022", "ECT did better"),
        (r"\| .*Cochrane review.*67 trials", "No clear benefit"),
    ],
)
def test_trials_without_benefit_are_listed(page: str, trial: str, finding: str) -> None:
    assert any(re.match(trial, row) and finding in row for row in rows(PAGES[page]))


def test_each_clinical_use_shows_its_approval_status() -> None:
    uses = PAGES["index"].split("## Clinical uses", 1)[1].split("## ", 1)[0]
    status = {row.split("|")[1].strip(): row.split("|")[2] for row in rows(uses)}
    assert len(status) == 10  # those of the source article
    assert "off-label" not in status.pop("Anesthesia").lower()
    assert [use for use, words in status.items() if "off-label" not in words.lower()] == []


@pytest.mark.parametrize(
    "page",
    ["index", "first-visit", "after-your-infusion", "taking-someone-home", "questions"],
)
def test_driving_rule_is_the_same_on_every_page(page: str) -> None:
    rule = (
        r"until 24 hours have passed and (you|they) have had a full night's sleep,"
        " whichever comes later"
    )
    assert re.search(rule, plain(PAGES[page]))


@pytest.mark.parametrize("page", [*MEDICAL, "privacy"])
def test_page_names_the_crisis_lines_of_the_clinic(page: str) -> None:
    assert "all **{{ clinic.emergency_number }}**" in PAGES[page]
    assert "{{ clinic.call_crisis_line }}" in PAGES[page]


@pytest.mark.parametrize("page", sorted(PAGES))
def test_numbers_of_one_country_are_shown_only_there(page: str) -> None:
    everywhere, _ = resolve_blocks(PAGES[page], {"country.US": False})
    assert re.findall(r"\b(?:911|988|838255)\b", everywhere) == []


@pytest.mark.parametrize("page", sorted(TAKE_HOME_PAGES))
def test_take_home_page_is_short_enough_for_one_sheet(page: str) -> None:
    assert len(plain(PAGES[page]).split()) <= 440


@pytest.mark.parametrize("key", sorted(SOURCES))
def test_each_source_has_a_link_and_is_cited(key: str) -> None:
    source = SOURCES[key]
    assert re.fullmatch(r"10\.\d{4,9}/[\w.()/:;-]+", source.get("doi", "10.1000/none"))
    assert re.fullmatch(r"\d{7,8}", source.get("pmid", "1234567"))
    assert {"doi", "pmid", "url"} & source.keys(), "no link"
    assert any(re.search(rf"@{key}\b(?!-)", text) for text in PAGES.values()), "not cited"

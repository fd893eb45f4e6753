"""Each figure that was checked against its source stays beside the citation of that source.

A row is: the page, the words with the figure, and the key in references.toml. A change of a
figure needs a look at the source.
"""

import re
from pathlib import Path

import pytest

from app.diagnostics.readability import blocks

CLINIC = Path(__file__).parents[2] / "clinic"
FIGURES = [
    # The label and guidelines
    ("index", "1 to 4.5 mg per kg", "ketalar-label"),
    ("questions", "about 12% wake up confused or dreaming", "ketalar-label"),
    ("index", "continuous monitoring of vital signs", "ketalar-label"),
    ("index", "24 hours or more", "ketamine-generic-label"),
    ("first-visit", "does not recommend ketamine for people who have not fasted", "ketalar-label"),
    ("questions", "61% to 84%", "spravato-label"),
    ("index", "not been shown to prevent suicide or to reduce suicidal thoughts", "spravato-label"),
    ("evidence", "suggest not using ketamine", "va-dod-ptsd-2023"),
    ("questions", "suggest not using ketamine", "va-ptsd-medications"),
    ("evidence", "A third-line option", "swainson-2021"),
    ("evidence", "other than IV stays third-line", "lam-2024"),
    ("evidence", "moderate evidence for CRPS, for up to 12 weeks", "cohen-2018"),
    # Depression
    ("index", "0.5 mg per kg by IV to 7 people", "berman-2000"),
    ("index", "about 7 in 10 people respond the day after one infusion", "zarate-2006"),
    ("questions", "about 1 in 3 still did after a week", "zarate-2006"),
    ("evidence", "71% responded the next day and 35%", "zarate-2006"),
    ("index", "64% and 28%", "murrough-2013"),
    ("evidence", "7.95 points lower (95% range 3.20 to 12.71)", "murrough-2013"),
    ("evidence", "9.87 times as high (95% range 4.37 to 22.29)", "newport-2015"),
    ("index", "27.4% and 8.8%", "dean-2021"),
    ("evidence", "27.4% (95% range 12.9% to 49.2%) and 8.8%", "dean-2021"),
    ("evidence", "18.4 and 5.7 points", "singh-2016"),
    ("evidence", "17.7 and 3.1 points", "singh-2016"),
    ("index", "at least 1 in 5 people", "singh-2016"),
    ("evidence", "59% had responded", "phillips-2019"),
    ("index", "403 people joined, 365 were treated", "anand-2023"),
    ("evidence", "55.4% and 41.2%", "anand-2023"),
    ("index", "two in three of those who got well relapsed within a year", "ekstrand-2022"),
    ("evidence", "70% and 63% relapsed within 12 months", "ekstrand-2022"),
    ("evidence", "no clear difference (P = .52)", "ekstrand-2022"),
    ("evidence", "60% and 50%. No clear difference in scores (P = .13)", "lii-2023"),
    ("evidence", "could not reliably tell", "lii-2023"),
    ("evidence", "3.2 points lower. No clear difference (P = .25)", "jelovac-2025"),
    ("evidence", "in depression (P = .47) or in suicidal thoughts (P = .32)", "ionescu-2019"),
    ("evidence", "No clear difference at the end", "shiroma-2020"),
    # Suicidal thoughts
    ("evidence", "0.48 to 0.85", "wilkinson-2018"),
    ("evidence", "three of four measures", "wilkinson-2018"),
    ("evidence", "63% and 31.6%", "abbar-2022"),
    ("evidence", "not in major depression alone (P = .6)", "abbar-2022"),
    # Other uses
    ("evidence", "158 veterans and service members", "abdallah-2022"),
    ("evidence", "about 4 weeks (27.5 days)", "feder-2021"),
    ("evidence", "effect size 0.27", "borgogna-2024"),
    ("evidence", "67 trials of ketamine and related drugs, 2,309 people", "ferraro-2025"),
    ("evidence", "3.26 times as likely (95% range 1.05 to 10.09)", "ferraro-2025"),
    ("evidence", "15.8 points lower on a scale of 0 to 100", "ferraro-2025"),
    ("evidence", "1.83 points lower", "orhurhu-2019"),
    ("evidence", "1.31 to 2.35", "orhurhu-2019"),
    ("evidence", "76% and 18% had mind-altering effects", "sigtermans-2009"),
    ("evidence", "33% and 0% as responders", "taylor-2018"),
    ("evidence", "responders after ketamine (89% and 53%)", "taylor-2018"),
    ("evidence", "28.9 times as high (95% range 3.45 to 242.6)", "whittaker-2021"),
    ("evidence", "2.03 times (0.67 to 6.15)", "whittaker-2021"),
    ("index", "the largest had 96 people", "grabski-2022"),
    ("evidence", "| 40, all with talk therapy |", "dakwar-2020"),
    # Harm, history and law
    ("index", "26.6% had bladder symptoms", "winstock-2012"),
    ("questions", "17% were dependent", "winstock-2012"),
    ("evidence", "only three randomized trials", "smith-apeldoorn-2022"),
    ("index", "within 1.5 hours", "szarmach-2020"),
    ("index", "On August 3", "domino-2010"),
    ("index", "in a state prison", "michigan-medicine"),
    ("costs", "at least $400 more", "cms-estimate"),
]


def occurs(text: str, words: str, key: str) -> bool:
    """Whether a paragraph, list item or table row of ``text`` has both."""
    cited = re.compile(rf"@{key}(?![\w-])")
    return any(
        words in block.replace("**", "").replace("*", "") and cited.search(block)
        for block in blocks(text)
    )


@pytest.mark.parametrize(("page", "words", "key"), FIGURES)
def test_figure_cites_its_source(page: str, words: str, key: str) -> None:
    text = (CLINIC / "pages" / f"{page}.md").read_text(encoding="utf-8")
    assert occurs(text, words, key)


def test_a_figure_without_its_source_is_found() -> None:
    assert not occurs("It helped 71%.[@newport-2015]\n\nOther.[@zarate-2006]", "71%", "zarate-2006")
    assert not occurs("It helped 71%.[@zarate-2006-b]", "71%", "zarate-2006")


@pytest.mark.parametrize(
    "old",
    [
        "16.5 and 8.8", "403 people, 3 weeks", "nobody could tell", "showed no difference",
        "lasts about a week", "at the University of Michigan", "One trial of 96", "parent drug",
        "If you think about suicide", "We sell", r"\bmails\b",
    ],
)  # fmt: skip
def test_a_corrected_statement_does_not_come_back(old: str) -> None:
    files = [*CLINIC.glob("pages/*.md"), *CLINIC.glob("figures/*.toml")]
    assert [file.name for file in files if re.search(old, file.read_text("utf-8"))] == []

"""What search engines read is what visitors read, and nothing in it can break out."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import html5lib
import pytest

from app.clinic import Clinic, Review
from app.pages.json_ld import clinic_nodes, page_script

SITE = "https://clinic.example"


def graph(script: str) -> list[dict[str, Any]]:
    element = html5lib.parseFragment(script, namespaceHTMLElements=False).find("script")
    assert element.get("type") == "application/ld+json"
    return list(json.loads(element.text)["@graph"])


@pytest.fixture
def page(folder: Any) -> Callable[..., Any]:
    def make(name: str = "index", more: str = "", text: str = "Words.") -> Any:
        folder.sources('[a]\ntext = "A."\ndoi = "10.1000/1"\n')
        folder.write(name, text, more)
        return folder.load()["/" if name == "index" else f"/{name}"]

    return make


def test_the_front_page_tells_of_itself_and_of_the_clinic(clinic: Clinic, page: Any) -> None:
    shown = page()
    web_page, whole = graph(page_script(clinic, shown, SITE))
    assert web_page["@type"] == "MedicalWebPage"
    assert web_page["url"] == f"{SITE}/"
    assert web_page["name"] == shown.title
    assert web_page["publisher"]["@id"] == whole["@id"]
    assert whole["name"] == clinic.name


def test_the_sources_are_told_but_on_the_front_page_which_is_to_be_small(
    clinic: Clinic, page: Any
) -> None:
    cited: dict[str, str] = {"text": "It helps.[@a]", "more": 'references = ["a"]\n'}
    (node,) = graph(page_script(clinic, page("second", **cited), SITE))
    assert node["citation"] == ["https://doi.org/10.1000/1"]
    assert "citation" not in graph(page_script(clinic, page(**cited), SITE))[0]


def test_no_review_is_claimed_that_did_not_take_place(clinic: Clinic, page: Any) -> None:
    (node,) = graph(page_script(clinic, page("second"), SITE))
    assert not {"lastReviewed", "reviewedBy"} & set(node)


def test_a_review_is_told_when_it_was_filled_in(clinic: Clinic, page: Any) -> None:
    review = Review(reviewer="Ada Example", credentials="MD", reviewed=date(2026, 1, 31))
    reviewed = clinic.model_copy(update={"review": review})
    (node,) = graph(page_script(reviewed, page("second"), SITE))
    assert node["lastReviewed"] == "2026-01-31"
    assert node["reviewedBy"]["name"] == "Ada Example"


def test_each_place_is_a_clinic_with_its_address_hours_and_phone(clinic: Clinic) -> None:
    (whole,) = clinic_nodes(clinic, SITE)
    departments: Any = whole["department"]
    quay, hill = departments
    assert quay["@type"] == hill["@type"] == "MedicalClinic"
    assert quay["name"] == "Null Harbor Infusion Clinic, Quay Street"
    assert quay["address"]["streetAddress"] == "12 Quay Street, Second floor"
    assert (quay["geo"]["latitude"], quay["geo"]["longitude"]) == (0.0018, 0.0031)
    assert (quay["telephone"], hill["telephone"]) == ("+12125550142", "+12125550176")
    assert {
        "@type": "OpeningHoursSpecification",
        "opens": "09:00",
        "closes": "17:00",
        "dayOfWeek": ["Monday", "Tuesday", "Thursday"],
    } in quay["openingHoursSpecification"]
    closed = [str(day.date) for day in clinic.locations[0].closed]
    assert [day["validFrom"] for day in quay["specialOpeningHoursSpecification"]] == closed
    assert len(hill["openingHoursSpecification"]) == 2


def test_a_clinic_with_one_place_is_that_place(clinic: Clinic) -> None:
    one = clinic.model_copy(update={"locations": clinic.locations[:1]})
    (node,) = clinic_nodes(one, SITE)
    assert node["@type"] == "MedicalClinic"
    assert node["name"] == clinic.name
    assert node["email"] == clinic.email


def test_a_name_cannot_end_the_script(clinic: Clinic, page: Any) -> None:
    evil = clinic.model_copy(update={"name": "</script><script>alert(1)</script><!--"})
    script = page_script(evil, page(), SITE)
    assert script.count("<") == 2
    assert graph(script)[1]["name"] == evil.name

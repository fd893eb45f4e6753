"""JSON-LD has the same facts as the pages and cannot break out of its element."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import html5lib
import pytest
import time_machine

from app.clinic import Clinic, Review
from app.clinic.json_ld import clinic_node
from app.pages.json_ld import page_script
from tests.support.locations import location_with_hours

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


def test_front_page_describes_itself_and_the_clinic(clinic: Clinic, page: Any) -> None:
    front_page = page()
    web_page, organization = graph(page_script(clinic, front_page, SITE))
    assert web_page["@type"] == "MedicalWebPage"
    assert web_page["url"] == f"{SITE}/"
    assert web_page["name"] == front_page.meta.title
    assert web_page["publisher"]["@id"] == organization["@id"]
    assert organization["name"] == clinic.name


def test_pages_other_than_the_front_page_list_their_citations(clinic: Clinic, page: Any) -> None:
    (node,) = graph(page_script(clinic, page("second", text="It helps.[@a]"), SITE))
    assert node["citation"] == ["https://doi.org/10.1000/1"]
    assert "citation" not in graph(page_script(clinic, page(text="It helps.[@a]"), SITE))[0]


def test_no_review_is_claimed_without_one(clinic: Clinic, page: Any) -> None:
    (node,) = graph(page_script(clinic, page("second"), SITE))
    assert not {"lastReviewed", "reviewedBy"} & set(node)


def test_review_is_included_if_configured(clinic: Clinic, page: Any) -> None:
    review = Review(reviewer="Ada Example", credentials="MD", reviewed=date(2026, 1, 31))
    reviewed = clinic.model_copy(update={"review": review})
    (node,) = graph(page_script(reviewed, page("second"), SITE))
    assert node["lastReviewed"] == "2026-01-31"
    assert node["reviewedBy"]["name"] == "Ada Example"
    (node,) = graph(page_script(reviewed, page("second", "medical = false\n"), SITE))
    assert node["@type"] == "WebPage"
    assert not {"lastReviewed", "reviewedBy"} & set(node)


def test_each_location_is_a_clinic_with_address_hours_and_phone(clinic: Clinic) -> None:
    organization = clinic_node(clinic, SITE)
    departments: Any = organization["department"]
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
    assert len(hill["openingHoursSpecification"]) == 2


def test_hours_around_midnight_and_special_days_follow_schema_org(clinic: Clinic) -> None:
    place = location_with_hours(
        {
            "monday": [("00:00", "00:00")],
            "tuesday": [("18:00", "00:00")],
            "friday": [("20:00", "02:00")],
        },
        closed=["2130-12-20", ("2130-12-24", "2131-01-02"), "2130-12-22"],
        special={"2130-12-26": [("09:00", "12:00"), ("14:00", "16:00")]},
    )
    with time_machine.travel(datetime(2130, 12, 21, 12, tzinfo=UTC), tick=False):
        node: Any = clinic_node(clinic.model_copy(update={"locations": (place,)}), SITE)
    assert [
        (day["dayOfWeek"], day["opens"], day["closes"]) for day in node["openingHoursSpecification"]
    ] == [
        (["Monday"], "00:00", "23:59"),
        (["Tuesday"], "18:00", "00:00"),
        (["Friday"], "20:00", "02:00"),
    ]
    assert [
        (day["validFrom"], day["validThrough"], day["opens"], day["closes"])
        for day in node["specialOpeningHoursSpecification"]
    ] == [
        ("2130-12-22", "2130-12-22", "00:00", "00:00"),
        ("2130-12-24", "2131-01-02", "00:00", "00:00"),
        ("2130-12-26", "2130-12-26", "09:00", "12:00"),
        ("2130-12-26", "2130-12-26", "14:00", "16:00"),
    ]


def test_single_location_is_the_clinic(clinic: Clinic) -> None:
    single = clinic.model_copy(update={"locations": clinic.locations[:1]})
    node = clinic_node(single, SITE)
    assert node["@type"] == "MedicalClinic"
    assert node["name"] == clinic.name
    assert node["email"] == clinic.email


def test_name_cannot_close_the_script_element(clinic: Clinic, page: Any) -> None:
    malicious = clinic.model_copy(update={"name": "</script><script>alert(1)</script><!--"})
    script = page_script(malicious, page(), SITE)
    assert script.count("<") == 2
    assert graph(script)[1]["name"] == malicious.name

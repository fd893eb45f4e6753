"""A tab that stays open past closing time does not go on saying "open"."""

import re

from playwright.sync_api import Page, Route, expect

NOW = ["Opens tomorrow at 9 am", "Opens Thursday at 10 am"]


def test_the_hours_are_asked_for_anew_only_when_they_may_have_changed(page: Page) -> None:
    asked = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(json={"status": NOW, "seconds": 600})

    page.route("**/opening", answer)
    page.clock.install()
    page.goto("/location")
    page.clock.run_for(50_000)
    assert asked == []
    page.clock.run_for(20_000)
    for place in (page.locator("main .status"), page.locator("footer .status")):
        expect(place).to_have_text(NOW)
    page.clock.run_for(500_000)
    assert len(asked) == 1
    with page.expect_request("**/opening"):
        page.clock.run_for(150_000)


def test_without_a_connection_they_stay_as_they_were(page: Page) -> None:
    page.goto("/location")
    before = page.locator(".status").all_inner_texts()
    page.route("**/opening", lambda route: route.fulfill(status=200, body="<h1>Log in</h1>"))
    page.clock.install()
    page.reload()
    with page.expect_response("**/opening"):
        page.clock.run_for(70_000)
    expect(page.locator(".status")).to_have_text(before)


def test_the_received_page_keeps_its_places_named(page: Page) -> None:
    page.route("**/opening", lambda route: route.fulfill(json={"status": NOW, "seconds": 600}))
    page.clock.install()
    page.goto("/contact")
    page.fill("#name", "Ada Example")
    page.fill("#email", "ada@example.com")
    page.select_option("#topic", "billing")
    page.select_option("#location", "quay")
    page.fill("#message", "When do you open?")
    page.get_by_role("button", name="Send").click()
    expect(page).to_have_title(re.compile("We received your message"))
    page.clock.run_for(70_000)
    expect(page.locator("main .status")).to_have_text(
        ["Quay Street: Opens tomorrow at 9 am", "Lighthouse Hill: Opens Thursday at 10 am"]
    )

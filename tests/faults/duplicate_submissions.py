"""Visitors and API clients that send the same inquiry more than once."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from tests.faults.clients import Submission, new_inquiry, submit
from tests.faults.registry import scenario
from tests.faults.site_under_test import SiteUnderTest


def resend(submission: Submission, text: str = "") -> Submission:
    """The same submission again, or another ``text`` with the same key."""
    return replace(submission, text=text or submission.text, references=[], responses=[])


def send_concurrently(site: SiteUnderTest, submissions: Sequence[Submission]) -> None:
    url = f"http://127.0.0.1:{site.port}"
    with ThreadPoolExecutor(len(submissions)) as pool:
        list(pool.map(lambda submission: submit(url, submission), submissions))
    site.submissions += submissions


@scenario("double click", note="the form, twice at the same time, 10 visitors")
def double_click(site: SiteUnderTest) -> None:
    site.start()
    for _ in range(10):
        first = new_inquiry(by_form=True)
        send_concurrently(site, [first, resend(first)])
        site.injected += 1


@scenario("back button", note="the form, sent again after the response, 10 visitors")
def back_button(site: SiteUnderTest) -> None:
    site.start()
    for _ in range(10):
        first = new_inquiry(by_form=True)
        send_concurrently(site, [first])
        send_concurrently(site, [resend(first)])
        site.injected += 1


@scenario("repeated key, same body")
def same_body(site: SiteUnderTest) -> None:
    site.start()
    for _ in range(10):
        first = new_inquiry()
        send_concurrently(site, [first])
        send_concurrently(site, [resend(first)])
        site.injected += 1


@scenario("repeated key, different body", note="rejected with 422, the first inquiry remains")
def different_body(site: SiteUnderTest) -> None:
    site.start()
    for _ in range(10):
        first = new_inquiry()
        other = resend(first, text="Something else with the same key")
        send_concurrently(site, [first])
        send_concurrently(site, [other])
        site.injected += other.responses == [422]
    assert site.injected == 10


@scenario("50 clients send one key at the same time")
def concurrent_clients(site: SiteUnderTest) -> None:
    site.start()
    first = new_inquiry()
    submissions = [resend(first) for _ in range(50)]
    send_concurrently(site, submissions)
    site.injected = sum(submission.acknowledged for submission in submissions)
    assert site.injected == 50

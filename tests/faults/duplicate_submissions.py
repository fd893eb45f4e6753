"""What visitors and programs do that is no fault of theirs: the same thing twice."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from tests.faults.clients import Submission, new_inquiry, submit
from tests.faults.registry import scenario
from tests.faults.site_under_test import SiteUnderTest


def again(sent: Submission, words: str = "") -> Submission:
    """The same inquiry by the same client once more, or other words under its key."""
    return replace(sent, words=words or sent.words, references=[], answers=[])


def all_at_once(site: SiteUnderTest, many: Sequence[Submission]) -> None:
    with ThreadPoolExecutor(len(many)) as pool:
        list(pool.map(lambda sent: submit(f"http://127.0.0.1:{site.port}", sent), many))
    site.sent += many


@scenario("double click", note="the form, twice at once, 10 visitors")
def double_click(site: SiteUnderTest) -> None:
    site.start()
    for _ in range(10):
        first = new_inquiry(by_form=True)
        all_at_once(site, [first, again(first)])
        site.injected += 1


@scenario("back button", note="the form sent again after its answer, 10 visitors")
def back_button(site: SiteUnderTest) -> None:
    site.start()
    for _ in range(10):
        first = new_inquiry(by_form=True)
        all_at_once(site, [first])
        all_at_once(site, [again(first)])
        site.injected += 1


@scenario("replayed key, the same body")
def replayed(site: SiteUnderTest) -> None:
    site.start()
    for _ in range(10):
        first = new_inquiry()
        all_at_once(site, [first])
        all_at_once(site, [again(first)])
        site.injected += 1


@scenario("replayed key, another body", note="refused with 422, the first one stands")
def other_body(site: SiteUnderTest) -> None:
    site.start()
    for _ in range(10):
        first = new_inquiry()
        other = again(first, words="Something else under the same key")
        all_at_once(site, [first])
        all_at_once(site, [other])
        site.injected += other.answers == [422]
    assert site.injected == 10


@scenario("50 clients with one key at once", short=True)
def fifty(site: SiteUnderTest) -> None:
    site.start()
    first = new_inquiry()
    crowd = [again(first) for _ in range(50)]
    all_at_once(site, crowd)
    site.injected = sum(one.acknowledged for one in crowd)
    assert site.injected == 50

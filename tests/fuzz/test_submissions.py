"""Any input by form or API is refused with a reason or emailed exactly as typed."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.clinic import Clinic
from app.clinic.models import DEFAULT_TEXT_CONSENT
from tests.attacks import hostile_input
from tests.contact.conftest import GOOD
from tests.fuzz.case_counts import cases
from tests.support.contact_harness import EMPTY, ContactHarness, assert_delivered_message

anything = st.text(max_size=300) | st.sampled_from(hostile_input.ALL)
texts = st.lists(anything | st.sampled_from(hostile_input.LINE_ENDS), max_size=6).map("".join)
addresses = st.emails() | st.builds("{}@{}".format, anything, anything)
phones = st.text("0123456789+()-. x#", max_size=45) | anything


@st.composite
def inquiries(draw: st.DrawFn) -> dict[str, str]:
    """Return form data of which some fields are random, and others valid."""
    wild = {
        "name": texts,
        "email": addresses,
        "phone": phones,
        "reply_by": st.sampled_from(("email", "phone", "text")) | texts,
        "best_time": texts,
        "topic": st.sampled_from(("general", "billing")) | texts,
        "message": texts,
        "text_consent": st.just(DEFAULT_TEXT_CONSENT),
    }
    chosen = draw(st.lists(st.sampled_from(sorted(wild)), min_size=1, unique=True))
    return {**EMPTY, "phone": "212-555-0142", **{name: draw(wild[name]) for name in chosen}}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
members = st.dictionaries(st.sampled_from(sorted(GOOD)) | texts, json_values | texts, max_size=10)


def _one_mail_or_none(
    desk: ContactHarness, clinic: Clinic, sent: dict[str, str], status: int
) -> None:
    mails = desk.deliver()
    if status == 422:
        assert (desk.inquiries(), mails) == (0, [])
        return
    (mail,) = mails
    assert_delivered_message(mail, sent, clinic.topic(sent["topic"]).mailboxes[0])


@cases(quick=80, long=10_000)
@given(sent=inquiries())
def test_form_stores_input_unchanged_or_explains_the_error(
    shared_harness: ContactHarness, clinic: Clinic, sent: dict[str, str]
) -> None:
    shared_harness.reset()
    response = shared_harness.submit_form(**sent)
    assert response.status_code in (303, 422)
    _one_mail_or_none(shared_harness, clinic, sent, response.status_code)


@cases(quick=80, long=10_000)
@given(sent=inquiries())
def test_api_stores_input_unchanged_or_explains_the_error(
    shared_harness: ContactHarness, clinic: Clinic, sent: dict[str, str]
) -> None:
    shared_harness.reset()
    response = shared_harness.submit_json(**sent)
    assert response.status_code in (201, 422)
    _one_mail_or_none(shared_harness, clinic, sent, response.status_code)


@cases(quick=60, long=10_000)
@given(sent=members)
def test_api_explains_errors_in_any_json(
    shared_harness: ContactHarness, sent: dict[str, Any]
) -> None:
    response = shared_harness.client.post("/api/v1/inquiries", json={**EMPTY, **sent})
    assert response.status_code in (201, 400, 422)
    if response.status_code != 201:
        assert response.content_type == "application/problem+json"
        assert response.json is not None
        assert response.json["status"] == response.status_code


@cases(quick=60, long=10_000)
@given(body=st.binary(max_size=400) | texts.map(lambda text: text.encode()))
def test_random_bytes_never_cause_a_server_error(
    shared_harness: ContactHarness, body: bytes
) -> None:
    post = shared_harness.client.post
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "a/b"):
        assert post("/contact", data=body, content_type=kind).status_code in (303, 400, 413, 422)
    response = post("/api/v1/inquiries", data=body, content_type="application/json")
    assert response.status_code in (400, 422)

"""Many simultaneous requests, on SQLite and PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor

from tests.contact.conftest import GOOD, Visitor


def test_fifty_concurrent_requests_with_one_key_get_one_reference(visitor: Visitor) -> None:
    def call(_number: int) -> tuple[int, str]:
        response = visitor.app.test_client().post(
            "/api/v1/inquiries", json=GOOD, headers={"Idempotency-Key": "same"}
        )
        return response.status_code, response.text

    with ThreadPoolExecutor(12) as pool:
        responses = set(pool.map(call, range(50)))
    assert len(responses) == 1
    assert responses.pop()[0] == 201
    assert len(visitor.inquiries()) == len(visitor.mails()) == 1


def test_concurrent_inquiries_are_all_stored(visitor: Visitor) -> None:
    def call(number: int) -> int:
        data = {**GOOD, "message": f"Message {number}"}
        return visitor.app.test_client().post("/api/v1/inquiries", json=data).status_code

    with ThreadPoolExecutor(12) as pool:
        assert set(pool.map(call, range(40))) == {201}
    assert len(visitor.inquiries()) == len(visitor.mails()) == 40

"""Many requests with one key at the same instant. On SQLite and on PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor

from tests.contact.conftest import GOOD, Visitor


def test_fifty_clients_with_one_key_get_one_reference(visitor: Visitor) -> None:
    def call(_number: int) -> tuple[int, str]:
        answer = visitor.app.test_client().post(
            "/api/v1/inquiries", json=GOOD, headers={"Idempotency-Key": "same"}
        )
        return answer.status_code, answer.text

    with ThreadPoolExecutor(12) as pool:
        answers = set(pool.map(call, range(50)))
    assert len(answers) == 1
    assert answers.pop()[0] == 201
    assert len(visitor.inquiries()) == len(visitor.mails()) == 1


def test_different_inquiries_at_once_all_arrive(visitor: Visitor) -> None:
    def call(number: int) -> int:
        words = {**GOOD, "message": f"Message {number}"}
        return visitor.app.test_client().post("/api/v1/inquiries", json=words).status_code

    with ThreadPoolExecutor(12) as pool:
        assert set(pool.map(call, range(40))) == {201}
    assert len(visitor.inquiries()) == len(visitor.mails()) == 40

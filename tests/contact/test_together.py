"""Posts that come at once share a commit, and none of them is answered for another's fault."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from app.contact import together
from tests.contact.conftest import GOOD, Visitor


class Door:
    """Holds up the first who stores, so that the others gather behind; counts the commits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, others: int) -> None:
        self.sizes: list[int] = []
        self._others = others
        self._store = together.store
        monkeypatch.setattr(together, "store", self._held)

    def _held(self, database: Any, posts: list[together.Post]) -> None:
        self.sizes.append(len(posts))
        if len(self.sizes) == 1:
            self.first_is_in.set()
            self.all_wait.wait(10)
        self._store(database, posts)

    def send(self, visitor: Visitor, *messages: dict[str, Any]) -> list[int]:
        """The statuses of the answers: the first post, then the others, which wait for it."""
        self.first_is_in, self.all_wait = Event(), Event()
        desk = visitor.app.extensions["desk"].together

        def call(more: dict[str, Any]) -> int:
            client = visitor.app.test_client()
            return client.post("/api/v1/inquiries", json={**GOOD, **more}).status_code

        with ThreadPoolExecutor(len(messages)) as pool:
            first = pool.submit(call, messages[0])
            assert self.first_is_in.wait(10)
            rest = [pool.submit(call, one) for one in messages[1:]]
            for _ in range(1000):
                if len(desk._waiting) == self._others:
                    break
                self.all_wait.wait(0.01)
            self.all_wait.set()
            return [one.result() for one in (first, *rest)]


def test_who_waits_is_written_in_one_commit(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Door(monkeypatch, others=5)
    assert set(door.send(visitor, *({"message": f"Message {at}"} for at in range(6)))) == {201}
    assert door.sizes == [1, 5]
    assert len(visitor.inquiries()) == len(visitor.mails()) == 6


def test_the_same_words_among_them_are_one_inquiry(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Door(monkeypatch, others=3)
    words = ({"message": said} for said in ("first", "twice", "twice", "other"))
    assert set(door.send(visitor, *words)) == {201}
    assert len(visitor.inquiries()) == len(visitor.mails()) == 3


def test_when_the_disk_fails_nobody_is_told_that_it_was_saved(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Door(monkeypatch, others=2)
    monkeypatch.setattr(door, "_store", _fail)
    assert set(door.send(visitor, *({"message": f"Message {at}"} for at in range(3)))) == {503}
    assert visitor.inquiries() == []


def _fail(*_: Any) -> None:
    raise OperationalError("COMMIT", None, Exception("disk I/O error"))

"""Posts that wait for the disk at the same time are committed together.

Whoever gets the turn writes what all the others of this process have put down by then, in
one transaction. Each post is answered when that has committed: one wait for the disk and
one write lock serve many. When one of them cannot be written, each is written by itself
and gets its own error.
"""

from collections import deque
from dataclasses import dataclass
from threading import Lock

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.contact.inquiry import Inquiry
from app.db import Database
from app.outbox.queue import Row, put

INSERT = sa.insert(Inquiry)  # made once: to build a statement costs more than to run it


@dataclass(eq=False)
class Post:
    """The rows of one inquiry and its mails, and what became of them."""

    inquiry: Row
    mails: list[Row]
    written: bool = False
    error: Exception | None = None
    alone: bool = False  # one of those that could not be written together


class Together:
    """Those of one process that wait for the disk."""

    def __init__(self) -> None:
        self._waiting: deque[Post] = deque()
        self._turn = Lock()

    def write(self, database: Database, inquiry: Row, mails: list[Row]) -> None:
        """Return when the rows are on disk. Raises what ``store`` raises when they are not."""
        post = Post(inquiry, mails)
        self._waiting.append(post)
        with self._turn:
            if post in self._waiting:
                _write(database, [self._waiting.popleft() for _ in range(len(self._waiting))])
            if post.alone:
                _write(database, [post])
        if not post.written:
            raise post.error or RuntimeError("whoever had the turn was stopped")


def _write(database: Database, posts: list[Post]) -> None:
    try:
        store(database, posts)
    except Exception as error:  # noqa: BLE001  (each of them hears of it)
        alone = isinstance(error, IntegrityError) and len(posts) > 1
        for post in posts:
            post.error, post.alone = error, alone
    else:
        for post in posts:
            post.written = True


def store(database: Database, posts: list[Post]) -> None:
    """One transaction; when this returns, the rows are on disk. Raises SQLAlchemyError,
    NotDurableError.
    """
    with database.begin() as connection:
        connection.execute(INSERT, [post.inquiry for post in posts])
        put(connection, [row for post in posts for row in post.mails])

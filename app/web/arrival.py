"""When a request has come whole. Pure: bytes in, a verdict out.

This only decides how long to wait. What the bytes mean is gunicorn's parser's
business alone, which gets exactly these bytes: whatever is odd here counts as
come, so that the parser refuses it, and the two can never disagree about where
a request ends.
"""

import re
from enum import Enum

MOST_HEAD = 32 * 1024  # bytes
MOST_BODY = 2 * 1024 * 1024  # bytes; more is not waited for: the site says 413
MOST_CHUNKED = 320 * 1024  # bytes, the sizes of the chunks included
MOST_SIZE_LINE = 1024  # bytes

BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,12})[ \t]*(?=\r\n|$)")
CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*\bchunked[ \t]*(?=\r\n|$)")
EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n|$)")
SIZE = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;|\r\n)")


class Verdict(Enum):
    """What to do after some bytes: wait, answer, or say that the head is too long."""

    WAIT = "wait"
    COME = "come"
    HEAD_TOO_LONG = "head too long"


class Arrival:
    """The bytes of one request, as they come."""

    __slots__ = ("_body", "_chunk", "_end", "expects", "received")

    def __init__(self) -> None:
        self.received = bytearray()
        self.expects = False  # the client sends its body only after "100 Continue"
        self._body = 0  # where the body begins; 0 while the head has not come
        self._end = 0  # where it ends, by Content-Length
        self._chunk = 0  # where the next chunk begins; 0: not chunked

    def add(self, data: bytes) -> Verdict:
        """The verdict once ``data`` has come, too."""
        seen = max(0, len(self.received) - 3)
        self.received += data
        if not self._body:
            end = self.received.find(b"\r\n\r\n", seen)
            if end < 0:
                return self._without_end(seen)
            if end > MOST_HEAD:
                return Verdict.HEAD_TOO_LONG
            self._body = end + 4
            self._read_head(bytes(self.received[:end]).lower())
        return Verdict.COME if self._has_come() else Verdict.WAIT

    @property
    def has_body(self) -> bool:
        return bool(self._chunk) or self._end > self._body

    def _without_end(self, seen: int) -> Verdict:
        if len(self.received) > MOST_HEAD:
            return Verdict.HEAD_TOO_LONG
        odd = BARE_LINE_FEED.search(self.received, seen)
        return Verdict.COME if odd else Verdict.WAIT

    def _read_head(self, head: bytes) -> None:
        self._end = self._body
        if b"\r\ntransfer-encoding:" in head:
            only = b"\r\ncontent-length:" not in head
            self._chunk = self._body if only and CHUNKED.search(head) else 0
        elif b"\r\ncontent-length:" in head:
            lengths = LENGTH.findall(head)
            if len(lengths) == 1 and int(lengths[0]) <= MOST_BODY:
                self._end += int(lengths[0])
        # HTTP/1.0 knows no interim answers.
        asks = b"\r\nexpect:" in head and b" http/1.0\r\n" not in head
        self.expects = asks and bool(EXPECTS.search(head))

    def _has_come(self) -> bool:
        if self._chunk:
            return len(self.received) - self._body > MOST_CHUNKED or self._chunks_have_come()
        return len(self.received) >= self._end

    def _chunks_have_come(self) -> bool:
        """Whether the last chunk and its trailers are there, or something that is no chunk."""
        received = self.received
        while (line := received.find(b"\r\n", self._chunk)) >= 0:
            size = SIZE.match(received, self._chunk)
            if not size:
                return True
            if not (length := int(size[1], 16)):
                return received.find(b"\r\n\r\n", line) >= 0
            self._chunk = line + 2 + length + 2
        return len(received) - self._chunk > MOST_SIZE_LINE

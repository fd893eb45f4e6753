"""Hooks that Schemathesis loads: formats and headers that OpenAPI cannot express."""

import re
from typing import Any
from uuid import uuid4

import schemathesis
from hypothesis import strategies as st

from app.contact.idempotency import IDEMPOTENCY_KEY

AREA = st.sampled_from(("212", "415", "617"))
LINE = st.from_regex(re.compile("[2-9][0-9]{2}[-. ][0-9]{4}", re.ASCII), fullmatch=True)
ABROAD = st.sampled_from(("+44 20 7946 0958", "+49 (0)30 901820", "+61 2 9374 4000"))
phones = st.one_of(st.builds("{} {}".format, AREA, LINE), st.builds("({}) {}".format, AREA, LINE))

schemathesis.openapi.format("phone", phones | ABROAD)


@schemathesis.hook
def before_call(_context: Any, case: Any, _options: Any) -> None:
    """Make valid keys unique: a key reused for other content is refused."""
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and IDEMPOTENCY_KEY.fullmatch(key):
        case.headers["Idempotency-Key"] = str(uuid4())

"""Which characters may stand where: one set of classes for the form and for its JSON Schema.

Each is the inside of a ``[…]`` in a regular expression, for Python and ECMAScript alike.
"""

import re

SPACE = r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # str.isspace()
# Ends a line or commands a terminal. Not the tab: whoever pastes from a table brings one.
CONTROL = r"\x00-\x08\n-\x1f\x7f-\x9f\u2028\u2029"
INVISIBLE = SPACE + CONTROL + r"\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"

# JSON Schema patterns.
LINE = f"^[^{CONTROL}]*$"
VISIBLE_LINE = f"^[^{CONTROL}]*[^{INVISIBLE}][^{CONTROL}]*$"
SOME_TEXT = f"[^{SPACE}]"

CONTROLS = re.compile(f"[{CONTROL}\ud800-\udfff]")
# Not isprintable(): a letter that this Python's Unicode tables do not know yet is a letter.
VISIBLE = re.compile(f"[^{INVISIBLE}]")

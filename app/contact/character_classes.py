"""Which characters a field may hold, for its validators and for its JSON Schema.

A class is the inside of ``[…]``. All of them read the same in Python and in ECMAScript.
"""

SPACE = r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # str.isspace()
# Ends a line or controls a terminal. Not the tab: text pasted from a table has tabs.
CONTROL = r"\x00-\x08\n-\x1f\x7f-\x9f\u2028\u2029"
# Not isprintable(): a letter that this Python's Unicode tables do not know yet is a letter.
INVISIBLE = SPACE + CONTROL + r"\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"

# Patterns for a whole text.
LINE = f"[^{CONTROL}]*"
VISIBLE_LINE = f"[^{CONTROL}]*[^{INVISIBLE}][^{CONTROL}]*"
NOT_BLANK = rf"[\s\S]*[^{SPACE}][\s\S]*"

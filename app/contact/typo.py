"""Did the visitor mean another mail provider? Asked about, never refused."""

PROVIDERS = (
    "gmail.com",
    "yahoo.com",
    "hotmail.com",
    "outlook.com",
    "icloud.com",
    "aol.com",
    "comcast.net",
    "verizon.net",
    "protonmail.com",
)
# Real providers that lie one slip away from a bigger one.
REAL = frozenset({"mail.com", "ymail.com", "hotmail.co", "yahoo.co", "outlook.co", "aim.com"})


def meant(email: str) -> str | None:
    """``ada@gmial.com`` -> ``ada@gmail.com``; None when the address looks as intended."""
    local, _, domain = email.rpartition("@")
    domain = domain.lower()
    if domain in PROVIDERS or domain in REAL:
        return None
    close = (provider for provider in PROVIDERS if _one_slip(domain, provider))
    return next((f"{local}@{provider}" for provider in close), None)


def _one_slip(typed: str, wanted: str) -> bool:
    """One character too many, missing, wrong, or two neighbors swapped."""
    start = next((i for i, (a, b) in enumerate(zip(typed, wanted, strict=False)) if a != b), None)
    if start is None:
        return abs(len(typed) - len(wanted)) == 1
    a, b = typed[start:], wanted[start:]
    swapped = a[1::-1] + a[2:] == b if len(a) > 1 else False
    return a[1:] == b or a == b[1:] or a[1:] == b[1:] or swapped

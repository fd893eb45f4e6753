"""Email addresses as people type and paste them, and which mailbox they mean."""

import re
import unicodedata

from email_validator import EmailNotValidError, ValidatedEmail, validate_email

from app.contact.invisible_characters import remove_ignorable

MAX_LENGTH = 254  # characters (RFC 5321, 4.5.3.1.3); normalizing longer text may take long
DISPLAY_NAME = re.compile(r"[^<>@]*<([^<>]*)>")
SCHEME = re.compile(r"mailto:([^?]*)(\?.*)?", re.IGNORECASE)
# What word processors and other keyboards write instead.
LOOKALIKES = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc\xb4`", "'"),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        **dict.fromkeys("\u3002\uff61", "."),
    }
)
AROUND = "<>()[]\"',;:.!?"  # punctuation that was copied along
GMAIL = ("gmail.com", "googlemail.com")  # ignores dots in the local part


def clean_address(text: str) -> str:
    """Return the address in ``text``, without invisible characters, ``mailto:`` and a name."""
    if len(text) > MAX_LENGTH:
        return text
    text = unicodedata.normalize("NFC", remove_ignorable(text)).strip()
    for pattern in (DISPLAY_NAME, SCHEME):
        if match := pattern.fullmatch(text):
            text = match[1].strip()
    return text


def parse_address(email: str) -> ValidatedEmail | None:
    """Return the parts of ``email``, or None if it cannot be one: only the syntax is checked."""
    try:
        # test_environment accepts the domain .test.
        return validate_email(email, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError:
        return None


def plain_spelling(email: str) -> str:
    """Return what was probably meant by ``email``: a smart quote is an apostrophe.

    This is ``email`` itself if it is clear, or if no address results.
    """
    if len(email) > MAX_LENGTH or (email.isascii() and parse_address(email)):
        return email
    plain = unicodedata.normalize("NFKC", email.translate(LOOKALIKES)).translate(LOOKALIKES)
    plain = "".join(plain.split()).strip(AROUND)
    meant, typed = parse_address(plain), parse_address(email)
    # Another spelling of a domain is no question: IDNA says which domain it is.
    if meant is None or (typed and typed.local_part == meant.local_part):
        return email
    return plain


def ascii_address(email: str) -> str | None:
    """``email`` in ASCII (with an internationalized domain as xn--…), or None if its local
    part is not ASCII: not every mail server accepts such an address.
    """
    if email.isascii():
        return email
    local, _, domain = email.rpartition("@")
    return f"{local}@{ascii_domain(domain)}" if local.isascii() else None


def ascii_domain(domain: str) -> str:
    """The domain that mail is sent to, in lower case. An invalid domain is not changed."""
    if not domain.isascii():
        try:
            address = validate_email(
                f"a@{domain}", check_deliverability=False, test_environment=True
            )
        except EmailNotValidError:
            return domain
        domain = address.ascii_domain
    return domain.lower()


def mailbox(email: str) -> tuple[str, str]:
    """Local part and domain, the same for every spelling of one mailbox."""
    local, _, domain = email.lower().rpartition("@")
    local, domain = local.partition("+")[0], ascii_domain(domain)  # ada+1@ is often ada@
    return (local.replace(".", ""), GMAIL[0]) if domain in GMAIL else (local, domain)

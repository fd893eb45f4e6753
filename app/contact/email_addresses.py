"""Which address mail is sent to, and which spellings of an address are the same mailbox."""

from email_validator import EmailNotValidError, validate_email

GMAIL = ("gmail.com", "googlemail.com")  # ignores dots in the local part


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

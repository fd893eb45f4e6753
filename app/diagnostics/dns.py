"""What the DNS says of the sender's domain: may our relay send in its name?

Three records make the difference between the in-box and the spam folder: SPF
(RFC 7208), DKIM (RFC 6376) and DMARC (RFC 7489). Where the DNS does not answer, that
is said and nothing is held against the domain.
"""

from collections.abc import Callable

import dns.exception
import dns.name
import dns.resolver

from app.diagnostics.result import CheckResult, failed, ok, warning

LIFETIME = 4.0  # seconds for one question, all servers and tries together

Look = Callable[[str, dns.resolver.Resolver], CheckResult]


def check_sender_domain(
    domain: str, resolver: dns.resolver.Resolver | None = None
) -> list[CheckResult]:
    """SPF, DKIM and DMARC of ``domain``; asks the system's resolver unless given one."""
    looks: dict[str, Look] = {"SPF": _spf, "DKIM": _dkim, "DMARC": _dmarc}
    findings: list[CheckResult] = []
    try:
        resolver = resolver or dns.resolver.get_default_resolver()
        for look in looks.values():
            findings.append(look(domain, resolver))  # noqa: PERF401  (a silence keeps them)
    except (dns.exception.DNSException, OSError) as error:
        # One silence is enough: the other questions would wait as long.
        why = f"not checked: the DNS does not answer ({type(error).__name__})"
        rest = list(looks)[len(findings) :]
        findings += [warning(part, why, "Look again where it does") for part in rest]
    return findings


def _spf(domain: str, resolver: dns.resolver.Resolver) -> CheckResult:
    records = [one for one in _texts(domain, resolver) if one.lower().split(" ")[0] == "v=spf1"]
    if not records:
        return warning(
            "SPF", f"{domain} has no record", "Publish the one your mail provider gives you"
        )
    if len(records) > 1:
        return failed("SPF", f"{domain} has {len(records)} records, so none counts", "Leave one")
    if records[0].lower().split()[-1] in ("+all", "all"):
        return warning("SPF", f"{domain} lets anybody send in its name", "End it with -all or ~all")
    return ok("SPF", records[0][:120])


def _dkim(domain: str, resolver: dns.resolver.Resolver) -> CheckResult:
    # Keys stand at names that only the relay knows; but when nothing at all stands
    # below _domainkey, the DNS says that the name does not exist (RFC 8020).
    try:
        resolver.resolve(f"_domainkey.{domain}", "TXT", lifetime=LIFETIME, search=False)
    except dns.resolver.NXDOMAIN:
        return warning(
            "DKIM",
            f"no key found below _domainkey.{domain}",
            "Turn on signing at your mail provider, and publish its key",
        )
    except dns.resolver.NoAnswer:
        pass
    return ok("DKIM", f"{domain} has a place for keys; a test mail shows whether one is used")


def _dmarc(domain: str, resolver: dns.resolver.Resolver) -> CheckResult:
    name = dns.name.from_text(domain)
    # A domain without a record of its own comes under the one above it.
    while len(name) > 2:  # the last label is the root's, the one before a top-level domain
        for record in _texts(f"_dmarc.{name}", resolver):
            if record.lower().replace(" ", "").startswith("v=dmarc1"):
                return ok("DMARC", record[:120])
        name = name.parent()
    return warning(
        "DMARC",
        f"{domain} has no record",
        'Publish "v=DMARC1; p=none; rua=mailto:…" at _dmarc and read the reports',
    )


def _texts(name: str, resolver: dns.resolver.Resolver) -> list[str]:
    try:
        answer = resolver.resolve(name, "TXT", lifetime=LIFETIME, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]

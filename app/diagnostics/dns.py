"""Checks of the sender domain's DNS records: SPF, DKIM and DMARC.

These records (RFC 7208, RFC 6376, RFC 7489) decide whether email reaches the inbox or the
spam folder. If DNS does not answer, the checks are skipped with a warning.
"""

import dns.exception
import dns.name
import dns.resolver
from dns.resolver import Resolver

from app.diagnostics.result import CheckResult, failed, ok, warning

QUERY_TIMEOUT = 4.0  # seconds for one query, over all servers and retries


def check_sender_domain(domain: str, resolver: Resolver | None = None) -> list[CheckResult]:
    """Check ``domain``, with the system's resolver unless one is given."""
    checks = {"SPF": _check_spf, "DKIM": _check_dkim, "DMARC": _check_dmarc}
    results: list[CheckResult] = []
    try:
        resolver = resolver or dns.resolver.get_default_resolver()
        for check in checks.values():
            results.append(check(domain, resolver))  # noqa: PERF401  (kept after an exception)
    except (dns.exception.DNSException, OSError) as error:
        # The remaining queries would take just as long to fail.
        message = f"not checked: DNS does not answer ({type(error).__name__})"
        skipped = list(checks)[len(results) :]
        results += [
            warning(name, message, "Run `flask doctor` where DNS works") for name in skipped
        ]
    return results


def _check_spf(domain: str, resolver: Resolver) -> CheckResult:
    records = [
        text for text in _txt_records(domain, resolver) if text.lower().split(" ")[0] == "v=spf1"
    ]
    if not records:
        return warning("SPF", f"{domain} has no record", "Publish the one of your mail provider")
    if len(records) > 1:
        message = f"{domain} has {len(records)} records, so none is valid"
        return failed("SPF", message, "Keep one")
    if records[0].lower().split()[-1] in ("+all", "all"):
        return warning("SPF", f"any server may send for {domain}", "End it with -all or ~all")
    return ok("SPF", records[0][:120])


def _check_dkim(domain: str, resolver: Resolver) -> CheckResult:
    # Only the mail server knows the names of the keys. But if nothing exists below
    # _domainkey, DNS answers that this name does not exist (RFC 8020).
    try:
        resolver.resolve(f"_domainkey.{domain}", "TXT", lifetime=QUERY_TIMEOUT, search=False)
    except dns.resolver.NXDOMAIN:
        message = f"no key found below _domainkey.{domain}"
        return warning("DKIM", message, "Turn on signing at your mail provider; publish its key")
    except dns.resolver.NoAnswer:
        pass
    return ok("DKIM", f"{domain} publishes keys; a test email shows whether one is used")


def _check_dmarc(domain: str, resolver: Resolver) -> CheckResult:
    name = dns.name.from_text(domain)
    # A domain without a record of its own uses its parent's.
    while len(name) > 2:  # labels: the top-level domain and the root
        for record in _txt_records(f"_dmarc.{name}", resolver):
            if record.lower().replace(" ", "").startswith("v=dmarc1"):
                return ok("DMARC", record[:120])
        name = name.parent()
    advice = 'Publish "v=DMARC1; p=none; rua=mailto:…" at _dmarc and read the reports'
    return warning("DMARC", f"{domain} has no record", advice)


def _txt_records(name: str, resolver: Resolver) -> list[str]:
    try:
        answer = resolver.resolve(name, "TXT", lifetime=QUERY_TIMEOUT, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]

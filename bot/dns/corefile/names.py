"""Names of the DNS that plugins take as arguments (IANA, "Domain Name System (DNS) Parameters")."""

from __future__ import annotations

import re

from bot.dns.corefile.plugin_words import Unsure

CLASSES = frozenset({"IN", "CS", "CH", "HS", "NONE", "ANY"})
RCODES = frozenset({
    *("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH"),
    *("NOTZONE", "DSOTYPENI", "BADSIG", "BADVERS", "BADKEY", "BADTIME", "BADMODE", "BADNAME", "BADALG", "BADTRUNC"),
    "BADCOOKIE",
})  # fmt: skip
_TYPES = frozenset({
    *("A", "AAAA", "ANY", "AXFR", "CAA", "CDS", "CDNSKEY", "CERT", "CNAME", "DNAME", "DNSKEY", "DS", "HINFO", "HTTPS"),
    *("IXFR", "LOC", "MX", "NAPTR", "NS", "NSEC", "NSEC3", "NSEC3PARAM", "OPT", "PTR", "RP", "RRSIG", "SOA", "SPF"),
    *("SRV", "SSHFP", "SVCB", "TLSA", "TSIG", "TXT", "URI"),
})  # fmt: skip


def query_type(text: str) -> None:
    """Take the name of a record type. Raises `ValueError` for what cannot be one, `Unsure` for a rare one."""
    if text in _TYPES:
        return
    if not re.fullmatch(r"[A-Z][A-Z0-9-]{0,15}|None|Reserved", text):
        raise ValueError(f"unknown type {text!r}")
    raise Unsure(f"whether CoreDNS knows the type {text}", by_words=True)

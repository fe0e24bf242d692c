"""What CoreDNS is configured with where it plays a VPC's resolver or a Resolver endpoint.

The longest domain of a server block decides, as it does among Route 53's rules and zones; a rule's block takes the
place of a zone's of the same name. Before each block stand those of DNS Firewall, for the names that it blocks. Public
DNS is made of templates: public names and instances' private names (`ip-10-0-1-5.eu-west-1.compute.internal`) have
addresses, reserved names have none.
Sources: Route 53 Developer Guide, "How Resolver endpoints forward DNS queries from your VPCs to your network", "DNS
Firewall rule groups and rules"; the pages of CoreDNS's plugins file, forward, hosts, template, view and erratic.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from lab.vpc_names import EndpointNames, Filter, VpcNames

_OWN_NAMES = """\
    template IN A {
        match ^ip-(?P<a>[0-9]+)-(?P<b>[0-9]+)-(?P<c>[0-9]+)-(?P<d>[0-9]+)[.].*compute[.]internal[.]$
        answer "{{ .Name }} 60 IN A {{ .Group.a }}.{{ .Group.b }}.{{ .Group.c }}.{{ .Group.d }}"
        fallthrough
    }
"""
PUBLIC_ADDRESSES = ("54.239.28.85", "52.94.236.248", "205.251.242.103")
"""What public DNS answers for every name that there is."""
_RESERVED_NAMES = """\
    template IN ANY {
        match [.](local|internal|invalid|test|localhost|example|corp|lan)[.]$
        match ^[^.]*[.]$
        match [.][^.]*[0-9][^.]*[.]$
        rcode NXDOMAIN
        fallthrough
    }
"""
_NO_RECORDS = "    template IN ANY {\n        rcode NOERROR\n    }\n"
_SILENT = "    erratic {\n        drop 1\n    }\n"
_CLOSED = "    template IN ANY {\n        rcode NXDOMAIN\n    }\n"
_REFUSING = "    template IN ANY {\n        rcode REFUSED\n    }\n"
_WAITING = ("max_fails 0", "read_timeout 4s", "max_connect_attempts 1")
"""What is asked asks others itself, and says so when nobody answers."""
_TRYING = ("read_timeout 800ms", "max_fails 1", "health_check 500ms")
"""One that has not answered is passed over until it does again."""
_ZONE = "{zone}. 60 IN SOA ns-1536.awsdns-00.co.uk. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 60\n{records}"
COREFILE = "Corefile"


def resolver_files(
    names: VpcNames, listen: Sequence[str], folder: Path, address_of: Callable[[str], str]
) -> dict[str, str]:
    """Return the files of a VPC's resolver by name, the Corefile among them; they will stand in `folder`.

    `address_of` tells where an outbound endpoint is asked.
    """
    if not names.answers:
        return {COREFILE: _corefile({"": _SILENT}, listen)}
    files = {f"db.{zone}": _zone_file(zone, lines) for zone, lines in names.zones.items()}
    blocks = {"": _public(names)}
    blocks |= {host: _hosts(host, addresses) for host, addresses in names.hosts.items()}
    blocks |= {zone: _file(zone, folder) for zone in names.zones}
    blocks |= {domain: _unforwarded(domain, names, folder) for domain in names.excepted}
    blocks |= {domain: _forward([address_of(endpoint)], _WAITING) for domain, endpoint in names.forwards.items()}
    return {COREFILE: _corefile(blocks, listen, tuple(_firewall(names.filters))), **files}


def _zone_file(zone: str, lines: Sequence[str]) -> str:
    """Return a zone file. Names between others get a text: else plugin file lets a wildcard stand for them.

    A wildcard stands for names that are not there, and those are (RFC 4592, 2.2.2).
    """
    there = {line.split()[0] for line in lines}
    above = {".".join(labels[place:]) for labels in (name.split(".") for name in there) for place in range(len(labels))}
    between = sorted(name for name in above - there if name.endswith(f".{zone}."))
    texts = [f'{name} 60 IN TXT ""' for name in between]
    return _ZONE.format(zone=zone, records="\n".join((*lines, *texts, "")))


def endpoint_files(endpoint: EndpointNames, vpc_resolver: str, on_backbone: str) -> dict[str, str]:
    """Return the files of an endpoint: an inbound one asks the VPC's resolver, an outbound one the rules' targets.

    `on_backbone`: the address at which an outbound one is asked.
    """
    if endpoint.forwards is None:
        return {COREFILE: _corefile({"": _forward([vpc_resolver], _WAITING)}, endpoint.addresses)}
    blocks = {"": _REFUSING, **{domain: _forward(targets, _TRYING) for domain, targets in endpoint.forwards.items()}}
    return {COREFILE: _corefile(blocks, [on_backbone])}


def _corefile(blocks: Mapping[str, str], listen: Sequence[str], before: Sequence[str] = ()) -> str:
    """Return a server block for each domain, and ahead of each one with each of the bodies `before`."""
    bind = f"    bind {' '.join(listen)}\n"
    return "".join(
        f"{domain or '.'}:53 {{\n{bind}{each}    errors\n}}\n"
        for domain, body in sorted(blocks.items())
        for each in (*before, body)
    )


def _firewall(filters: Sequence[Filter]) -> Iterator[str]:
    """Yield the body of a block for each kind of response, with the view that takes the names that get it."""
    known = [one for one in filters if one.domains]
    for answer in sorted({_answer(one) for one in known if one.response}):
        decided = "false"
        for one in reversed(known):
            decided = f"(name() matches '{_pattern(one)}' ? {str(_answer(one) == answer).lower()} : {decided})"
        word = answer.partition("\n")[0].split()[-1].strip(".").lower().replace(".", "_")
        yield f"    view {word} {{\n        expr {decided}\n    }}\n    template IN ANY {{\n        {answer}\n    }}\n"


def _answer(one: Filter) -> str:
    """Return what a template answers where a list has the name; empty: it does not."""
    if one.response == "OVERRIDE":
        return f'answer "{{{{ .Name }}}} 60 IN CNAME {one.override}."'
    return {"NXDOMAIN": "rcode NXDOMAIN", "NODATA": "rcode NOERROR"}.get(one.response, "")


def _pattern(one: Filter) -> str:
    """Return what the names of a list match, which end with a dot there."""
    every = "|".join(
        "." if domain == "*" else f"^.+{_literal(domain[1:])}[.]$" if domain[:2] == "*." else f"^{_literal(domain)}[.]$"
        for domain in one.domains
    )
    return f"({every})"


def _literal(name: str) -> str:
    return re.escape(name).replace("\\.", "[.]").replace("\\-", "-")


def _public(names: VpcNames) -> str:
    """Return what answers names that are of no zone and no rule."""
    if not names.public:
        return _OWN_NAMES + _CLOSED
    known = "".join(
        f"    template IN A {{\n        match ^{_literal(host)}[.]$\n{_answers(addresses)}        fallthrough\n    }}\n"
        for host, addresses in names.public_hosts.items()
        if addresses
    )
    others = f"    template IN A {{\n{_answers(PUBLIC_ADDRESSES)}    }}\n"
    return _OWN_NAMES + known + _RESERVED_NAMES + others + _NO_RECORDS


def _answers(addresses: Sequence[str]) -> str:
    return "".join(f'        answer "{{{{ .Name }}}} 60 IN A {address}"\n' for address in addresses)


def _hosts(host: str, addresses: Sequence[str]) -> str:
    lines = "".join(f"        {address} {host}\n" for address in addresses)
    return f"    hosts {{\n{lines}        ttl 60\n    }}\n"


def _file(zone: str, folder: Path) -> str:
    return f"    file {folder / f'db.{zone}'} {zone}\n"


def _forward(addresses: Sequence[str], options: Sequence[str]) -> str:
    """Ask these addresses one after the other; without any, nobody answers."""
    if not addresses:
        return _SILENT
    lines = "".join(f"        {each}\n" for each in ("policy sequential", *options))
    return f"    forward . {' '.join(addresses)} {{\n{lines}    }}\n"


def _unforwarded(domain: str, names: VpcNames, folder: Path) -> str:
    """Return what answers below a SYSTEM rule: the longest zone that the domain belongs to, or public DNS."""
    zones = [zone for zone in names.zones if domain == zone or domain.endswith(f".{zone}")]
    return _file(max(zones, key=len), folder) if zones else _public(names)

"""What CoreDNS is configured with where it plays a VPC's resolver or a Resolver endpoint.

The longest domain of a server block decides, as it does among Route 53's rules and zones; a rule's block takes the
place of a zone's of the same name. Public DNS is made of templates: public names and instances' private names
(`ip-10-0-1-5.eu-west-1.compute.internal`) have addresses, reserved names have none.
Sources: Route 53 Developer Guide, "How Resolver endpoints forward DNS queries from your VPCs to your network"; the
pages of CoreDNS's plugins file, forward, hosts, template and erratic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lab.vpc_names import EndpointNames, VpcNames

_PUBLIC = """\
    template IN A {
        match ^ip-(?P<a>[0-9]+)-(?P<b>[0-9]+)-(?P<c>[0-9]+)-(?P<d>[0-9]+)[.].*compute[.]internal[.]$
        answer "{{ .Name }} 60 IN A {{ .Group.a }}.{{ .Group.b }}.{{ .Group.c }}.{{ .Group.d }}"
        fallthrough
    }
    template IN ANY {
        match [.](local|internal|invalid|test|localhost|example|corp|lan)[.]$
        match ^[^.]*[.]$
        match [.][^.]*[0-9][^.]*[.]$
        rcode NXDOMAIN
        fallthrough
    }
    template IN A {
        answer "{{ .Name }} 60 IN A 54.239.28.85"
        answer "{{ .Name }} 60 IN A 52.94.236.248"
        answer "{{ .Name }} 60 IN A 205.251.242.103"
    }
    template IN ANY {
        rcode NOERROR
    }
"""
_SILENT = "    erratic {\n        drop 1\n    }\n"
_REFUSING = "    template IN ANY {\n        rcode REFUSED\n    }\n"
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
    files = {
        f"db.{zone}": _ZONE.format(zone=zone, records="\n".join((*lines, ""))) for zone, lines in names.zones.items()
    }
    blocks = {"": _PUBLIC}
    blocks |= {host: _hosts(host, addresses) for host, addresses in names.hosts.items()}
    blocks |= {zone: _file(zone, folder) for zone in names.zones}
    blocks |= {domain: _unforwarded(domain, names, folder) for domain in names.excepted}
    blocks |= {domain: _forward([address_of(endpoint)]) for domain, endpoint in names.forwards.items()}
    return {COREFILE: _corefile(blocks, listen), **files}


def endpoint_files(endpoint: EndpointNames, vpc_resolver: str, on_backbone: str) -> dict[str, str]:
    """Return the files of an endpoint: an inbound one asks the VPC's resolver, an outbound one the rules' targets.

    `on_backbone`: the address at which an outbound one is asked.
    """
    if endpoint.forwards is None:
        return {COREFILE: _corefile({"": _forward([vpc_resolver])}, endpoint.addresses)}
    blocks = {"": _REFUSING, **{domain: _forward(targets) for domain, targets in endpoint.forwards.items()}}
    return {COREFILE: _corefile(blocks, [on_backbone])}


def _corefile(blocks: Mapping[str, str], listen: Sequence[str]) -> str:
    bind = f"    bind {' '.join(listen)}\n"
    return "".join(f"{domain or '.'}:53 {{\n{bind}{body}    errors\n}}\n" for domain, body in sorted(blocks.items()))


def _hosts(host: str, addresses: Sequence[str]) -> str:
    lines = "".join(f"        {address} {host}\n" for address in addresses)
    return f"    hosts {{\n{lines}        ttl 60\n    }}\n"


def _file(zone: str, folder: Path) -> str:
    return f"    file {folder / f'db.{zone}'} {zone}\n"


def _forward(addresses: Sequence[str]) -> str:
    """Ask these addresses one after the other; without any, nobody answers."""
    if not addresses:
        return _SILENT
    return f"    forward . {' '.join(addresses)} {{\n        policy sequential\n        max_fails 0\n    }}\n"


def _unforwarded(domain: str, names: VpcNames, folder: Path) -> str:
    """Return what answers below a SYSTEM rule: the longest zone that the domain belongs to, or public DNS."""
    zones = [zone for zone in names.zones if domain == zone or domain.endswith(f".{zone}")]
    return _file(max(zones, key=len), folder) if zones else _PUBLIC

from __future__ import annotations

import pytest

from bot.domain.json_values import RawObject
from bot.kubernetes.dns_service import PROXY_NAME, KnownBy, Service, find_dns_service, may_be_a_service, tenth_address

TENTH = "172.20.0.10"


def service(name: str, address: str, *, namespace: str = "kube-system", port: int = 53, label: str = "dns") -> Service:
    """Return a Service as the API answers it, read."""
    raw: RawObject = {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "clusterIP": address,
            "clusterIPs": [address],
            "selector": {"k8s-app": label},
            "ports": [{"port": port, "protocol": "UDP"}],
        },
    }
    return Service.of(raw)


USUAL = service("kube-dns", TENTH, label="kube-dns")
MOVED = service("kube-dns", "172.20.87.33", label="kube-dns")
CHART = service("coredns", TENTH, label="coredns")
FAR = service("resolver", "172.20.3.53", namespace="dns")
UPSTREAM = service("kube-dns-upstream", "172.20.9.9", label="kube-dns")
UPSTREAM_OF_CHART = service("node-local-dns-upstream", "172.20.9.8", label="kube-dns")
METRICS = service("coredns-metrics", "172.20.4.4", port=9153)
HEADLESS = service("peers", "None")


@pytest.mark.parametrize(
    ("services", "asked", "tenth", "named", "known_by"),
    [
        ([METRICS, USUAL], [TENTH], TENTH, USUAL, KnownBy.ASKED),
        ([METRICS, CHART], [TENTH], TENTH, CHART, KnownBy.ASKED),
        ([USUAL, FAR], ["172.20.3.53"], TENTH, FAR, KnownBy.ASKED),
        ([USUAL, CHART, UPSTREAM], ["169.254.20.10"], TENTH, USUAL, KnownBy.TENTH),
        ([MOVED, CHART], [], TENTH, CHART, KnownBy.TENTH),
        ([MOVED, UPSTREAM], [TENTH], TENTH, MOVED, KnownBy.NAME),
        ([service("a", "172.20.1.1", label="kube-dns"), service("b", "172.20.1.2"), UPSTREAM], [TENTH], TENTH,
         service("a", "172.20.1.1", label="kube-dns"), KnownBy.UPSTREAM),
        ([METRICS, service("coredns", "172.20.87.33")], [TENTH], "", service("coredns", "172.20.87.33"), KnownBy.ALONE),
        ([UPSTREAM], [TENTH], TENTH, None, None),
        ([UPSTREAM_OF_CHART], [TENTH], TENTH, None, None),
        ([FAR, METRICS], [TENTH], TENTH, None, None),
        ([HEADLESS, service("x", "172.20.1.1")], [], "", None, None),
        ([], [], "", None, None),
    ],
    ids=["usual", "chart", "elsewhere", "nodelocal asked", "tenth before the usual name", "moved",
         "by nodelocal's pods", "the only one", "nodelocal's own is none", "nor its chart's", "another namespace's",
         "two to choose from", "nothing"],
)  # fmt: skip
def test_dns_service_is_the_one_that_pods_ask(
    services: list[Service], asked: list[str], tenth: str, named: Service | None, known_by: KnownBy | None
) -> None:
    """What pods ask comes first, then what EKS tells nodes; a name decides only where no address does."""
    found = find_dns_service(services, asked, tenth)

    assert (found.service, found.known_by) == (named, known_by)


def test_others_are_those_that_may_be_dns_as_well() -> None:
    """Beside a found one only those with the same pods; where none was found all on port 53 but NodeLocal's own."""
    twin, stranger = service("dns", "172.20.0.53", label="kube-dns"), service("pihole", "172.20.0.54")

    assert find_dns_service([USUAL, twin, stranger, UPSTREAM], [TENTH], TENTH).others == (twin,)
    assert find_dns_service([twin, stranger, METRICS, FAR], [TENTH], TENTH).others == (twin, stranger)


@pytest.mark.parametrize(
    ("cidr", "tenth"), [("172.20.0.0/16", TENTH), ("fd12:3456::/108", "fd12:3456::a"), ("", "")], ids=str
)
def test_tenth_address_of_a_service_cidr(cidr: str, tenth: str) -> None:
    """The one that EKS tells nodes, in both families."""
    assert tenth_address(cidr) == tenth


def test_link_local_addresses_are_no_services() -> None:
    """NodeLocal DNSCache and Auto Mode's resolver are on the node itself."""
    asked = ["169.254.20.10", "fe80::1%eth0", "127.0.0.53", "172.20.0.10", "fd12::a"]

    assert [one for one in asked if may_be_a_service(one)] == ["172.20.0.10", "fd12::a"]


def test_a_service_that_kube_proxy_leaves_to_another_proxy_names_it() -> None:
    """By the label's value, whatever it is."""
    metadata = {"namespace": "kube-system", "name": "kube-dns", "labels": {PROXY_NAME: "mesh"}}

    assert Service.of({"metadata": metadata, "spec": {}}).proxy == "mesh"
    assert not USUAL.proxy

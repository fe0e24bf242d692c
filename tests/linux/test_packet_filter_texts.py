"""`iptables-save` of both variants, kube-proxy's table of nftables, IPVS in both forms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import SourceGarbled
from bot.linux.iptables_save import Variant, parse_saved_rules
from bot.linux.ipvs import parse_virtual_servers
from bot.linux.nft_ruleset import parse_nft_services
from bot.linux.service_rules import ServiceRule, service_rules
from tests.linux.printed_texts import printed

SAVED = ("iptables-nft.txt", "iptables-nft-counters.txt", "iptables-legacy.txt")


@pytest.mark.parametrize("name", SAVED)
def test_nodelocals_rules_are_read_from_each_variant(name: str) -> None:
    """NOTRACK in raw and ACCEPT in filter, with their addresses (B3); newer versions write `CT --notrack`."""
    saved = parse_saved_rules(printed(name))

    first, _, last = saved.table("raw").rules
    assert (first.chain, first.target, first.destination, first.destination_ports, first.protocol) == (
        "PREROUTING", "NOTRACK", "172.20.0.10", "53", "udp",
    )  # fmt: skip
    assert (last.chain, last.source, last.source_ports) == ("OUTPUT", "169.254.20.10", "8080")
    assert first.comment == "NodeLocal DNS Cache: skip conntrack"
    accepted = saved.table("filter").of_chain("INPUT")[0]
    assert (accepted.target, accepted.destination) == ("ACCEPT", "172.20.0.10")
    assert saved.table("mangle").rules == ()


def test_the_header_tells_the_variant() -> None:
    """One that names none is the legacy one, or older than both."""
    variants = {name: parse_saved_rules(printed(name)).variant for name in (*SAVED, "iptables-1.8.4.txt")}

    assert variants == {
        "iptables-nft.txt": Variant.NF_TABLES, "iptables-nft-counters.txt": Variant.NF_TABLES,
        "iptables-legacy.txt": Variant.LEGACY, "iptables-1.8.4.txt": Variant.LEGACY,
    }  # fmt: skip


@pytest.mark.parametrize("name", SAVED)
def test_where_a_cluster_ip_leads_is_followed_through_kube_proxys_chains(name: str) -> None:
    """A Service's chain without endpoints leads nowhere."""
    assert service_rules(parse_saved_rules(printed(name)).table("nat")) == (
        ServiceRule(
            address="172.20.0.10", protocol="udp", port=53, name="kube-system/kube-dns:dns",
            backends=("10.0.1.7:53", "10.0.2.9:53"),
        ),
        ServiceRule(address="172.20.0.10", protocol="tcp", port=53, name="kube-system/kube-dns:dns-tcp"),
    )  # fmt: skip


def test_inverted_matches_quotes_and_lists_of_ports_are_read() -> None:
    """As iptables 1.8.9 printed them."""
    rule = '-A OUTPUT ! -d 10.0.0.0/8 -p udp -m multiport --dports 53,8080 -m comment --comment "it \\"says\\"" -j X'

    (found,) = parse_saved_rules(f"*nat\n:OUTPUT ACCEPT [0:0]\n{rule}\nCOMMIT\n").table("nat").rules

    assert (found.destination, found.destination_ports) == ("! 10.0.0.0/8", "53,8080")
    assert (found.comment, found.target, found.text) == ('it "says"', "X", rule)


def test_notrack_has_two_spellings() -> None:
    """The target NOTRACK, and CT with an option, as iptables prints what was laid so."""
    text = "*raw\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p udp -m udp --sport 53 -j CT --notrack\nCOMMIT\n"

    (found,) = parse_saved_rules(text).table("raw").rules

    assert (found.target, found.source_ports) == ("NOTRACK", "53")


def test_tables_of_the_legacy_variant_beside_are_told() -> None:
    """Standard error says so; standard output may be empty then."""
    saved = parse_saved_rules("", "# Warning: iptables-legacy tables present, use iptables-legacy-save to see them\n")

    assert (saved.variant, saved.tables, saved.more_in_legacy) == (Variant.NF_TABLES, (), True)


@pytest.mark.parametrize("name", SAVED)
@given(share=st.floats(0.05, 0.97))
def test_rules_that_are_cut_are_no_evidence(name: str, share: float) -> None:
    """A cut between two tables cannot be seen; one within a table or a line can."""
    text = printed(name)
    cut = text[: int(len(text) * share)]
    if cut.endswith(("COMMIT\n", "\n")) and cut.count("\n*") + cut.startswith("*") == cut.count("COMMIT\n"):
        return

    with pytest.raises(SourceGarbled):
        parse_saved_rules(cut)


def test_kube_proxys_nftables_are_followed_to_the_endpoints() -> None:
    """Elements with and without a comment; what has no endpoint stands in another map, and is no service here."""
    assert parse_nft_services(printed("nft-kube-proxy.txt")) == (
        ServiceRule(
            address="172.20.0.10", protocol="udp", port=53, name="kube-system/kube-dns:dns",
            backends=("10.0.1.7:53", "10.0.2.9:53"),
        ),
        ServiceRule(
            address="172.20.0.1", protocol="tcp", port=443, name="default/kubernetes:https", backends=("10.0.0.4:443",)
        ),
    )  # fmt: skip


@given(share=st.floats(0.01, 0.99))
def test_an_nftables_table_that_is_cut_is_no_evidence(share: float) -> None:
    """It ends with the bracket that it began with."""
    text = printed("nft-kube-proxy.txt")

    with pytest.raises(SourceGarbled):
        parse_nft_services(text[: int((len(text) - 2) * share)])


@pytest.mark.parametrize("text", ["", "table ip nat {\n}\n", "Error: No such file or directory\n", "}\n"])
def test_what_is_no_table_of_kube_proxys_is_refused(text: str) -> None:
    """Nothing is concluded from it."""
    with pytest.raises(SourceGarbled):
        parse_nft_services(text)


def test_ipvs_is_read_in_ipvsadms_form() -> None:
    """A server without backends is there and leads nowhere; one by a mark has no address."""
    found = {
        (one.address, one.protocol, one.port): one.backends for one in parse_virtual_servers(printed("ipvsadm.txt"))
    }

    assert found["10.96.0.10", "udp", 53] == ()
    assert found["10.111.41.16", "tcp", 80] == ("10.244.1.53:80", "10.244.2.152:80")
    assert found["fd00:10:96::a", "tcp", 53] == ("[fd00:10:244::5]:53",)
    assert len(found) == 6


def test_ipvs_is_read_in_the_kernels_form() -> None:
    """Addresses and ports in hexadecimal."""
    found = {
        (one.address, one.protocol, one.port): one.backends for one in parse_virtual_servers(printed("proc-ip-vs.txt"))
    }

    assert found == {
        ("172.16.29.100", "tcp", 21): ("172.16.32.20:21", "172.16.32.21:21"),
        ("10.96.0.10", "udp", 53): ("10.244.1.5:53",),
        ("fd00:10:96::a", "tcp", 53): ("[fd00:10:244::5]:53",),
    }


@pytest.mark.parametrize("text", ["", "TCP  10.96.0.10:53 rr\n", "IP Virtual Server version 1.2.1 (size=4096)\nbad\n"])
def test_what_is_not_ipvss_is_refused(text: str) -> None:
    """A text without its head may be the rest of one."""
    with pytest.raises(SourceGarbled):
        parse_virtual_servers(text)

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dns.node_local_corefile import NO_SERVICE, filled, is_link_local, placeholders, read_node_local_corefile

TEMPLATE = """cluster.local:53 {
    bind __PILLAR__LOCAL__DNS__ __PILLAR__DNS__SERVER__
    forward . __PILLAR__CLUSTER__DNS__ {
        force_tcp
    }
}
.:53 {
    bind __PILLAR__LOCAL__DNS__ __PILLAR__DNS__SERVER__
    forward . __PILLAR__UPSTREAM__SERVERS__
}
"""
BOTH = ("169.254.20.10", "172.20.0.10")


def test_node_cache_replaces_four_placeholders_itself() -> None:
    """Their literals in the ConfigMap are normal: what runs has addresses in their places, each once."""
    read = read_node_local_corefile(filled(TEMPLATE, BOTH, "172.20.9.9"))

    assert read.left == ()
    assert read.binds == BOTH
    assert [(one.zones, one.targets, one.force_tcp) for one in read.forwards] == [
        (("cluster.local.",), ("172.20.9.9",), True),
        ((".",), ("/etc/resolv.conf",), False),
    ]
    assert [one.serves_root for one in read.forwards] == [False, True]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("__PILLAR__DNS__DOMAIN__:53 {\n}\n", ("__PILLAR__DNS__DOMAIN__ in line 1",)),
        ("# __PILLAR__DNS__DOMAIN__\n.:53 {\n}\n", ()),
        (".:53 {\n  bind __PILLAR__LOCAL__DNS__\n}\n", ("__PILLAR__LOCAL__DNS__ in line 2",)),
    ],
    ids=["the domain", "in a comment", "where another program reads it"],
)
def test_what_nobody_replaces_is_named_with_its_line(text: str, left: tuple[str, ...]) -> None:
    """The domain is the operator's to replace, and so is everything where node-cache does not read the file."""
    assert read_node_local_corefile(text).left == left


def test_a_missing_upstream_service_shows_as_node_cache_writes_it() -> None:
    """Its environment names no address: Go prints nothing else of a nil IP."""
    read = read_node_local_corefile(filled(TEMPLATE, BOTH, NO_SERVICE))

    assert read.forwards[0].targets == ("<nil>",)


@pytest.mark.parametrize(
    ("first", "second", "port"),
    [("prometheus :9253", "prometheus :9253", 9253), ("prometheus", "prometheus", 9153), ("prometheus :9253", "", 0)],
)
def test_what_it_counts_is_shown_where_all_blocks_say(first: str, second: str, port: int) -> None:
    """A block without the plugin answers uncounted."""
    text = f"a.:53 {{\n    {first}\n}}\n.:53 {{\n    {second}\n}}\n"

    assert read_node_local_corefile(text).metrics_port == port


def test_a_block_without_bind_listens_everywhere() -> None:
    """Of plain DNS; blocks of other transports are no pods'."""
    assert read_node_local_corefile(".:53 {\n}\n").binds_everything
    assert not read_node_local_corefile(".:53 {\n bind 169.254.20.10\n}\ntls://.:853 {\n}\n").binds_everything


@pytest.mark.parametrize(
    ("address", "expected"),
    [("169.254.20.10", True), ("fe80::1%eth0", True), ("172.20.0.10", False), ("nonsense", False)],
)
def test_link_local_addresses_are_told_apart(address: str, expected: bool) -> None:  # noqa: FBT001  # a table
    """By their range, whatever follows a percent sign; what is no address is none."""
    assert is_link_local(address) is expected


@given(st.text(alphabet=st.sampled_from("_PILARDNSOCE\n #{}.:53ab"), max_size=200))
def test_reading_is_total(text: str) -> None:
    """Any text gives an answer, and each placeholder that it lists stands in it."""
    read_node_local_corefile(text)

    assert all(one.partition(" ")[0] in text for one in placeholders(text))

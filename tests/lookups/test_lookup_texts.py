from __future__ import annotations

import string
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dns.host_names import valid_host_name
from bot.dns.lookup_tools import ToolAnswer, dig_arguments, nslookup_arguments, read_dig, read_nslookup
from bot.dns.resolv_conf import ResolvConf, parse_resolv_conf
from bot.domain.lookups import Answer, Transport
from bot.domain.ports import ExecResult
from bot.errors import SourceGarbled
from bot.linux.programs import program_missing
from tests.lookups.conftest import printed

HEADER = ";; Got answer:\n;; ->>HEADER<<- opcode: QUERY, status: {}, id: 51\n;; flags: qr aa rd; QUERY: 1, ANSWER: {}\n"
DIG = [
    (
        "answered",
        HEADER.format("NOERROR", 1) + ";; ANSWER SECTION:\nk.default. 5 IN A 172.20.0.1\n",
        0,
        Answer.ANSWERED,
    ),
    ("CNAME only", HEADER.format("NOERROR", 1) + ";; ANSWER SECTION:\na. 5 IN CNAME b.\n", 0, Answer.NXDOMAIN),
    ("no data", HEADER.format("NOERROR", 0), 0, Answer.NXDOMAIN),
    ("NXDOMAIN", HEADER.format("NXDOMAIN", 0), 0, Answer.NXDOMAIN),
    ("SERVFAIL", HEADER.format("SERVFAIL", 0), 0, Answer.SERVFAIL),
    ("REFUSED", HEADER.format("REFUSED", 0), 0, Answer.REFUSED),
    ("older time-out", ";; connection timed out; no servers could be reached\n", 9, Answer.TIMED_OUT),
    (
        "newer time-out",
        ";; communications error to 172.20.0.10#53: timed out\n;; no servers could be reached\n",
        9,
        Answer.TIMED_OUT,
    ),
    ("TCP time-out", ";; Connection to 172.20.0.10#53(172.20.0.10) for a. failed: timed out.\n", 9, Answer.TIMED_OUT),
    ("TCP refused", ";; Connection to 10.0.1.5#53(10.0.1.5) for a. failed: connection refused.\n", 9, Answer.REFUSED),
    (
        "newer refused",
        ";; communications error to 10.0.1.5#53: connection refused\n;; no servers could be reached\n",
        9,
        Answer.REFUSED,
    ),
    ("unreachable", ";; Connection to 10.0.1.5#53(10.0.1.5) for a. failed: host unreachable.\n", 9, Answer.TIMED_OUT),
    ("nothing", "", 1, Answer.NOT_ASKED),
    ("a usage text", "Invalid option: +noal\n", 1, Answer.NOT_ASKED),
]


@pytest.mark.parametrize(("text", "exit_code", "expected"), [row[1:] for row in DIG], ids=[row[0] for row in DIG])
def test_what_dig_prints(text: str, exit_code: int, expected: Answer) -> None:
    """Answers, refusals and silence are told apart; what is none of them says nothing about DNS."""
    assert read_dig(printed(text, exit_code)).answer is expected


SERVER = "Server:\t\t172.20.0.10\nAddress:\t172.20.0.10#53\n\n"
NSLOOKUP = [
    ("BIND answered", SERVER + "Name:\tk.default\nAddress: 172.20.0.1\n", Answer.ANSWERED),
    (
        "BIND external",
        SERVER + "Non-authoritative answer:\nName:\tamazon.com\nAddress: 205.251.242.103\n",
        Answer.ANSWERED,
    ),
    ("BIND NXDOMAIN", SERVER + "** server can't find nope.: NXDOMAIN\n", Answer.NXDOMAIN),
    ("BIND SERVFAIL", SERVER + "** server can't find amazon.com: SERVFAIL\n", Answer.SERVFAIL),
    ("BIND REFUSED", SERVER + "** server can't find amazon.com: REFUSED\n", Answer.REFUSED),
    ("BIND time-out", ";; connection timed out; no servers could be reached\n", Answer.TIMED_OUT),
    ("BIND no answer", SERVER + "*** Can't find k.default: No answer\n", Answer.NXDOMAIN),
    (
        "busybox answered, no AAAA",
        (
            "Server:\t\t172.20.0.10\nAddress:\t172.20.0.10:53\n\nName:\tk.default\nAddress: 172.20.0.1\n\n"
            "*** Can't find k.default: No answer\n"
        ),
        Answer.ANSWERED,
    ),
    (
        "old busybox answered",
        "Server:    172.20.0.10\nAddress 1: 172.20.0.10 kube-dns\n\nName:      k\nAddress 1: 172.20.0.1 k\n",
        Answer.ANSWERED,
    ),
    ("old busybox absent", "nslookup: can't resolve 'nope': Name does not resolve\n", Answer.NXDOMAIN),
    ("old busybox silent", "nslookup: can't resolve 'a': Try again\n", Answer.TIMED_OUT),
    ("old busybox says no why", "nslookup: can't resolve 'a'\n", Answer.SERVFAIL),
    ("the server's own address only", SERVER, Answer.NOT_ASKED),
]


@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in NSLOOKUP], ids=[row[0] for row in NSLOOKUP])
def test_what_nslookup_prints(text: str, expected: Answer) -> None:
    """BIND's and both busybox' outputs; the server's address is no answer."""
    assert read_nslookup(printed(text, 1)).answer is expected


def test_an_ipv6_cluster_answers_without_an_a_record() -> None:
    """Its own names have AAAA records only, and A is what is asked."""
    assert read_dig(printed(HEADER.format("NOERROR", 0)), server="fd00::a").answer is Answer.ANSWERED


@pytest.mark.parametrize(
    ("result", "missing"),
    [
        pytest.param(printed("", 127, 'exec: "dig": executable file not found in $PATH: unknown'), True, id="C5"),
        pytest.param(printed("", 126, "OCI runtime exec failed"), True, id="exit code 126"),
        pytest.param(printed("", 127), True, id="exit code 127"),
        pytest.param(printed("", 9, ""), False, id="dig without an answer"),
        pytest.param(
            printed("", 1, "cat: can't open '/etc/resolv.conf': No such file or directory"), False, id="no file"
        ),
    ],
)
def test_a_missing_program_is_told_from_a_failed_one(result: ExecResult, missing: bool) -> None:  # noqa: FBT001  # a table
    """Only the first asks for another image."""
    assert program_missing(result) is missing


@pytest.mark.parametrize("read", [read_dig, read_nslookup])
def test_a_cut_output_is_not_read(read: Callable[[ExecResult], ToolAnswer]) -> None:
    """The line that matters may stand in what was not kept."""
    with pytest.raises(SourceGarbled, match="printed more than is kept"):
        read(printed(HEADER.format("NOERROR", 0), cut=True))


def test_the_argument_lists_are_fixed() -> None:
    """Exactly what the far ends know."""
    expected = ["dig", "+time=2", "+tries=1", "+noall", "+comments", "+answer", "+tcp", "@172.20.0.10", "a.b.", "A"]

    assert list(dig_arguments("172.20.0.10", "a.b.", Transport.TCP)) == expected
    assert list(dig_arguments("172.20.0.10", "a.b.", Transport.UDP)) == [*expected[:6], *expected[7:]]
    assert list(nslookup_arguments("172.20.0.10", "a.b.")) == ["nslookup", "a.b.", "172.20.0.10"]


@given(st.text(max_size=30), st.text(max_size=300))
def test_no_text_becomes_an_argument_unless_it_is_a_name_and_an_address(server: str, name: str) -> None:
    """What is no IP address or no host name never reaches a program."""
    try:
        arguments = dig_arguments(server, name, Transport.UDP)
    except ValueError:
        return
    assert valid_host_name(name)
    assert arguments[-2] == name


LABEL = st.text(string.ascii_letters + string.digits, min_size=1, max_size=63)


@given(st.lists(LABEL, min_size=1, max_size=3), st.booleans())
def test_names_of_letters_and_digits_are_valid(labels: list[str], dotted: bool) -> None:  # noqa: FBT001  # hypothesis
    """With and without a trailing dot."""
    assert valid_host_name(".".join(labels) + "." * dotted)


@given(st.text(max_size=300))
def test_a_valid_name_holds_nothing_but_ldh_labels(text: str) -> None:
    """No option, no server, no shell character, no line break, no empty or long label."""
    if valid_host_name(text):
        assert set(text) <= set(string.ascii_letters + string.digits + "-.")
        assert all(0 < len(label) <= 63 for label in text.removesuffix(".").split("."))
        assert not any(label.startswith("-") or label.endswith("-") for label in text.split("."))
        assert len(text) <= 254


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a..b",
        "-x",
        "@172.20.0.10",
        "+tcp",
        "a b",
        "a;b",
        "a\n",
        "$(id)",
        "a_b",
        "x" * 64,
        "é.fr",
        ".a",
        "a.-b",
    ],
    ids=repr,
)
def test_what_is_no_host_name(text: str) -> None:
    """Each would mean something else to a tool."""
    assert not valid_host_name(text)


def test_the_longest_name() -> None:
    """253 characters, and one more for the dot."""
    name = ".".join(["a" * 63] * 3 + ["a" * 61])

    assert valid_host_name(name)
    assert valid_host_name(f"{name}.")
    assert not valid_host_name(f"{name}a")


def test_a_pods_resolv_conf() -> None:
    """C6, as a kubelet writes it."""
    search = "search shop.svc.cluster.local svc.cluster.local cluster.local ec2.internal"
    text = f"{search}\nnameserver 172.20.0.10\noptions ndots:5\n"

    found = parse_resolv_conf(text)

    assert found == ResolvConf(
        nameservers=("172.20.0.10",),
        search=("shop.svc.cluster.local", "svc.cluster.local", "cluster.local", "ec2.internal"),
        ndots=5,
    )
    assert found.cluster_domain == "cluster.local"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("# nameserver 1.1.1.1\n; search x\n", ResolvConf(), id="comments"),
        pytest.param("nameserver dns.example\nnameserver fe80::1%eth0\n", ResolvConf(), id="no addresses"),
        pytest.param("search a b\ndomain c\n", ResolvConf(search=("c",)), id="the last of search and domain"),
        pytest.param("options edns0 ndots:99\n", ResolvConf(ndots=15), id="more than the C library takes"),
        pytest.param("options ndots:two ndots:\n", ResolvConf(), id="no number"),
        pytest.param("nameserver\nnameserver ::1\r\n", ResolvConf(nameservers=("::1",)), id="half a line"),
    ],
)
def test_odd_lines(text: str, expected: ResolvConf) -> None:
    """Passed over as the C library does."""
    assert parse_resolv_conf(text) == expected


@given(st.lists(st.ip_addresses(v=4), max_size=4), st.integers(0, 15), st.text())
def test_what_is_written_is_read(addresses: list[object], ndots: int, noise: str) -> None:
    """Servers in order and ndots, whatever comment stands between."""
    comment = "# " + " ".join(noise.split())
    text = "\n".join([comment, *(f"nameserver {address}" for address in addresses), f"options ndots:{ndots}"])

    found = parse_resolv_conf(text)

    assert found.nameservers == tuple(map(str, addresses))
    assert found.ndots == ndots


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    """No output of a program in a pod breaks the parsers."""
    parse_resolv_conf(text)
    read_dig(printed(text))
    read_nslookup(printed(text))

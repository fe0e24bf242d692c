"""Failed queries of every kind and number: when an upstream is down, when it is open, when other answers count."""

from __future__ import annotations

from typing import Any

import pytest

from bot.collectors.corefile import Corefile
from bot.domain.evidence import Gap
from bot.domain.findings import Judgement, Verdict
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer
from bot.kubernetes.coredns import ConfigMapMount, CorednsSetup
from bot.rules.coredns_upstream_unreachable import RULE as UPSTREAM

A = "10.0.1.7"
NONE_LOOKED_UP = None
WELL = ((A, "inside", Answer.ANSWERED), (A, "outside", Answer.ANSWERED))
DEAD = ((A, "inside", Answer.ANSWERED), (A, "outside", Answer.SERVFAIL))
PROBLEM, UNKNOWN, HEALTHY = Verdict.PROBLEM, Verdict.UNKNOWN, Verdict.HEALTHY


def log_of(reason: str, times: int) -> str:
    """Return so many failed queries, one a second from 08:55 on."""
    return "".join(
        f"2026-11-21T08:{55 + at // 60}:{at % 60:02}Z [ERROR] plugin/errors: 2 a.example. A: {reason}\n"
        for at in range(times)
    )


def judged(judge: Any, make: Any, text: str, answers: Any, *more: object) -> Judgement:
    """Judge one pod's log beside these lookups; None: none could be made."""
    gaps = {LookupMatrix: Gap(what="lookups", reason="no workload_selector")} if answers is None else {}
    result: Judgement = judge(
        UPSTREAM, make.coredns_logs({"coredns-a": text}), make.lookups(*(answers or ())), *more, gaps=gaps
    )
    return result


@pytest.mark.parametrize(
    ("reason", "unseen", "dead", "well"),
    [
        ("write udp 10.0.1.7:4->10.0.0.2:53: write: operation not permitted", PROBLEM, PROBLEM, HEALTHY),
        ("read tcp 10.0.1.7:4->10.0.0.2:53: read: connection reset by peer", UNKNOWN, PROBLEM, HEALTHY),
        ("dial tcp 10.0.0.2:853: tls: failed to verify certificate: x509: x", PROBLEM, PROBLEM, HEALTHY),
        ("concurrent queries exceeded maximum 1000", UNKNOWN, UNKNOWN, HEALTHY),
        ("no healthy proxies", UNKNOWN, PROBLEM, HEALTHY),
        ("unreachable backend: no upstream host", UNKNOWN, PROBLEM, HEALTHY),
        ("plugin/kubernetes: no next plugin found", UNKNOWN, UNKNOWN, HEALTHY),
        ("EOF", UNKNOWN, PROBLEM, HEALTHY),
        ("context deadline exceeded", UNKNOWN, PROBLEM, HEALTHY),
        ("dns: overflow unpacking uint32", UNKNOWN, UNKNOWN, HEALTHY),
        ("words that no version has had", UNKNOWN, UNKNOWN, UNKNOWN),
    ],
)  # fmt: skip
def test_each_reason_of_a_failed_query_counts(
    judge: Any, make: Any, reason: str, unseen: Verdict, dead: Verdict, well: Verdict
) -> None:
    """Without lookups, with failing and with answered ones: a log of failures is healthy by other answers alone."""
    text = log_of(reason, 1)

    found = [judged(judge, make, text, answers).verdict for answers in (NONE_LOOKED_UP, DEAD, WELL)]

    assert found == [unseen, dead, well]


TIMED_OUT = "read udp 10.0.1.7:4->10.64.0.53:53: i/o timeout"
REFUSED = "write udp 10.0.1.7:4->10.64.0.53:53: write: operation not permitted"
NOBODY_KNOWS = "read udp 10.0.1.7:4->10.64.0.53:53: words that no version has had"


@pytest.mark.parametrize(
    ("reason", "answers", "verdict"),
    [
        (TIMED_OUT, DEAD, PROBLEM),
        (REFUSED, DEAD, PROBLEM),
        (REFUSED, NONE_LOOKED_UP, PROBLEM),
        (TIMED_OUT, NONE_LOOKED_UP, PROBLEM),
        (TIMED_OUT, WELL, UNKNOWN),
        ("concurrent queries exceeded maximum 1000", DEAD, UNKNOWN),
    ],
)
def test_words_that_nobody_knows_hide_nothing_that_is_proved(
    judge: Any, make: Any, reason: str, answers: Any, verdict: Verdict
) -> None:
    """One line of an unknown reason beside others: it makes open what rests on nothing else, and no more."""
    text = log_of(reason, 3) + log_of(NOBODY_KNOWS, 1)

    judgement = judged(judge, make, text, answers)

    assert judgement.verdict is verdict
    assert ("no rule knows" in judgement.summary) is (answers is WELL)


def test_the_advice_names_the_config_map_of_these_pods(judge: Any, make: Any) -> None:
    """Where it was read, where only the pods say which they mount, and where neither tells."""
    logs, dead = make.coredns_logs({"coredns-a": log_of(TIMED_OUT, 3)}), make.lookups(*DEAD)
    mounts = CorednsSetup(container="dns", mounts=(ConfigMapMount(config_map="dns-conf-7f", directory="/etc/coredns"),))
    unread = {Corefile: Gap(what="Corefile", reason="403")}

    read = judge(UPSTREAM, logs, dead, make.corefile(namespace="dns", config_map="chart-coredns"))
    mounted = judge(UPSTREAM, logs, dead, make.coredns_pods(namespace="dns", setup=mounts), gaps=unread)
    unknown = judge(UPSTREAM, logs, dead, make.coredns_pods(namespace="dns"), gaps=unread)

    assert "kubectl -n dns get configmap chart-coredns -o yaml" in read.advice[0]
    assert "kubectl -n dns get configmap dns-conf-7f -o yaml" in mounted.advice[0]
    assert "kubectl -n dns describe pod coredns-a" in unknown.advice[0]


def test_a_packet_that_the_node_does_not_let_out_is_told_in_words(judge: Any, make: Any) -> None:
    """EPERM is no silence of the server: policy, OUTPUT rule and a full table are named."""
    text = log_of("write udp 10.0.1.7:4->10.0.0.2:53: write: operation not permitted", 3)

    judgement = judged(judge, make, text, NONE_LOOKED_UP)

    assert "The node's own kernel does not let the packets out: a network policy" in judgement.summary
    assert judgement.details["kinds"] == ["operation not permitted"]
    assert "networkpolicies" in judgement.advice[0]


@pytest.mark.parametrize(
    ("server", "times", "verdict", "words"),
    [
        ("10.0.0.2", 200, UNKNOWN, "drops what exceeds its limit of packets a second"),
        ("169.254.169.253", 200, UNKNOWN, "drops what exceeds its limit of packets a second"),
        ("10.64.0.53", 200, UNKNOWN, "under load, or packets are lost"),
        ("10.0.0.2", 19, UNKNOWN, "drops what exceeds its limit of packets a second"),
        ("10.0.0.2", 3, UNKNOWN, "drops what exceeds its limit of packets a second"),
        ("10.0.0.2", 2, HEALTHY, "others were answered"),
    ],
)
def test_failures_among_answers_are_no_health(
    judge: Any, make: Any, server: str, times: int, verdict: Verdict, words: str
) -> None:
    """A diagnosis makes few lookups: that they were answered outweighs a lost packet or two, and no more."""
    text = log_of(f"read udp 10.0.1.7:4->{server}:53: i/o timeout", times)

    judgement = judged(judge, make, text, WELL)

    assert judgement.verdict is verdict
    assert words in judgement.summary


@pytest.mark.parametrize(
    ("vpc_cidr", "server", "verdict"),
    [
        ("10.244.122.64/26", "10.244.122.66", UNKNOWN),
        ("10.244.122.64/26", "10.244.122.2", PROBLEM),
        ("100.64.0.0/16", "100.64.0.2", UNKNOWN),
        ("198.51.100.0/24", "198.51.100.2", UNKNOWN),
    ],
)
def test_the_vpc_resolver_is_known_by_the_vpcs_own_range(
    judge: Any, make: Any, vpc_cidr: str, server: str, verdict: Verdict
) -> None:
    """Base + 2 of the range, whatever the last octet and whether it is private: there a limit is as likely."""
    text = log_of(f"read udp 10.0.1.7:4->{server}:53: i/o timeout", 9)

    assert judged(judge, make, text, NONE_LOOKED_UP, make.subnets(vpc_cidr)).verdict is verdict


def test_a_vpc_whose_ranges_were_not_read_leaves_every_server_open(judge: Any, make: Any) -> None:
    """Subnets without their route tables do not tell which address is the resolver's."""
    text = log_of("read udp 10.0.1.7:4->10.64.0.53:53: i/o timeout", 9)
    unread = make.subnets("2001:db8::/56")

    assert judged(judge, make, text, NONE_LOOKED_UP, unread).verdict is UNKNOWN


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("[ERROR] plugin/forward: words that no version has had", UNKNOWN),
        ("[ERROR] words that no version has had", UNKNOWN),
        ('[ERROR] Recovered from panic in server: "dns://:53" x', UNKNOWN),
        ("[ERROR] plugin/prometheus: Failed to start metrics handler: x", HEALTHY),
        ("[WARNING] words that no version has had", HEALTHY),
    ],
)
def test_an_unknown_error_leaves_open_what_it_may_be_about(judge: Any, make: Any, line: str, verdict: Verdict) -> None:
    """It is counted and shown with its words; what is known to matter nothing changes nothing."""
    judgement = judged(judge, make, f"2026-11-21T08:58:00Z {line}\n", WELL)

    assert judgement.verdict is verdict
    assert (line in "".join(gap.reason for gap in judgement.missing)) is (verdict is UNKNOWN)


@pytest.mark.parametrize(("times", "verdict"), [(2, HEALTHY), (3, UNKNOWN)])
def test_consolidated_line_counts_all_its_queries(judge: Any, make: Any, times: int, verdict: Verdict) -> None:
    """`consolidate` writes one line for many failed queries: they are as many as without it."""
    line = f"[ERROR] plugin/errors: {times} errors like '^read udp .* i/o timeout$' occurred in last 30s"

    judgement = judged(judge, make, f"2026-11-21T08:58:00Z {line}\n", WELL)

    assert judgement.verdict is verdict
    assert f"{times} " in judgement.summary


def test_pods_without_upstream_are_not_called_unready_by_it(judge: Any, make: Any) -> None:
    """A pod that cannot forward stays ready: what else ails it is not explained by that."""
    judgement = judged(judge, make, log_of("read udp 10.0.1.7:4->10.64.0.53:53: i/o timeout", 9), DEAD)

    assert (judgement.verdict, judgement.pods) == (PROBLEM, ())
    assert judgement.details["pods"] == ["coredns-a"]


def test_lines_that_were_not_kept_leave_it_open(judge: Any, make: Any) -> None:
    """More classes of errors than are kept: what the others said is not known."""
    lines = "".join(f"2026-11-21T08:58:00Z [ERROR] plugin/errors: 2 a. A: read udp 10.0.1.7:4->10.9.9.{at}:53: i/o "
                    "timeout\n" for at in range(60))  # fmt: skip

    judgement = judged(judge, make, lines, WELL)

    assert judgement.verdict is UNKNOWN
    assert "10 lines were not judged" in judgement.summary

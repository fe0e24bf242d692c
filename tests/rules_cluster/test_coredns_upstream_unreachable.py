from __future__ import annotations

from typing import Any

import pytest

from bot.collectors.subnets import Subnets
from bot.domain.evidence import Gap
from bot.domain.findings import Judgement, Verdict
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer, Reach
from bot.rules.coredns_upstream_unreachable import RULE as UPSTREAM
from tests.rules_cluster.log_lines import A, B, at

TIMEOUT = "[ERROR] plugin/errors: 2 a.example. A: read udp 10.0.1.7:40310->{server}:53: i/o timeout"
HINFO = "[ERROR] plugin/errors: 2 12.34. HINFO: read udp 10.0.1.7:40310->{server}:53: i/o timeout"
ROUTE = "[ERROR] plugin/errors: 2 . NS: read udp 10.0.1.7:40310->{server}:53: read: no route to host"
ANSWERED = '[INFO] 10.0.1.5:36839 - 14241 "A IN amazon.com. udp 51 false 512" NOERROR qr,rd,ra 51 0.0042s'
INSIDE = ((A, "inside", Answer.ANSWERED), (B, "inside", Answer.ANSWERED))
OUTSIDE_WELL = (*INSIDE, (A, "outside", Answer.ANSWERED), (B, "outside", Answer.ANSWERED))
OUTSIDE_DEAD = (*INSIDE, (A, "outside", Answer.SERVFAIL), (B, "outside", Answer.TIMED_OUT))
UNREACHED = ((A, "inside", Answer.TIMED_OUT), (A, "outside", Answer.TIMED_OUT))


@pytest.mark.parametrize(
    ("line", "server", "times", "answers", "verdict"),
    [
        (TIMEOUT, "10.64.0.53", 4, OUTSIDE_DEAD, Verdict.PROBLEM),
        (TIMEOUT, "10.0.0.2", 1, OUTSIDE_DEAD, Verdict.PROBLEM),
        (HINFO, "10.64.0.53", 1, OUTSIDE_DEAD, Verdict.PROBLEM),
        (TIMEOUT, "10.64.0.53", 2, OUTSIDE_WELL, Verdict.HEALTHY),
        (HINFO, "10.64.0.53", 4, OUTSIDE_WELL, Verdict.HEALTHY),
        (TIMEOUT, "10.64.0.53", 4, None, Verdict.PROBLEM),
        (TIMEOUT, "10.64.0.53", 2, None, Verdict.UNKNOWN),
        (TIMEOUT, "10.0.0.2", 9, None, Verdict.UNKNOWN),
        (TIMEOUT, "169.254.169.253", 9, None, Verdict.UNKNOWN),
        (TIMEOUT, "10.64.0.2", 9, None, Verdict.PROBLEM),
        (TIMEOUT, "10.0.0.2", 9, UNREACHED, Verdict.UNKNOWN),
        (ROUTE, "10.0.0.2", 1, None, Verdict.PROBLEM),
        (HINFO, "10.64.0.53", 9, None, Verdict.UNKNOWN),
        (TIMEOUT, "10.64.0.53", 0, OUTSIDE_WELL, Verdict.HEALTHY),
        (TIMEOUT, "10.64.0.53", 0, None, Verdict.UNKNOWN),
    ],
    ids=[
        "constant, lookups fail",
        "VPC resolver, lookups fail",
        "self-test, lookups fail",
        "some, lookups answer",
        "self-test, lookups answer",
        "many, nothing looked up",
        "two, nothing looked up",
        "VPC resolver may be throttled",
        "link-local resolver may be throttled",
        "base+2 of another network",
        "CoreDNS itself was not reached",
        "no route is no throttling",
        "self-test alone says nothing",
        "quiet",
        "quiet, nothing looked up",
    ],
)
def test_an_upstream_is_unreachable_when_constantly_so(
    judge: Any, make: Any, line: str, server: str, times: int, answers: Any, verdict: Verdict
) -> None:
    """Lookups straight to the pod tell constant from some; without them only what load cannot explain counts."""
    text = "".join(at(f"08:5{minute}", line.format(server=server)) for minute in range(times))
    gaps = {LookupMatrix: Gap(what="lookups", reason="no workload_selector")} if answers is None else {}
    found = make.lookups(*(answers or ()))

    judgement: Judgement = judge(UPSTREAM, make.coredns_logs({"coredns-a": text}), found, gaps=gaps)

    assert judgement.verdict is verdict, judgement.summary
    if line == HINFO and verdict is Verdict.UNKNOWN:
        assert any("only the loop plugin's self-test failed" in gap.reason for gap in judgement.missing)
    if verdict is Verdict.PROBLEM:
        assert server in judgement.summary
        assert judgement.reach == (Reach(servers=frozenset({A}), external_only=True),)
        assert judgement.details["upstreams"] == [server]


def test_without_the_vpc_any_upstream_may_be_its_resolver(judge: Any, make: Any) -> None:
    """Nine time-outs are no proof then; the missing grant is named."""
    text = "".join(at(f"08:5{minute}", TIMEOUT.format(server="10.64.0.53")) for minute in range(9))
    subnets = Gap(what="subnets", reason="403", grant="ec2:DescribeSubnets")
    lookups = Gap(what="lookups", reason="no workload_selector")

    judgement: Judgement = judge(
        UPSTREAM, make.coredns_logs({"coredns-a": text}), gaps={LookupMatrix: lookups, Subnets: subnets}
    )

    assert judgement.verdict is Verdict.UNKNOWN
    assert subnets in judgement.missing


def test_all_pods_cut_off_reach_every_external_name(judge: Any, make: Any) -> None:
    """Both pods: whichever the service chooses, external names fail."""
    text = at("08:58", TIMEOUT.format(server="10.64.0.53"))

    judgement: Judgement = judge(
        UPSTREAM, make.coredns_logs({"coredns-a": text, "coredns-b": text}), make.lookups(*OUTSIDE_DEAD)
    )

    assert judgement.reach == (Reach(external_only=True),)


@pytest.mark.parametrize(
    ("times", "failures", "answers", "verdict"),
    [
        (("08:50", "08:55"), 2, UNREACHED, Verdict.HEALTHY),
        (("08:50", "08:55"), 3, UNREACHED, Verdict.UNKNOWN),
        (("08:50", "08:55"), 2, OUTSIDE_DEAD, Verdict.UNKNOWN),
        (("08:55", "08:50"), 2, OUTSIDE_DEAD, Verdict.PROBLEM),
    ],
)
def test_a_later_upstream_answer_in_the_query_log_contradicts(
    judge: Any, make: Any, times: tuple[str, str], failures: int, answers: Any, verdict: Verdict
) -> None:
    """The `log` plugin shows an answer with `ra` after the failure: not unreachable, unless lookups fail by now."""
    failed, answered = times
    text = "".join(at(failed, TIMEOUT.format(server="10.64.0.53")) for _ in range(failures)) + at(answered, ANSWERED)

    assert judge(UPSTREAM, make.coredns_logs({"coredns-a": text}), make.lookups(*answers)).verdict is verdict


def test_answers_for_other_names_do_not_clear_a_stub_domain(judge: Any, make: Any) -> None:
    """corp.example goes to 10.64.0.53 alone: that amazon.com resolves says nothing about it."""
    text = "".join(at(f"08:5{minute}", TIMEOUT.format(server="10.64.0.53")) for minute in range(4))
    stub = make.corefile(
        ".:53 {\n errors\n forward . /etc/resolv.conf\n}\ncorp.example:53 {\n forward . 10.64.0.53\n}\n"
    )

    judgement: Judgement = judge(UPSTREAM, make.coredns_logs({"coredns-a": text}), make.lookups(*OUTSIDE_WELL), stub)

    assert judgement.verdict is Verdict.PROBLEM


def test_silence_without_the_errors_plugin_says_nothing(judge: Any, make: Any) -> None:
    """No `errors` plugin: only an answered external name shows that upstream works."""
    mute = make.corefile(".:53 {\n forward . /etc/resolv.conf\n}\n")

    assert judge(UPSTREAM, mute, make.lookups(*OUTSIDE_WELL)).verdict is Verdict.HEALTHY
    assert judge(UPSTREAM, mute, make.lookups(*UNREACHED)).verdict is Verdict.UNKNOWN


def test_an_errors_plugin_may_come_from_a_snippet_or_a_file(judge: Any, make: Any) -> None:
    """One in a snippet counts; one in a file that was not read makes it open, with the file's name."""
    snippet = make.corefile("(all) {\n errors\n}\n.:53 {\n import all\n forward . /etc/resolv.conf\n}\n")
    unread = make.corefile(".:53 {\n import more/*.override\n forward . /etc/resolv.conf\n}\n")

    assert judge(UPSTREAM, snippet, make.lookups(*UNREACHED)).verdict is Verdict.HEALTHY
    judgement: Judgement = judge(UPSTREAM, unread, make.lookups(*UNREACHED))
    assert judgement.verdict is Verdict.UNKNOWN
    assert "may have no `errors` plugin (`import more/*.override`" in judgement.summary


def test_old_failures_are_dated(judge: Any, make: Any) -> None:
    """Before the window: HEALTHY, with the time."""
    judgement: Judgement = judge(
        UPSTREAM, make.coredns_logs({"coredns-a": at("07:00", TIMEOUT.format(server="10.64.0.53"))})
    )

    assert judgement.verdict is Verdict.HEALTHY
    assert judgement.proof[0].startswith("2026-11-21T07:00:00Z coredns-a")

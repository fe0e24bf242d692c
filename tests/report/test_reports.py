from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.collectors.eks_addons import EksAddons
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.diagnosis import Binding, ClusterBinding, Diagnosis
from bot.domain.evidence import Collected, Gap, SourceCall
from bot.domain.findings import Finding, FixOffer, Judgement, Kind, Severity, TextFile, Verdict, healthy, unknown
from bot.domain.lookups import EVERYTHING, Answer, Client, ClientKind, Lookup, Reach, Transport
from bot.domain.peers import Peers, SeenPlace
from bot.domain.phrases import timestamp
from bot.domain.places import Peer, Place
from bot.report.brief_words import brief_words
from bot.report.diagnosis_words import diagnosis_words
from bot.report.json_report import json_report
from bot.report.terminal import diagnosis_text

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LOOKUP = Lookup(
    client=Client(node="n2", kind=ClientKind.POD, pod="shop/ui"),
    server="172.20.0.10",
    through_service=True,
    transport=Transport.UDP,
    external=False,
    name="kubernetes.default.svc.cluster.local.",
    answer=Answer.TIMED_OUT,
)
CAUSE = Finding(
    rule="dns_blocked_by_security_group", title="A security group blocks DNS", kind=Kind.CAUSE,
    playbook="security-groups", severity=Severity.CRITICAL, explains=("dns_lookups_fail",),
    evidence=("security_group_rules",),
    judgement=Judgement(
        verdict=Verdict.PROBLEM, summary="4 of 6 pairs are blocked.", proof=("sg-1 has no rule for 53",),
        details={"security_group_id": "sg-1"}, last_failure_at=NOON, reach=(EVERYTHING,),
    ),
    fixes=(FixOffer(fix="authorize_security_group_self_ingress", parameters={"scope": "all"}, risk="medium"),),
)  # fmt: skip
SYMPTOM = Finding(
    rule="dns_lookups_fail", title="Lookups fail", kind=Kind.SYMPTOM, playbook="lookups", severity=Severity.CRITICAL,
    explained_by=("dns_blocked_by_security_group",),
    judgement=Judgement(verdict=Verdict.PROBLEM, summary="12 of 36 failed.", proof=("n2: silent",), failing=(LOOKUP,)),
)  # fmt: skip
WELL = Finding(
    rule="kube_dns_no_endpoints", title="The DNS service has no ready endpoint",
    check="Endpoints of the DNS service", kind=Kind.CAUSE, playbook="coredns", severity=Severity.CRITICAL,
    judgement=healthy("2 of 2 endpoints are ready."),
)  # fmt: skip
BLIND = Finding(
    rule="kube_proxy_forbidden", title="t", check="What kube-proxy may read", kind=Kind.CAUSE,
    playbook="kube-proxy", severity=Severity.CRITICAL,
    judgement=unknown(
        "Could not be checked.",
        Gap(what="logs", reason="403 Forbidden", grant="pods/log: get in namespace kube-system"),
    ),
)  # fmt: skip

LACKING = Finding(
    rule="ndots_amplification", title="t", kind=Kind.CAUSE, playbook="query-log", severity=Severity.WARNING,
    judgement=unknown("Could not be checked.", Gap(what="query_log", reason="the log is off")),
    measures=(FixOffer(fix="enable_log", parameters={"for": "30m"}, risk="low", yields=("query_log",)),),
)  # fmt: skip


def diagnosis(*findings: Finding) -> Diagnosis:
    """Return a diagnosis of these findings, all lookups answered from 3 of 3 nodes."""
    return Diagnosis(
        id="d1", question=Question(cluster="cluster-prod"),
        target=ClusterTarget(name="cluster-prod", eks_name="cluster-prod", region="eu-west-1"), asked_by=None,
        started_at=NOON, took_ms=1830, findings=findings, looked_from="looked from 3 of 3 nodes",
        binding=Binding(account="1", cluster_arn="arn:aws:eks:eu-west-1:1:cluster/p", kube_system_uid="u"),
        evidence=(
            Collected(
                id="security_group_rules", collector="security_group_rules", parameters={}, value=None, gap=None,
                calls=(SourceCall(name="ec2:DescribeSecurityGroupRules"),), collected_at=NOON, took_ms=210,
                summary="4 rules",
            ),
        ),
    )  # fmt: skip


def told(subject: Diagnosis) -> str:
    """Return the report as a terminal shows it."""
    return diagnosis_text(diagnosis_words(subject, at=timestamp))


def test_json_report_has_the_contract_s_names() -> None:
    """Every name of the contract's example stands where scripts look for it."""
    report = json.loads(json.dumps(json_report(diagnosis(CAUSE, SYMPTOM, BLIND, WELL))))

    assert report["schema"] == 1
    assert report["verdict"] == "problem"
    assert report["started_at"] == "2026-11-21T12:00:00Z"
    assert report["root_causes"] == ["dns_blocked_by_security_group"]
    assert report["coverage"] == {
        "ran": 4, "total": 5,
        "unknown": [{
            "rule": "kube_proxy_forbidden", "reason": "403 Forbidden",
            "grant": "pods/log: get in namespace kube-system",
        }],
    }  # fmt: skip
    finding = report["findings"][0]
    assert finding["details"] == {"security_group_id": "sg-1"}
    assert finding["fixes"] == [
        {"fix": "authorize_security_group_self_ingress", "with": {"scope": "all"}, "risk": "medium"}
    ]
    assert report["evidence"][0]["calls"] == ["ec2:DescribeSecurityGroupRules"]


SHARED = Place(name="shared", region="eu-central-1", account="222233334444", vpc_id="vpc-0aaa")
HOME_SEEN = ClusterBinding(
    binding=Binding(account="111122223333", cluster_arn="a", kube_system_uid="u"), vpc_id="vpc-1", matches=True, why=""
)
REFUSED = Gap(
    what=str(SHARED), reason="Cannot call sts:AssumeRole.", grant="sts:AssumeRole on arn:aws:iam::222233334444:role/r"
)


def evidence_of(collector: str, value: object, gap: Gap | None = None) -> Collected:
    """Return what one collector gave."""
    return Collected(
        id=collector, collector=collector, parameters={}, value=value, gap=gap, calls=(), collected_at=NOON, took_ms=1,
        summary="s",
    )  # fmt: skip


def with_peers(*evidence: Collected) -> Diagnosis:
    """Return a healthy diagnosis of a cluster with one peer."""
    seen = diagnosis(WELL)
    target = replace(seen.target, peers=(Peer(place=SHARED),))
    return replace(seen, target=target, evidence=(evidence_of("cluster_binding", HOME_SEEN), *evidence))


ENTERED = evidence_of("peers", Peers(peers=(SeenPlace(place=SHARED, found=SHARED, cidrs=("10.1.0.0/16",)),)))
CLOSED = evidence_of("peers", Peers(peers=(SeenPlace(place=SHARED, found=SHARED, gap=REFUSED),)))
LATE = evidence_of("peers", None, Gap(what="peers", reason="Peer VPCs: no answer within 20 s"))


def test_json_report_lists_the_places() -> None:
    """Those that were looked at with account, region and VPC, and those that could not be, with what to grant."""
    home, shared = json.loads(json.dumps(json_report(with_peers(ENTERED))))["places"]
    _, closed = json.loads(json.dumps(json_report(with_peers(CLOSED))))["places"]

    assert home == {
        "name": "home", "region": "eu-west-1", "account": "111122223333", "vpc_id": "vpc-1", "cidrs": [], "gap": None,
    }  # fmt: skip
    assert shared == {
        "name": "shared", "region": "eu-central-1", "account": "222233334444", "vpc_id": "vpc-0aaa",
        "cidrs": ["10.1.0.0/16"], "gap": None,
    }  # fmt: skip
    assert closed["gap"] == {"reason": REFUSED.reason, "grant": REFUSED.grant}


def test_where_all_places_were_looked_at_one_line_says_so() -> None:
    """Nothing else of the report speaks of them."""
    text = told(with_peers(ENTERED))

    line = "Looked at home (vpc-1, account 111122223333, eu-west-1), peer shared (vpc-0aaa, account 222233334444,"
    assert text.count("shared") == 1
    assert line in text


def test_a_cluster_without_peers_has_no_line_about_places() -> None:
    """What is always so is not said."""
    assert "Looked at" not in told(diagnosis(WELL))


@pytest.mark.parametrize(
    ("evidence", "reason", "grant"),
    [(CLOSED, REFUSED.reason, REFUSED.grant), (LATE, "Peer VPCs: no answer within 20 s", "")],
    ids=["refused", "late"],
)
def test_a_peer_that_could_not_be_looked_at_is_told_once(evidence: Collected, reason: str, grant: str) -> None:
    """With the reason and what to grant, and not a second time among what could not be read."""
    seen = with_peers(evidence)

    text = told(seen)
    assert "COULD NOT BE LOOKED AT  1\n" in text
    assert " ".join(text.split()).count(reason) == 1
    assert grant in " ".join(text.split())
    assert seen.unjudged_gaps == ()
    assert "Looked at home (vpc-1, account 111122223333, eu-west-1)." in text


ADDON = Gap(what="add-on coredns", reason="refused.", grant="eks:DescribeAddon")
PARTLY_READ = Collected(
    id="eks_addons", collector="eks_addons", parameters={}, gap=None, summary="coredns not readable",
    value=EksAddons(cluster="cluster-prod", addons=(), gaps=(ADDON,)), calls=(), collected_at=NOON, took_ms=1,
)  # fmt: skip
TWO_MISSING = replace(
    BLIND,
    judgement=unknown("Could not be checked.", Gap(what="logs", reason="403 Forbidden", grant="pods/log: get"), ADDON),
)


def test_what_no_check_misses_is_still_said_with_its_permission() -> None:
    """All checks ran; a part of the evidence was refused: text and JSON name the permission that it needs."""
    partly = replace(diagnosis(WELL), evidence=(PARTLY_READ,))

    heading = "COULD NOT BE READ, though no check misses it  1"
    assert f"{heading}\n  - add-on coredns: refused. Missing permission: eks:DescribeAddon." in told(partly)
    assert json_report(partly)["verdict"] == "healthy"
    assert json.loads(json.dumps(json_report(partly)))["evidence"][0]["gaps"] == [
        {"what": "add-on coredns", "reason": "refused.", "grant": "eks:DescribeAddon"}
    ]


@pytest.mark.parametrize(
    "subject",
    [
        pytest.param(replace(diagnosis(WELL, TWO_MISSING), evidence=(PARTLY_READ,)), id="a check's second reason"),
        pytest.param(replace(diagnosis(WELL), evidence=(PARTLY_READ,), binding_gap=ADDON), id="the cluster's identity"),
        pytest.param(
            replace(
                diagnosis(WELL, BLIND), evidence=(replace(PARTLY_READ, value=None, gap=Gap(what="x", reason="403")),)
            ),
            id="the source of another",
        ),
    ],
)
def test_what_a_check_misses_is_said_there_alone(subject: Diagnosis) -> None:
    """A gap that some check names, as its reason or as one of several, is not told a second time."""
    assert "though no check misses it" not in told(subject)


def test_measure_stands_beside_fixes_with_what_it_yields() -> None:
    """What would get missing evidence is told as a measure, in JSON and among the next steps."""
    subject = replace(diagnosis(LACKING), question=Question(cluster="cluster-prod", command="log"))

    finding = json.loads(json.dumps(json_report(subject)))["findings"][0]

    assert (finding["fixes"], finding["measures"]) == (
        [],
        [{"measure": "enable_log", "with": {"for": "30m"}, "risk": "low", "yields": ["query_log"]}],
    )
    text = " ".join(told(subject).split())
    assert "could not be checked without query log. The bot can propose “enable log” (low risk) to read it" in text
    assert "/dns-log in Slack gives the exact plan." in text


def test_what_people_are_handed_stands_whole_at_the_end() -> None:
    """A text is printed as it is, to be copied, however long its lines; JSON has it with the finding."""
    text = f"server=/{'a' * 120}.com/10.0.0.10\n"
    file = TextFile(name="dnsmasq.conf", title="dnsmasq", text=text)
    subject = diagnosis(replace(CAUSE, judgement=replace(CAUSE.judgement, files=(file,), waits_for="your forwarder")))

    (finding,) = json.loads(json.dumps(json_report(subject)))["findings"]

    assert told(subject).endswith(f"FOR YOUR SERVERS  dnsmasq  [dnsmasq.conf]\n{text}")
    assert finding["files"] == [{"name": "dnsmasq.conf", "title": "dnsmasq", "text": text}]
    assert finding["waits_for"] == "your forwarder"


def test_text_report_puts_the_cause_before_what_was_ruled_out() -> None:
    """Cause, proof, lookups, what could not be checked, what was ruled out, what to do: in this order."""
    text = told(diagnosis(CAUSE, SYMPTOM, BLIND, WELL))

    marks = [
        "ROOT CAUSE  A security group blocks DNS", "sg-1 has no rule for 53", "last failure at 2026-11-21T12:00:00Z",
        "LOOKUPS  looked from 3 of 3 nodes", "COULD NOT BE CHECKED  1\n",
        "Missing permission: pods/log: get in namespace kube-system.", "RULED OUT  1", "WHAT TO DO",
    ]  # fmt: skip
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)
    assert "4 of 5 checks ran; 1 could not" in text


def test_what_is_well_or_unknown_is_named_by_what_was_looked_at() -> None:
    """The fault's title beside "ruled out" or "could not be checked" would read as its opposite."""
    text = told(diagnosis(WELL, BLIND))

    assert "- Endpoints of the DNS service: 2 of 2 endpoints are ready." in text
    assert "- What kube-proxy may read: 403 Forbidden" in text
    assert WELL.title not in text
    assert [one["check"] for one in json.loads(json.dumps(json_report(diagnosis(WELL))))["findings"]] == [WELL.check]


def test_first_screen_says_that_there_are_more_reasons_than_it_shows() -> None:
    """One reason stands there in full; of several the first, and how many there are."""
    one, two = (brief_words(diagnosis_words(diagnosis(*found), at=timestamp)) for found in ([BLIND], [BLIND, LACKING]))

    assert [line.label for line in one.lines if line.text.count("403")] == ["Could not be checked"]
    assert [line.label for line in two.lines if line.text.count("403")] == ["Could not be checked (first of 2 reasons)"]


def test_latent_fault_is_said_plainly() -> None:
    """A cause without a failing lookup is a latent fault, and the report says so."""
    latent = replace(diagnosis(CAUSE), lookups_all_answer=True)

    assert "Latent fault: every lookup is answered right now" in told(latent)
    assert "Latent" not in told(diagnosis(CAUSE, SYMPTOM))


def test_failing_lookups_without_a_cause_are_a_problem_without_a_name() -> None:
    """No rule explains it: "no known cause found", with what was ruled out, and no root cause."""
    unexplained = diagnosis(replace(SYMPTOM, explained_by=()), WELL)
    text = told(unexplained)

    assert json_report(unexplained)["root_causes"] == []
    assert json_report(unexplained)["verdict"] == "problem"
    assert "no known cause found" in text
    assert "RULED OUT  1" in text


def test_what_a_cause_does_not_reach_stays_unexplained() -> None:
    """Failing lookups outside the cause's reach are listed."""
    astray = replace(CAUSE, judgement=replace(CAUSE.judgement, reach=(Reach(nodes=frozenset({"n9"})),)))
    partly = diagnosis(astray, SYMPTOM)

    assert "1 failing lookup not explained by the causes above" in told(partly)


@pytest.mark.parametrize(
    ("subject", "verdict", "words"),
    [
        (diagnosis(WELL), "healthy", "DNS is healthy: all checks ran"),
        (diagnosis(WELL, BLIND), "unknown", "not an all-clear"),
        (replace(diagnosis(WELL), binding=None), "unknown", "Which cluster this is"),
    ],
    ids=["healthy", "one check could not run", "cluster not confirmed"],
)
def test_unknown_never_reads_as_healthy(subject: Diagnosis, verdict: str, words: str) -> None:
    """Only a diagnosis of which every check ran is an all-clear."""
    assert json_report(subject)["verdict"] == verdict
    assert words in told(subject)

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.collectors.kube_proxy_configuration import ConfiguredBy, KubeProxyConfiguration
from bot.dns.api_failure import ApiFailure, ApiFailureKind
from bot.dns.call_failure import CallFailure, minutes
from bot.domain.evidence import Gap
from bot.domain.findings import Judgement, Verdict
from bot.domain.lookups import EVERYTHING, Answer, Reach
from bot.kubernetes.owners import Owner
from bot.rules._api_failures import Standing
from bot.rules.coredns_api_forbidden import RULE as COREDNS_FORBIDDEN
from bot.rules.coredns_api_unauthorized import RULE as COREDNS_UNAUTHORIZED
from bot.rules.coredns_api_unreachable import RULE as COREDNS_UNREACHABLE
from bot.rules.kube_proxy_api_timeout import RULE as PROXY_TIMEOUT
from bot.rules.kube_proxy_forbidden import RULE as PROXY_FORBIDDEN
from bot.rules.kube_proxy_unauthorized import RULE as PROXY_UNAUTHORIZED

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
COREDNS = (COREDNS_FORBIDDEN, COREDNS_UNAUTHORIZED, COREDNS_UNREACHABLE)
PROXY = (PROXY_FORBIDDEN, PROXY_UNAUTHORIZED, PROXY_TIMEOUT)
USER = "system:serviceaccount:kube-system:coredns"
TAILS = {
    "forbidden": f'{{resource}} is forbidden: User "{USER}" cannot list resource "{{resource}}"',
    "unauthorized": "Unauthorized",
    "x509": 'Get "https://172.20.0.1:443/api/v1/{resource}": x509: certificate signed by unknown authority',
    "timeout": 'Get "https://172.20.0.1:443/api/v1/{resource}": dial tcp 172.20.0.1:443: i/o timeout',
    "refused": 'Get "https://172.20.0.1:443/api/v1/{resource}": dial tcp 172.20.0.1:443: connect: connection refused',
    "no route": 'Get "https://172.20.0.1:443/api/v1/{resource}": dial tcp 172.20.0.1:443: connect: no route to host',
}
KINDS = {"endpointslices": "EndpointSlice", "services": "Service", "namespaces": "Namespace", "nodes": "Node"}


def failed(at: str, tail: str, resource: str = "endpointslices") -> str:
    """Return a reflector's line at `at` (hh:mm) of the day of the diagnosis, 09:00."""
    kind = KINDS[resource]
    head = f"E1121 08:00:00.000000       1 reflector.go:166] Failed to watch *v1.{kind}: failed to list *v1.{kind}: "
    return f"2026-11-21T{at}:00Z {head}{TAILS[tail].format(resource=resource)}\n"


@pytest.mark.parametrize(
    ("tail", "coredns", "proxy"),
    [
        ("forbidden", "coredns_api_forbidden", "kube_proxy_forbidden"),
        ("unauthorized", "coredns_api_unauthorized", "kube_proxy_unauthorized"),
        ("x509", "coredns_api_unauthorized", "kube_proxy_unauthorized"),
        ("timeout", "coredns_api_unreachable", "kube_proxy_api_timeout"),
        ("refused", "coredns_api_unreachable", "kube_proxy_api_timeout"),
        ("no route", "coredns_api_unreachable", "kube_proxy_api_timeout"),
    ],
)
def test_each_failure_has_one_cause(judge: Any, make: Any, tail: str, coredns: str, proxy: str) -> None:
    """403, 401 and no answer are each other's look-alikes: exactly one rule of each three speaks up."""
    text = failed("08:58", tail)
    logs, proxy_logs = make.coredns_logs({"coredns-a": text}), make.kube_proxy_logs({"node-a": text})

    named = {rule.name for rule in COREDNS if judge(rule, logs).verdict is Verdict.PROBLEM}
    proxy_named = {rule.name for rule in PROXY if judge(rule, proxy_logs).verdict is Verdict.PROBLEM}

    assert named == {coredns}
    assert proxy_named == {proxy}


@pytest.mark.parametrize("rule", PROXY, ids=lambda rule: rule.name)
def test_a_refused_event_is_no_failure_of_kube_proxy(judge: Any, make: Any, rule: Any) -> None:
    """kube-proxy writes an event at its start; a 403 for that takes nothing away from what it routes by."""
    refused = (
        '2026-11-21T08:58:00Z E1121 08:58:00.000000       1 event_broadcaster.go:270] "Server rejected event (will not '
        'retry!)" err="events.events.k8s.io is forbidden: User \\"system:serviceaccount:kube-system:kube-proxy\\" '
        'cannot create resource \\"events\\" in API group \\"events.k8s.io\\" in the namespace \\"default\\""\n'
    )

    judgement: Judgement = judge(rule, make.kube_proxy_logs({"node-a": refused}))

    assert (judgement.verdict, judgement.proof) == (Verdict.HEALTHY, ())


def test_the_time_of_the_last_failure_is_given(judge: Any, make: Any) -> None:
    """The newest of several failures dates the finding, and its line is the proof."""
    text = failed("08:50", "forbidden") + failed("08:58", "forbidden")

    judgement: Judgement = judge(COREDNS_FORBIDDEN, make.coredns_logs({"coredns-a": text}))

    assert judgement.last_failure_at == datetime(2026, 11, 21, 8, 58, tzinfo=UTC)
    assert judgement.proof[0].startswith("2026-11-21T08:58:00Z coredns-a: E1121")
    assert "(2 lines since 2026-11-21T08:50:00Z)" in judgement.proof[0]
    assert judgement.details["resources"] == ["endpointslices"]
    assert judgement.details["subject"] == USER
    assert "lacks endpointslices" in judgement.summary


def test_who_kube_proxy_is_and_whose_pods_it_has_is_as_its_pods_say(judge: Any, make: Any) -> None:
    """A DaemonSet, an account and a namespace of other names: every command of the advice bears these."""
    own = Owner(kind="DaemonSet", name="proxy")
    pods = tuple(
        replace(pod, service_account="proxy-runner", namespace="net", owner=own) for pod in make.kube_proxy_pods().pods
    )
    by_tail = {"forbidden": PROXY_FORBIDDEN, "unauthorized": PROXY_UNAUTHORIZED, "timeout": PROXY_TIMEOUT}

    advice = {
        tail: "\n".join(
            judge(rule, make.kube_proxy_logs({"node-a": failed("08:58", tail)}), make.kube_proxy_pods(pods=pods)).advice
        )
        for tail, rule in by_tail.items()
    }

    assert {tail for tail, text in advice.items() if "kubectl -n net rollout restart daemonset proxy" in text} == {
        *by_tail
    }
    assert "kubectl -n net describe pod kube-proxy-a" in advice["unauthorized"]
    assert "grep -w kube-system/coredns " in advice["forbidden"]  # the line names who was refused
    assert "--serviceaccount=kube-system:coredns" in advice["forbidden"]
    assert "list and watch of endpointslices" in advice["forbidden"]


def test_an_account_that_no_line_names_is_that_of_the_pods(make: Any) -> None:
    """Else of any other pod of the same program; `default` where none was read."""
    nameless = CallFailure(
        pod="kube-proxy-a",
        node="node-a",
        failure=ApiFailure(kind=ApiFailureKind.FORBIDDEN),
        count=1,
        first_at=NOW,
        last_at=NOW,
        sample="Forbidden",
    )
    first, second = make.kube_proxy_pods().pods
    now = Standing(failures=(nameless,))

    assert (
        now.account((replace(second, service_account="b"), replace(first, service_account="a")), "kube-system")
        == "kube-system/a"
    )
    assert (
        now.account((replace(second, service_account="b"), replace(first, service_account="")), "kube-system")
        == "kube-system/b"
    )
    assert now.account((), "kube-system") == "kube-system/default"


def test_refused_everywhere_means_the_binding(judge: Any, make: Any) -> None:
    """Services and endpointslices both refused: another ServiceAccount or no binding, not a missing rule."""
    text = failed("08:58", "forbidden") + failed("08:58", "forbidden", "services")

    judgement: Judgement = judge(COREDNS_FORBIDDEN, make.coredns_logs({"coredns-a": text}))

    assert "no working binding" in judgement.summary
    assert f"--as={USER}" in judgement.advice[0]


@pytest.mark.parametrize("resource", ["endpointslices", "services"])
@pytest.mark.parametrize("says_who", [True, False])
def test_the_advice_names_the_service_account_of_these_pods(
    judge: Any, make: Any, resource: str, *, says_who: bool
) -> None:
    """The one that the API refused, else the one that the pods run as; which role it has, a command shows."""
    refused = failed("08:58", "forbidden", resource).replace(USER, "system:serviceaccount:dns:chart-coredns")
    text = refused if says_who else refused.partition("is forbidden: ")[0] + "is forbidden\n"
    pods = make.coredns_pods(
        make.coredns_pod("coredns-a", "10.0.1.7", service_account="chart-coredns"), namespace="dns"
    )

    judgement: Judgement = judge(COREDNS_FORBIDDEN, make.coredns_logs({"coredns-a": text}), pods)

    said = " ".join((judgement.summary, *judgement.advice))
    assert judgement.verdict is Verdict.PROBLEM
    assert "--as=system:serviceaccount:dns:chart-coredns" in judgement.advice[0]
    assert "grep -w dns/chart-coredns" in judgement.advice[1]
    assert "kube-system" not in said
    assert "system:coredns" not in said


@pytest.mark.parametrize("rule", [*COREDNS, *PROXY], ids=lambda rule: rule.name)
def test_failures_before_the_window_are_shown_not_counted(judge: Any, make: Any, rule: Any) -> None:
    """An hour-old failure is dated in a HEALTHY verdict; a longer window would count it."""
    text = "".join(failed("08:00", tail) for tail in ("forbidden", "unauthorized", "timeout"))
    logs = (make.coredns_logs({"coredns-a": text}), make.kube_proxy_logs({"node-a": text}))

    judgement: Judgement = judge(rule, *logs)
    wider: Judgement = judge(
        rule,
        make.coredns_logs({"coredns-a": text}, window_seconds=7200),
        make.kube_proxy_logs({"node-a": text}, window_seconds=7200),
        window=timedelta(hours=2),
    )

    assert judgement.verdict is Verdict.HEALTHY
    assert judgement.proof[0].startswith("no longer the case: 2026-11-21T08:00:00Z")
    assert wider.verdict is Verdict.PROBLEM


def test_a_window_longer_than_what_was_read_is_unknown(judge: Any) -> None:
    """The rule looks back two hours, the collector read 15 minutes."""
    assert judge(COREDNS_FORBIDDEN, window=timedelta(hours=2)).verdict is Verdict.UNKNOWN
    assert judge(PROXY_FORBIDDEN, window=timedelta(hours=2)).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("rule", COREDNS, ids=lambda rule: rule.name)
def test_a_coredns_that_became_ready_since_is_well(judge: Any, make: Any, rule: Any) -> None:
    """The kubernetes plugin has synced after the failure: the calls work, though the failure is 10 min old."""
    text = "".join(failed("08:50", tail) for tail in ("forbidden", "unauthorized", "timeout"))
    pods = make.coredns_pods(make.coredns_pod("coredns-a", "10.0.1.7", ready_since=make.now - timedelta(minutes=5)))

    judgement: Judgement = judge(rule, pods, make.coredns_logs({"coredns-a": text}))

    assert judgement.verdict is Verdict.HEALTHY
    assert "since then: the pod became Ready at 2026-11-21T08:55:00Z" in judgement.proof[0]


@pytest.mark.parametrize(
    ("line", "resource", "verdict"),
    [
        ("Caches are synced for endpoint slice config", "endpointslices", Verdict.HEALTHY),
        ("Caches are synced for endpoint slice config", "services", Verdict.PROBLEM),
        ('"SyncProxyRules complete" elapsed="2ms"', "endpointslices", Verdict.PROBLEM),
        ('"Successfully retrieved node IP(s)" IPs=["10.0.1.5"]', "nodes", Verdict.HEALTHY),
        ('"Caches populated" type="*v1.EndpointSlice" reflector="r"', "endpointslices", Verdict.HEALTHY),
        ('"Caches populated" type="*v1.Service" reflector="r"', "endpointslices", Verdict.PROBLEM),
    ],
    ids=[
        "same call",
        "another call",
        "rules synced from old data",
        "node read",
        "same cache populated",
        "another cache populated",
    ],
)
def test_a_kube_proxy_failure_stands_until_the_same_call_works(
    judge: Any, make: Any, line: str, resource: str, verdict: Verdict
) -> None:
    """Only a later line that the same call must have caused contradicts it."""
    text = failed("08:50", "forbidden", resource) + f"2026-11-21T08:55:00Z I1121 08:55:00.0 1 a.go:1] {line}\n"

    judgement: Judgement = judge(PROXY_FORBIDDEN, make.kube_proxy_logs({"node-a": text}))

    assert judgement.verdict is verdict


def test_a_kube_proxy_that_waits_for_its_node_is_told_as_such(judge: Any, make: Any) -> None:
    """1.36 fails on its own Node first: the address is named, and nothing is claimed of Services or endpoints."""
    url = "https://10.0.9.9/api/v1/nodes?fieldSelector=metadata.name%3Dnode-a&limit=500&resourceVersion=0"
    text = (
        '2026-11-21T08:57:00Z I1121 08:57:00.0 1 shared_informer.go:402] "Waiting for caches to sync"\n'
        '2026-11-21T08:58:00Z E1121 08:58:00.0 1 reflector.go:227] "Failed to watch" err="failed to list *v1.Node: Get '
        f'\\"{url}\\": dial tcp 10.0.9.9:443: i/o timeout" logger="UnhandledError" type="*v1.Node"\n'
    )

    judgement: Judgement = judge(PROXY_TIMEOUT, make.kube_proxy_logs({"node-a": text}))

    assert judgement.verdict is Verdict.PROBLEM
    assert "calls 10.0.9.9, and the cluster's endpoint is abc.gr7.eu-west-1.eks.amazonaws.com" in judgement.summary
    assert "The rules in place are stale, not broken." in judgement.summary
    assert judgement.details["resources"] == ["nodes"]
    assert judgement.reach == (Reach(nodes=frozenset({"node-a"}), service_only=True),)
    told = " ".join((judgement.summary, *judgement.proof, *judgement.advice)).lower()
    assert not [word for word in ("service", "endpointslice") if word in told]


ENDPOINT = "abc.gr7.eu-west-1.eks.amazonaws.com"


def called(host: str, resource: str = "services") -> str:
    """Return kube-proxy's line about a call of this host that nobody answers."""
    return (
        f"2026-11-21T08:58:00Z E1121 08:58:00.0 1 reflector.go:227] Failed to watch *v1.Service: failed to list "
        f'*v1.Service: Get "https://{host}/api/v1/{resource}": dial tcp 10.0.9.9:443: i/o timeout\n'
    )


@pytest.mark.parametrize(
    ("host", "says", "advice"),
    [
        (ENDPOINT.upper(), "packets are dropped on the way", "must allow 443"),
        ("10.0.9.9", "its kubeconfig names another address", "the ConfigMap that its pods mount"),
        (
            "old.gr7.eu-west-1.eks.amazonaws.com",
            "its kubeconfig names another address",
            "the ConfigMap that its pods mount",
        ),
        ("10.0.3.4", "packets are dropped on the way", "names 10.0.3.4, an interface of the control plane"),
        ("52.51.3.4", "packets are dropped on the way", "must allow 443"),
    ],
    ids=["the cluster's endpoint", "another address", "another name", "an interface", "a public address"],
)
def test_the_address_that_is_called_is_compared_with_the_endpoint(
    judge: Any, make: Any, host: str, says: str, advice: str
) -> None:
    """Where they differ the kubeconfig is to blame and is to be corrected, not the way to the control plane."""
    judgement: Judgement = judge(PROXY_TIMEOUT, make.kube_proxy_logs({"node-a": called(host)}))

    assert judgement.verdict is Verdict.PROBLEM
    assert says in judgement.summary
    assert advice in " ".join(judgement.advice)
    assert ("names another address" in judgement.summary) is ("another address" in says)


def test_a_configmap_that_is_right_already_needs_a_restart_alone(judge: Any, make: Any) -> None:
    """kube-proxy read the address before it was corrected: nobody is sent to write it once more."""
    written = ConfiguredBy(name="kube-proxy", changed_at=None, servers=(ENDPOINT.lower(),))
    configuration = KubeProxyConfiguration(config_maps=(written,))

    judgement: Judgement = judge(PROXY_TIMEOUT, make.kube_proxy_logs({"node-a": called("10.0.9.9")}), configuration)

    advice = " ".join(judgement.advice)
    assert f"names https://{ENDPOINT.lower()} already" in advice
    assert "Write `server:" not in advice


def test_an_address_inside_is_no_other_where_the_interfaces_were_not_read(judge: Any, make: Any) -> None:
    """It may be the control plane's own: nothing is said of the kubeconfig."""
    unread = {type(make.control_plane()): Gap(what="interfaces", reason="403", grant="ec2:DescribeNetworkInterfaces")}

    judgement: Judgement = judge(PROXY_TIMEOUT, make.kube_proxy_logs({"node-a": called("10.0.9.9")}), gaps=unread)

    assert judgement.verdict is Verdict.PROBLEM
    assert "packets are dropped on the way" in judgement.summary
    assert "kubeconfig" not in " ".join((judgement.summary, *judgement.advice))


def test_nodes_that_call_different_hosts_are_told_apart(judge: Any, make: Any) -> None:
    """One calls an address of long ago, the other the endpoint in vain: each has its own cause and advice."""
    nameless = (
        "2026-11-21T08:58:01Z E1121 08:58:01.0 1 reflector.go:227] Failed to watch *v1.Node: failed to list *v1.Node: "
        "dial tcp 10.0.9.9:443: i/o timeout\n"
    )
    logs = make.kube_proxy_logs({"node-a": called("10.0.9.9") + nameless, "node-b": called(ENDPOINT)})

    judgement: Judgement = judge(PROXY_TIMEOUT, logs)

    wrong, _, blocked = judgement.summary.partition(" kube-proxy on ")
    assert "calls 10.0.9.9, and the cluster's endpoint is" in wrong
    assert "cannot reach the control plane" in blocked
    assert [line for line in judgement.advice if line.startswith("Nodes")] == ["Nodes: node-a.", "Nodes: node-b."]
    assert judgement.summary.count("stale, not broken") == 1


START = timedelta(minutes=5)
DENIED = (
    "[ERROR] plugin/kubernetes: Failed to watch *v1.Service: failed to list *v1.Service: "
    "Get https://172.20.0.1:443/x: dial tcp 172.20.0.1:443: i/o timeout"
)


@pytest.mark.parametrize(
    ("failed_after", "answer", "verdict"),
    [
        (timedelta(seconds=20), Answer.ANSWERED, Verdict.HEALTHY),
        (timedelta(seconds=20), Answer.SERVFAIL, Verdict.PROBLEM),
        (timedelta(minutes=4), Answer.ANSWERED, Verdict.PROBLEM),
    ],
    ids=["failed at its start, serves names", "serves none", "fails now, serves what it read before"],
)
def test_names_that_a_pod_answers_contradict_what_failed_at_its_start(
    judge: Any, make: Any, failed_after: timedelta, answer: Answer, verdict: Verdict
) -> None:
    """It serves from what it has read of the API; it has no readiness probe that would say so."""
    started = make.now - START
    pod = make.coredns_pod("coredns-a", "10.0.1.7", container_running_since=started, container_readiness_path="")
    log = make.coredns_logs({"coredns-a": f"{(started + failed_after).isoformat()} {DENIED}\n"})
    asked = make.lookups(("10.0.1.7", "inside", answer))

    judgement: Judgement = judge(COREDNS_UNREACHABLE, make.coredns_pods(pod), log, asked)

    assert judgement.verdict is verdict, judgement.summary
    if verdict is Verdict.HEALTHY:
        assert "since then: it answers cluster names" in judgement.proof[0]


def test_a_pod_that_answers_no_cluster_name_leaves_the_api_open(judge: Any, make: Any) -> None:
    """SERVFAIL to cluster names and a silent log: it has not read the API, whatever keeps it."""
    asked = make.lookups(("10.0.1.7", "inside", Answer.SERVFAIL), ("10.0.2.7", "inside", Answer.ANSWERED))

    judgement: Judgement = judge(COREDNS_UNREACHABLE, asked)

    assert judgement.verdict is Verdict.UNKNOWN
    assert [gap.what for gap in judgement.missing] == ["API access of coredns-a"]


def test_a_success_before_the_failure_contradicts_nothing(judge: Any, make: Any) -> None:
    """It worked at 08:50 and failed at 08:58."""
    text = "2026-11-21T08:50:00Z I1121 08:50:00.0 1 a.go:1] Caches are synced for endpoint slice config\n"

    judgement: Judgement = judge(PROXY_FORBIDDEN, make.kube_proxy_logs({"node-a": text + failed("08:58", "forbidden")}))

    assert judgement.verdict is Verdict.PROBLEM


@pytest.mark.parametrize("rule_and_tail", [(PROXY_FORBIDDEN, "forbidden"), (PROXY_TIMEOUT, "timeout")])
def test_stale_rules_account_for_no_failing_look_up(judge: Any, make: Any, rule_and_tail: Any) -> None:
    """The kernel's rules stay: lookups are accounted for only where kube-proxy never wrote any since its start."""
    rule, tail = rule_and_tail
    started = '2026-11-21T08:40:00Z I1121 08:40:00.0 1 server.go:483] "Version info" version="v1.33.3"\n'

    stale: Judgement = judge(rule, make.kube_proxy_logs({"node-a": failed("08:58", tail)}))
    blank: Judgement = judge(rule, make.kube_proxy_logs({"node-a": started + failed("08:58", tail)}))

    assert stale.reach == ()
    assert blank.reach == (Reach(nodes=frozenset({"node-a"}), service_only=True),)


def test_coredns_pods_that_never_became_ready_are_its_reach(judge: Any, make: Any) -> None:
    """One of two pods is not ready: lookups straight to it; both: everything; a ready one: none."""
    text = failed("08:58", "timeout")
    down = [
        make.coredns_pod(name, ip, ready=False, ready_since=None)
        for name, ip in (("coredns-a", "10.0.1.7"), ("coredns-b", "10.0.2.7"))
    ]
    logs = make.coredns_logs({"coredns-a": text})

    one = judge(COREDNS_UNREACHABLE, make.coredns_pods(down[0], make.coredns_pod("coredns-b", "10.0.2.7")), logs)
    both = judge(COREDNS_UNREACHABLE, make.coredns_pods(*down), logs)
    ready = judge(COREDNS_UNREACHABLE, logs)

    assert one.reach == (Reach(servers=frozenset({"10.0.1.7"}), service_path=False),)
    assert both.reach == (EVERYTHING,)
    assert ready.reach == ()


def test_a_problem_stands_though_another_log_is_missing(judge: Any, make: Any) -> None:
    """What was read proves it; what is missing is named."""
    gap = Gap(what="log of kube-system/coredns-b", reason="403", grant="pods/log: get")
    logs = make.coredns_logs({"coredns-a": failed("08:58", "forbidden")}, gaps=(gap,))

    judgement: Judgement = judge(COREDNS_FORBIDDEN, logs)

    assert (judgement.verdict, judgement.missing) == (Verdict.PROBLEM, (gap,))


@pytest.mark.parametrize(
    ("line", "unknown"),
    [
        ('[INFO] plugin/ready: Still waiting on: "kubernetes"', set(COREDNS)),
        (
            (
                "[ERROR] plugin/kubernetes: pkg/x.go:167: Failed to watch *v1.EndpointSlice: unknown (get "
                "endpointslices.discovery.k8s.io)"
            ),
            set(COREDNS),
        ),
        ("[ERROR] plugin/kubernetes: Failed to watch", set(COREDNS)),
        ("[ERROR] plugin/kubernetes: words that no version has had", set(COREDNS)),
        ("E1121 08:58:00.000000       1 anything.go:7] words that no version has had", set(COREDNS)),
        ("[ERROR] plugin/hosts: Failed to parse hosts file", set()),
    ],
    ids=["waits without a reason", "answered without a reason", "1.13", "unknown error", "unknown klog error", "known"],
)
def test_a_failure_without_a_reason_is_unknown(judge: Any, make: Any, line: str, unknown: set[Any]) -> None:
    """Unreachable, 401 and 403 look alike in it: no rule guesses, none that it leaves open says HEALTHY."""
    logs = make.coredns_logs({"coredns-a": f"2026-11-21T08:58:00Z {line}\n"})

    assert {rule for rule in COREDNS if judge(rule, logs).verdict is Verdict.UNKNOWN} == unknown


def test_a_reason_beside_the_waiting_decides(judge: Any, make: Any) -> None:
    """With a time-out in the same log the other two causes are ruled out."""
    text = '2026-11-21T08:57:00Z [INFO] plugin/ready: Still waiting on: "kubernetes"\n' + failed("08:58", "timeout")

    verdicts = [judge(rule, make.coredns_logs({"coredns-a": text})).verdict for rule in COREDNS]

    assert verdicts == [Verdict.HEALTHY, Verdict.HEALTHY, Verdict.PROBLEM]


WAITING = '2026-11-21T08:47:00Z I1121 08:47:00.0 1 shared_informer.go:402] "Waiting for caches to sync"\n'
SYNCED = '2026-11-21T08:47:01Z I1121 08:47:01.0 1 a.go:1] "Caches are synced" controller="endpoint slice config"\n'


@pytest.mark.parametrize(
    ("text", "verdicts"),
    [
        (WAITING, [Verdict.UNKNOWN] * 3),
        (WAITING + SYNCED, [Verdict.HEALTHY] * 3),
        (WAITING + failed("08:58", "timeout"), [Verdict.HEALTHY, Verdict.HEALTHY, Verdict.PROBLEM]),
    ],
    ids=["waits without a reason", "synced", "says why"],
)
def test_kube_proxy_that_waits_and_does_not_say_why_is_unknown(
    judge: Any, make: Any, text: str, verdicts: list[Verdict]
) -> None:
    """With WatchList requests 1.36 says nothing while nobody answers: that is not healthy."""
    logs = make.kube_proxy_logs({"node-a": text})

    assert [judge(rule, logs).verdict for rule in PROXY] == verdicts


def test_clusters_without_kube_proxy_or_coredns(judge: Any, make: Any) -> None:
    """By design: HEALTHY with a note. Not visibly by design: UNKNOWN."""
    none = make.kube_proxy_logs(pods=(), pods_total=0)
    absent = make.kube_proxy_pods(daemon_set_exists=False, pods=())
    cilium = make.kube_proxy_pods(daemon_set_exists=False, pods=(), replaced_by="Cilium (kube-proxy-replacement: true)")
    automode = (
        make.coredns_pods(make.coredns_pod("x", ""), pods=(), deployment_exists=False),
        make.coredns_logs(pods=(), pods_total=0),
    )

    assert judge(PROXY_FORBIDDEN, none, cilium).verdict is Verdict.HEALTHY
    assert judge(PROXY_FORBIDDEN, none, absent).verdict is Verdict.UNKNOWN
    assert judge(PROXY_FORBIDDEN, none).verdict is Verdict.UNKNOWN
    assert {judge(rule, *automode).verdict for rule in COREDNS} == {Verdict.HEALTHY}


def test_the_sample_is_stated(judge: Any, make: Any) -> None:
    """Both verdicts say how many of the logs were read."""
    logs = make.kube_proxy_logs(pods_total=500)
    broken = make.kube_proxy_logs({"node-a": failed("08:58", "timeout")}, pods_total=500)

    assert "logs of 2 of 500 kube-proxy pods read" in judge(PROXY_TIMEOUT, logs).summary
    assert "logs of 2 of 500 kube-proxy pods read" in judge(PROXY_TIMEOUT, broken).summary


@pytest.mark.parametrize(
    ("seconds", "said"), [(900, "15 min"), (60, "1 min"), (100, "100 s"), (59, "59 s"), (1.5, "1.5 s"), (0, "0 s")]
)
def test_a_window_is_said_in_plain_words(seconds: float, said: str) -> None:
    """Whole minutes as such, everything else in seconds."""
    assert minutes(timedelta(seconds=seconds)) == said

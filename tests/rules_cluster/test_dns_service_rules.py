from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.eks_addons import EksAddon, EksAddons
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.kube_dns import DnsEndpoint
from bot.domain.evidence import Gap
from bot.domain.findings import Judgement, Verdict
from bot.domain.lookup_matrix import LookupMatrix, PodResolver
from bot.domain.lookups import EVERYTHING, Answer, Client, ClientKind
from bot.rules.kube_dns_no_endpoints import RULE as NO_ENDPOINTS
from bot.rules.kube_dns_service_missing import RULE as SERVICE_MISSING

NO_SERVICE = {"service_exists": False, "cluster_ip": "", "cluster_ips": (), "endpoints": ()}


def test_a_missing_service_is_a_problem_outside_auto_mode(judge: Any, make: Any) -> None:
    """No Service: nothing answers anybody. In Auto Mode it is by design."""
    gone = make.kube_dns(**NO_SERVICE)

    problem: Judgement = judge(SERVICE_MISSING, gone)
    automode: Judgement = judge(SERVICE_MISSING, gone, make.eks_cluster(auto_mode=True))

    assert (problem.verdict, problem.reach) == (Verdict.PROBLEM, (EVERYTHING,))
    assert "--cluster-name cluster-prod" in problem.advice[0]
    assert automode.verdict is Verdict.HEALTHY
    assert "by design" in automode.summary


def test_a_renamed_or_undecidable_service_is_unknown(judge: Any, make: Any) -> None:
    """Another DNS service, or an unread cluster: no claim either way."""
    renamed = make.kube_dns(**NO_SERVICE, other_dns_services=("dns (172.20.0.53)",))

    assert judge(SERVICE_MISSING, renamed).verdict is Verdict.UNKNOWN
    assert judge(NO_ENDPOINTS, renamed).verdict is Verdict.UNKNOWN
    unread = {EksCluster: Gap(what="cluster", reason="403", grant="eks:DescribeCluster")}
    assert judge(SERVICE_MISSING, make.kube_dns(**NO_SERVICE), gaps=unread).verdict is Verdict.UNKNOWN


ASKING = PodResolver(
    client=Client(node="node-a", kind=ClientKind.POD, pod="shop/ui"),
    dns_policy="ClusterFirst",
    nameservers=("172.20.0.10",),
    search=(),
    ndots=5,
)


def asked(make: Any, answer: Answer) -> LookupMatrix:
    """Return lookups by what the pod is told to ask."""
    made: LookupMatrix = make.lookups(("172.20.0.10", "inside", answer))
    return replace(made, resolvers=(ASKING,))


@pytest.mark.parametrize(
    ("answer", "others", "verdict"),
    [
        (Answer.ANSWERED, (), Verdict.HEALTHY),
        (Answer.ANSWERED, ("dns (172.20.0.53)",), Verdict.HEALTHY),
        (Answer.TIMED_OUT, (), Verdict.PROBLEM),
        (Answer.TIMED_OUT, ("dns (172.20.0.53)",), Verdict.PROBLEM),
        (Answer.NOT_ASKED, (), Verdict.PROBLEM),
        (Answer.NOT_ASKED, ("dns (172.20.0.53)",), Verdict.UNKNOWN),
    ],
    ids=str,
)
def test_what_pods_ask_decides_whether_the_service_is_missed(
    judge: Any, make: Any, answer: Answer, others: tuple[str, ...], verdict: Verdict
) -> None:
    """An address that answers is no missing DNS, and one that does not is, whatever else serves port 53."""
    passed = ("kube-dns-upstream (172.20.9.9)",)
    gone = make.kube_dns(**NO_SERVICE, asked=("172.20.0.10",), other_dns_services=others, upstream_services=passed)

    judgement: Judgement = judge(SERVICE_MISSING, gone, asked(make, answer))

    assert judgement.verdict is verdict
    assert ("get no answer" in judgement.summary) is (answer is Answer.TIMED_OUT)


def test_silent_address_decides_where_the_rest_could_not_be_read(judge: Any, make: Any) -> None:
    """Neither an unread cluster nor unread namespaces make an address answer that does not."""
    gap = Gap(what="Services outside kube-system", reason="403", grant="services: list in all namespaces")
    gone = make.kube_dns(**NO_SERVICE, elsewhere_gap=gap)

    silent = judge(SERVICE_MISSING, gone, asked(make, Answer.REFUSED), gaps={EksCluster: gap})
    unasked = judge(SERVICE_MISSING, gone, asked(make, Answer.NOT_ASKED))

    assert (silent.verdict, unasked.verdict, unasked.missing) == (Verdict.PROBLEM, Verdict.UNKNOWN, (gap,))


@pytest.mark.parametrize("addons", [("coredns",), ()], ids=["the add-on's", "somebody else's"])
def test_overwriting_is_advised_only_where_the_addon_manages_coredns(
    judge: Any, make: Any, addons: tuple[str, ...]
) -> None:
    """It would replace a CoreDNS that its owners deployed otherwise."""
    owned = tuple(EksAddon(name=name, owner="EKS add-on", status="ACTIVE", version="1") for name in addons)

    judgement = judge(SERVICE_MISSING, make.kube_dns(**NO_SERVICE), EksAddons(cluster="cluster-prod", addons=owned))

    assert ("OVERWRITE" in " ".join(judgement.advice)) is bool(addons)


def test_service_under_another_name_is_named_by_it(judge: Any, make: Any) -> None:
    """The chart's Service, at the address that pods ask."""
    found = make.kube_dns(name="coredns", known_by="pods ask its address")

    judgement = judge(SERVICE_MISSING, found)

    assert (judgement.verdict, judgement.summary) == (Verdict.HEALTHY, "The DNS Service coredns exists.")
    assert "pods ask its address" in judgement.proof[0]


def test_advice_names_the_service_and_the_deployment_as_they_are_called(judge: Any, make: Any) -> None:
    """Whatever chart made them."""
    service = make.kube_dns(name="coredns", namespace="dns", selector="k8s-app=x", endpoints=())
    pods = {"namespace": "dns", "deployments": ("dns-coredns",), "selector": "k8s-app=coredns"}

    scaled = judge(NO_ENDPOINTS, service, make.coredns_pods(**pods, desired_replicas=0), make.lookups())
    missed = judge(NO_ENDPOINTS, service, make.coredns_pods(**pods), make.lookups())

    assert scaled.advice == ("kubectl -n dns scale deployment dns-coredns --replicas=2",)
    assert missed.advice == ("kubectl -n dns set selector service coredns k8s-app=coredns",)


def test_endpoints_that_are_not_ready_show_the_pods(judge: Any, make: Any) -> None:
    """Not-ready addresses: a PROBLEM that the pods' own causes explain; their states are the proof."""
    endpoints = (DnsEndpoint(ip="10.0.1.7", ready=False, node="node-a", pod="coredns-a"),)
    pods = make.coredns_pods(
        make.coredns_pod("coredns-a", "10.0.1.7", ready=False, container_waiting_reason="CrashLoopBackOff")
    )

    judgement: Judgement = judge(NO_ENDPOINTS, make.kube_dns(endpoints=endpoints), pods, make.lookups())

    assert (judgement.verdict, judgement.reach) == (Verdict.PROBLEM, (EVERYTHING,))
    assert judgement.proof == ("10.0.1.7 (coredns-a) on node-a: not ready", "pod coredns-a: CrashLoopBackOff")


@pytest.mark.parametrize(
    ("selector", "replicas", "pods", "says"),
    [
        ("k8s-app=kube-dns", 0, False, "scaled to 0 replicas"),
        ("k8s-app=coredns", 2, True, "matches none of 2 ready CoreDNS pods"),
        ("k8s-app=kube-dns", 2, True, "none is in its EndpointSlices"),
        ("k8s-app=kube-dns", 2, False, "there is no CoreDNS pod"),
    ],
    ids=["scaled to 0", "selector matches nothing", "slices lag", "no pods"],
)
def test_no_endpoint_at_all_says_why(
    judge: Any, make: Any, selector: str, replicas: int, says: str, *, pods: bool
) -> None:
    """Replicas 0 and a selector that matches nothing are causes of their own, with what to do."""
    found = make.coredns_pods(desired_replicas=replicas, **({} if pods else {"pods": ()}))

    judgement: Judgement = judge(NO_ENDPOINTS, make.kube_dns(endpoints=(), selector=selector), found, make.lookups())

    assert judgement.verdict is Verdict.PROBLEM
    assert says in judgement.summary
    assert judgement.advice
    assert judgement.details["desired_replicas"] == replicas


@pytest.mark.parametrize(
    ("lookups", "verdict"),
    [
        ((("172.20.0.10", "inside", Answer.ANSWERED), ("172.20.0.10", "outside", Answer.TIMED_OUT)), Verdict.UNKNOWN),
        ((("172.20.0.10", "inside", Answer.REFUSED),), Verdict.PROBLEM),
        ((("172.20.0.10", "inside", Answer.TIMED_OUT),), Verdict.PROBLEM),
        ((("10.0.1.7", "inside", Answer.ANSWERED),), Verdict.PROBLEM),
        ((), Verdict.PROBLEM),
    ],
    ids=["answered", "refused", "timed out", "a pod answered, not the service", "none made"],
)
def test_a_look_up_that_the_service_answered_refutes_that_it_leads_nowhere(
    judge: Any, make: Any, lookups: Any, verdict: Verdict
) -> None:
    """Its EndpointSlices say one thing and its answers another: open, with both told."""
    judgement: Judgement = judge(NO_ENDPOINTS, make.kube_dns(endpoints=()), make.lookups(*lookups))

    assert judgement.verdict is verdict
    if verdict is Verdict.UNKNOWN:
        assert "1 of 2 lookups by its address were answered" in judgement.summary


def test_no_endpoints_stands_without_the_pods_and_needs_the_slices(judge: Any, make: Any) -> None:
    """Unread pods leave the PROBLEM; unread slices leave nothing."""
    gap = Gap(what="pods", reason="403", grant="pods: list")

    stands = judge(NO_ENDPOINTS, make.kube_dns(endpoints=()), make.lookups(), gaps={CorednsPods: gap})
    unread = judge(NO_ENDPOINTS, make.kube_dns(endpoints=(), endpoints_gap=gap))

    assert (stands.verdict, stands.missing) == (Verdict.PROBLEM, (gap,))
    assert unread.verdict is Verdict.UNKNOWN

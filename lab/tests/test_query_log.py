"""CoreDNS's real query log: every query that pods send is counted for the workload that sent it."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from bot.dns.query_log import NamesCounted, count_names
from bot.dns.search_domains import search_cost
from bot.sandbox.world.editing import edit_pod_template, write_corefile
from lab.contract.far_end import eventually
from lab.kubernetes_api import Json
from lab.running import RunningLab
from lab.tests.tables import Tell

pytestmark = pytest.mark.timeout(420)
WORKLOAD, NAME, TIMES = "catalog", "amazon.com", 40
SEARCH_DOMAINS = 4
DNS = "k8s-app=kube-dns"


@pytest.fixture(scope="module")
def lab() -> Iterator[RunningLab]:
    """A lab in which nothing is wrong, whose CoreDNS logs its queries."""
    with RunningLab(scenario="healthy", seed=1) as running:
        logging = running.world.corefile.replace("    errors\n", "    errors\n    log\n", 1)
        write_corefile(running.operator, logging)
        running.operator.rollout_restart("deployments.apps", "coredns", namespace="kube-system")
        yield running


def counted(lab: RunningLab) -> NamesCounted:
    """Count what stands in the logs of all CoreDNS pods, with the API's times before the lines."""
    pods = lab.operator.get("pods", namespace="kube-system", labels=DNS)
    names = [pod["metadata"]["name"] for pod in pods]
    texts = [lab.kubectl("logs", "-n", "kube-system", "--timestamps", name).stdout for name in names]
    return count_names([io.BytesIO(text.encode()) for text in texts])


def asked_by(lab: RunningLab, pods: list[Json]) -> tuple[int, int]:
    """Return how many queries of these pods were logged, and how many of them search domains wasted."""
    clients = counted(lab).clients
    costs = [search_cost(clients[pod["status"]["podIP"]]) for pod in pods if pod["status"]["podIP"] in clients]
    return sum(cost.queries for cost in costs), sum(cost.wasted for cost in costs)


def pods_with(lab: RunningLab, ndots: int) -> list[Json]:
    """Return the workload's pods, once its template says so and all are new and Ready."""

    def told(template: Json) -> Json:
        options = {"options": [{"name": "ndots", "value": str(ndots)}]}
        return {**template, "spec": {**template["spec"], "dnsConfig": options}}

    edit_pod_template(lab.operator, "deployments.apps", WORKLOAD, told, namespace=WORKLOAD)
    lab.operator.settle()
    return lab.operator.get("pods", namespace=WORKLOAD)


@pytest.mark.parametrize(("ndots", "wasted"), [(5, SEARCH_DOMAINS), (1, 0)], ids=["ndots-5", "ndots-1"])
def test_queries_counted_for_a_workload_are_those_that_it_sent(
    lab: RunningLab, tell: Tell, ndots: int, wasted: int
) -> None:
    """With search domains and without: each lookup costs what resolv.conf says, over all CoreDNS pods together."""
    pods = pods_with(lab, ndots)
    before = asked_by(lab, pods)
    sent = len(pods) * TIMES * (wasted + 1)

    for pod in pods:
        dig = ("dig", "+search", "+tries=1", "+time=5", *[NAME] * TIMES)
        lab.kubectl("exec", "-n", WORKLOAD, pod["metadata"]["name"], "--", *dig)
    after = eventually(lambda: asked_by(lab, pods), lambda seen: seen[0] - before[0] >= sent, seconds=30)

    tell(
        "ndots, queries sent, queries counted, of them wasted", ndots, sent, after[0] - before[0], after[1] - before[1]
    )
    assert after[0] - before[0] == sent
    assert after[1] - before[1] == len(pods) * TIMES * wasted

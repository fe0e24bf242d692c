from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from bot.collectors import coredns_metrics, coredns_pods
from bot.collectors.corefile import Corefile
from bot.dns.corefile.parsing import parse_corefile
from bot.domain.cluster import PodName
from bot.errors import AccessDenied, EvidenceUnavailable, SourceUnreachable


def page(*, queries: int = 10, failed: int = 0, answers: int = 5, start: int = 1_763_700_000) -> str:
    """Return what a pod shows."""
    return (
        f'coredns_dns_requests_total{{type="A"}} {queries}\n'
        f'coredns_dns_responses_total{{rcode="SERVFAIL"}} {failed}\n'
        f'coredns_forward_responses_total{{rcode="NOERROR",to="10.0.0.2:53"}} {answers}\n'
        f"process_start_time_seconds {start}\n"
    )


@dataclass
class Pages:
    """A cluster whose pods answer one page after the other."""

    inner: Any
    held: dict[str, list[Any]]
    asked: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        """Leave the rest to the cluster."""
        return getattr(self.inner, name)

    def pod_page(self, pod: PodName, *, port: int, path: str) -> str:
        """See `ClusterReader.pod_page`."""
        self.asked.append(f"{pod.name}:{port}/{path}")
        found = self.held[pod.name].pop(0)
        if isinstance(found, EvidenceUnavailable):
            raise found
        return str(found)


def corefile(plugin: str) -> Corefile:
    """Return a Corefile with this line."""
    text = f".:53 {{\n    errors\n    {plugin}\n}}\n"
    return Corefile(exists=True, text=text, blocks=parse_corefile(text).blocks)


def read(collect: Any, cluster: Any, pod: Any, held: dict[str, list[Any]], **more: Any) -> tuple[Any, list[str]]:
    """Return what is collected of these pods, and what was asked."""
    world = Pages(cluster(objects={"pods": [pod(name) for name in held]}), held)
    pods = collect(coredns_pods.COLLECTOR, world)
    needed = {coredns_pods.CorednsPods: pods, **more.pop("needed", {})}
    return collect(coredns_metrics.COLLECTOR, world, needed=needed, **more), world.asked


def test_a_pod_that_answers_everything_is_read_once(collect: Any, cluster: Any, pod: Any) -> None:
    """At CoreDNS's own port."""
    found, asked = read(collect, cluster, pod, {"a": [page()], "b": [page(queries=20)]})

    assert sorted(asked) == ["a:9153/metrics", "b:9153/metrics"]
    assert [(one.pod, one.counters.queries, one.later) for one in found.pods] == [("a", 10, None), ("b", 20, None)]
    assert (found.of("a").failing, found.of("a").queries_per_second, found.of("a").answers_per_second()) == (
        None, None, None,
    )  # fmt: skip
    assert found.gaps == ()


def test_where_queries_fail_it_is_read_once_more(collect: Any, cluster: Any, pod: Any) -> None:
    """What has been added tells what goes on now."""
    first, later = page(queries=100, failed=5, answers=60), page(queries=200, failed=45, answers=100)

    found, asked = read(collect, cluster, pod, {"a": [first, later]}, between=timedelta(milliseconds=20))

    one = found.of("a")
    assert len(asked) == 2
    assert one.seconds >= 0.02
    assert one.failing == pytest.approx(40 / one.seconds)
    assert one.queries_per_second == pytest.approx(100 / one.seconds)
    assert one.answers_per_second("10.0.0.2") == pytest.approx(40 / one.seconds)
    assert one.answers_per_second("10.0.0.3") == 0


@pytest.mark.parametrize("later", [page(queries=3, failed=1, start=1_763_700_060), page(queries=3, failed=1)])
def test_a_process_that_started_anew_is_taken_as_it_is_now(collect: Any, cluster: Any, pod: Any, later: str) -> None:
    """No rate is made of counters that fell."""
    found, _ = read(
        collect, cluster, pod, {"a": [page(queries=100, failed=5), later]}, between=timedelta(milliseconds=20)
    )

    assert (found.of("a").counters.queries, found.of("a").failing) == (3, None)


@pytest.mark.parametrize(
    ("plugin", "port"), [("prometheus :9253", 9253), ("prometheus", 9153), ("prometheus 0.0.0.0:9154", 9154)]
)
def test_the_corefile_says_at_which_port(collect: Any, cluster: Any, pod: Any, plugin: str, port: int) -> None:
    """The plugin's own where it names none."""
    _, asked = read(collect, cluster, pod, {"a": [page()]}, needed={Corefile: corefile(plugin)})

    assert asked == [f"a:{port}/metrics"]


def test_without_the_plugin_nothing_is_asked_and_why_is_said(collect: Any, cluster: Any, pod: Any) -> None:
    """The Corefile is named."""
    with pytest.raises(EvidenceUnavailable, match="kube-system/coredns has no plugin `prometheus`"):
        read(collect, cluster, pod, {"a": [page()]}, needed={Corefile: corefile("ready")})


@pytest.mark.parametrize(
    ("answer", "said", "grant"),
    [
        (AccessDenied("403", grant="pods/proxy: get"), "403", "pods/proxy: get"),
        (SourceUnreachable("503 error trying to reach service"), "error trying to reach service", ""),
        ("<html></html>", "none of CoreDNS's", ""),
    ],
)
def test_a_pod_that_shows_nothing_is_a_gap(
    collect: Any, cluster: Any, pod: Any, answer: Any, said: str, grant: str
) -> None:
    """The others are read all the same."""
    found, _ = read(collect, cluster, pod, {"a": [answer], "b": [page()]})

    assert [one.pod for one in found.pods] == ["b"]
    assert said in found.gaps[0].reason
    assert found.gaps[0].grant == grant


def test_pods_beyond_the_most_are_counted(collect: Any, cluster: Any, pod: Any) -> None:
    """The report says so."""
    found, asked = read(collect, cluster, pod, {"a": [page()], "b": [page()]}, max_pods=1)

    assert (len(asked), found.pods_total) == (1, 2)
    assert "1 of 2 pods were not asked" in found.gaps[0].reason

from __future__ import annotations

from dataclasses import replace

from bot.domain.cluster import ClusterTarget, NodeProbe, PodName
from bot.domain.deadline import Deadline
from bot.errors import SourceUnreachable
from bot.workflow.left_probe_pods import LeftProbePods
from tests.looking import TARGET

PROBED = replace(TARGET, node_probe=NodeProbe(image="r/p", namespace="dns-probes"))
TARGETS = (TARGET, replace(PROBED, name="dead"), replace(PROBED, name="living"))


def test_each_cluster_with_probe_pods_is_swept_though_another_does_not_answer() -> None:
    """One without `node_probe` never had any."""
    asked: list[str] = []

    def remove(target: ClusterTarget, _: Deadline) -> tuple[PodName, ...]:
        asked.append(target.name)
        if target.name == "dead":
            raise SourceUnreachable("no connection")
        return (PodName(namespace="dns-probes", name="dnsbot-probe-1"),)

    LeftProbePods(targets=TARGETS, remove=remove, stopping=lambda: False)()

    assert asked == ["dead", "living"]


def test_a_process_that_is_being_stopped_sweeps_no_more() -> None:
    """It would wait for each cluster that does not answer."""
    asked: list[str] = []

    def remove(target: ClusterTarget, _: Deadline) -> tuple[PodName, ...]:
        asked.append(target.name)
        return ()

    LeftProbePods(targets=TARGETS, remove=remove, stopping=lambda: True)()

    assert asked == []

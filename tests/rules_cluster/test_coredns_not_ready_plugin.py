from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.domain.evidence import Gap
from bot.domain.findings import Verdict
from bot.domain.lookups import EVERYTHING, Reach
from bot.rules.coredns_not_ready_plugin import RULE
from tests.rules_cluster.conftest import COREFILE

WITHOUT = COREFILE.replace("    ready\n", "")
LONG, RECENT = timedelta(hours=1), timedelta(seconds=20)


def unready(make: Any, name: str, since: timedelta = LONG, **more: Any) -> Any:
    """Return a pod that runs and is not ready for so long."""
    changes = {"ready": False, "ready_since": None, "unready_since": make.now - since, **more}
    return make.coredns_pod(name, "10.0.1.7" if name.endswith("a") else "10.0.2.7", **changes)


CASES = {
    "no plugin": (WITHOUT, LONG, {}, Verdict.PROBLEM, "has no plugin `ready`"),
    "too early": (WITHOUT, RECENT, {}, Verdict.UNKNOWN, "less than 60 s"),
    "the plugin is there": (COREFILE, LONG, {}, Verdict.HEALTHY, "has what the readiness probes ask (/ready)"),
    "in another block": (
        WITHOUT + "corp.example:53 {\n    ready\n    forward . 10.9.9.9\n}\n", LONG, {}, Verdict.HEALTHY, "/ready",
    ),
    "the probe asks health": (
        COREFILE, LONG, {"container_readiness_path": "/health"}, Verdict.PROBLEM, "has no plugin `health`",
    ),
    "the probe asks no HTTP": (WITHOUT, LONG, {"container_readiness_path": ""}, Verdict.HEALTHY, "nothing by HTTP"),
    "it does not run": (WITHOUT, LONG, {"container_running_since": None}, Verdict.HEALTHY, "No CoreDNS pod runs"),
    "it goes away": (WITHOUT, LONG, {"terminating": True}, Verdict.HEALTHY, "No CoreDNS pod runs"),
    "a part is not read": (
        WITHOUT.replace("    loop\n", "    import more\n"), LONG, {}, Verdict.UNKNOWN, "not read whole",
    ),
    "nothing of it is read": ("", LONG, {}, Verdict.UNKNOWN, "not read whole"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "since", "more", "verdict", "said"), CASES.values(), ids=CASES)
def test_what_the_probe_asks_is_looked_for_in_the_corefile(
    judge: Any, make: Any, text: str, since: timedelta, more: dict[str, Any], verdict: Verdict, said: str
) -> None:
    """Beside a ready pod of an older Corefile."""
    pods = make.coredns_pods(unready(make, "coredns-a", since, **more), make.coredns_pod("coredns-b", "10.0.2.7"))

    found = judge(RULE, pods, make.corefile(text))

    assert found.verdict is verdict, found.summary
    assert said in found.summary


def test_two_ready_pods_need_nothing(judge: Any, make: Any) -> None:
    """Whatever the Corefile says, what was asked answered."""
    assert judge(RULE, make.corefile(WITHOUT)).verdict is Verdict.HEALTHY


def test_its_reach_is_all_where_no_pod_is_ready_and_else_the_pod_itself(judge: Any, make: Any) -> None:
    """The service leads nobody to a pod that is not ready; young pods count where there is no other."""
    one = make.coredns_pods(unready(make, "coredns-a"), make.coredns_pod("coredns-b", "10.0.2.7"))
    both = make.coredns_pods(unready(make, "coredns-a", RECENT), unready(make, "coredns-b", RECENT))

    first, second = (judge(RULE, pods, make.corefile(WITHOUT)) for pods in (one, both))

    assert first.reach == (Reach(servers=frozenset({"10.0.1.7"}), service_path=False),)
    assert second.reach == (EVERYTHING,)
    assert (second.pods, second.details["plugin"]) == (("coredns-a", "coredns-b"), "ready")


def test_pods_that_could_not_be_read_leave_it_open(judge: Any, make: Any) -> None:
    """Another may be the one that never becomes ready."""
    pods = make.coredns_pods(gaps=(Gap(what="pod", reason="403"),))

    assert judge(RULE, pods).verdict is Verdict.UNKNOWN

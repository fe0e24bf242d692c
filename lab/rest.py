"""Knows when a cluster has come to rest: workloads rolled out, or stuck as they will stay; filter up to date."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

from bot.sandbox.world.scenario import OperatingError
from lab.kubernetes_api import Json, KubernetesApi

Signature: TypeAlias = tuple[tuple[str, ...], ...]
_WORKLOADS = ("deployments.apps", "daemonsets.apps", "statefulsets.apps")
_QUIET_SECONDS = 1.2
_STUCK_SECONDS = 8.0
"""What has not moved for so long, ready or not, is taken to stay so."""
_LIMIT_SECONDS = 120.0
_PAUSE_SECONDS = 0.1


class Rest:
    """Waits for rest.

    `refresh_filter` brings the packet filter up to AWS's state and returns whether it is. `raise_failure` raises where
    rest can no longer come, because the nodes' agent has failed.
    """

    def __init__(
        self,
        api: KubernetesApi,
        refresh_filter: Callable[[], bool],
        raise_failure: Callable[[], None],
    ) -> None:
        self._api, self._refresh_filter, self._raise_failure = api, refresh_filter, raise_failure

    def wait(self, *, nothing_stuck: bool = False) -> None:
        """Return when nothing moves. `nothing_stuck`: and everything is as it should be.

        Raises `OperatingError` when it does not come to rest within two minutes, and what `raise_failure` raises.
        """
        end = time.monotonic() + _LIMIT_SECONDS
        seen: Signature = ()
        since = time.monotonic()
        while time.monotonic() < end:
            self._raise_failure()
            workloads = [item for resource in _WORKLOADS for item in self._api.list(resource)]
            pods = self._api.list("pods")
            now = _signature(workloads, pods)
            if now != seen:
                seen, since = now, time.monotonic()
            settled = all(map(_rolled_out, workloads)) and all(map(_at_rest, pods))
            quiet = time.monotonic() - since
            still = quiet > _QUIET_SECONDS if settled else quiet > _STUCK_SECONDS and not nothing_stuck
            if still and self._refresh_filter():
                return
            time.sleep(_PAUSE_SECONDS)
        moving = [pod["metadata"]["name"] for pod in pods if not _at_rest(pod)]
        raise OperatingError(f"the cluster did not come to rest within {_LIMIT_SECONDS:.0f} s; moving: {moving}")


def _signature(workloads: list[Json], pods: list[Json]) -> Signature:
    found: list[tuple[str, ...]] = [
        (
            pod["metadata"]["uid"],
            str("deletionTimestamp" in pod["metadata"]),
            pod["spec"].get("nodeName", ""),
            str(is_ready(pod)),
            "/".join(_waiting(pod)),
        )
        for pod in pods
    ]
    found += [
        (item["metadata"]["uid"], str(item["metadata"]["generation"]), str(_rolled_out(item))) for item in workloads
    ]
    return tuple(sorted(found))


def _rolled_out(workload: Json) -> bool:
    status, kind = workload.get("status") or {}, workload["kind"]
    if status.get("observedGeneration", 0) < workload["metadata"]["generation"]:
        return False
    if kind == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", 0)
        return wanted > 0 and all(
            status.get(name, 0) == wanted
            for name in ("currentNumberScheduled", "updatedNumberScheduled", "numberReady")
        )
    wanted = workload["spec"].get("replicas", 1)
    return all(status.get(name, 0) == wanted for name in ("replicas", "updatedReplicas", "readyReplicas"))


def is_ready(pod: Json) -> bool:
    """Return whether the pod's Ready condition is True."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def _waiting(pod: Json) -> list[str]:
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    return [status["state"]["waiting"]["reason"] for status in statuses if "waiting" in status["state"]]


def _at_rest(pod: Json) -> bool:
    """Tell whether a pod stays as it is: ready, in a crash loop, or with no node to run on."""
    if "deletionTimestamp" in pod["metadata"]:
        return False
    conditions = (pod.get("status") or {}).get("conditions") or []
    unschedulable = any(item.get("reason") == "Unschedulable" for item in conditions)
    return is_ready(pod) or unschedulable or "CrashLoopBackOff" in _waiting(pod)

"""What CoreDNS's answers to cluster names show about its calls to the Kubernetes API. No rule itself.

CoreDNS answers cluster names from what it has read of the API: a pod that answers one has reached it since it started,
one that answers SERVFAIL to all has not. A name of a Service needs the Services alone: 1.15 answers it without
EndpointSlices, so what `/ready` refuses and what is forbidden besides is not contradicted by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from bot.collectors.coredns_pods import CorednsPod, CorednsPods
from bot.domain.evidence import Gap
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer, Lookup

FIRST_SYNC = timedelta(seconds=60)
"""A call that failed so soon after the start was made before the pod had read anything."""


def proven_since(lookups: LookupMatrix | None, pods: CorednsPods, now: datetime) -> Mapping[str, datetime]:
    """Return for each pod that answers cluster names until when its failed calls are contradicted by that.

    A call that fails later leaves it what it had read before: it goes on answering, and its answers grow stale.
    """
    answering = {one.server for one in _asked(lookups) if one.answer is Answer.ANSWERED}
    return {
        pod.name: min(now, pod.container.running_since + FIRST_SYNC)
        for pod in pods.pods
        if pod.ip in answering and pod.container.running_since is not None and not _says_unready(pod)
    }


def unserved(lookups: LookupMatrix | None, pods: CorednsPods, explained: Iterable[str]) -> tuple[Gap, ...]:
    """Return a gap for each pod that answers SERVFAIL to every cluster name, but for those that are `explained`."""
    answers: dict[str, set[Answer]] = {}
    for one in _asked(lookups):
        answers.setdefault(one.server, set()).add(one.answer)
    known = set(explained)
    return tuple(
        Gap(
            what=f"API access of {pod.name}",
            reason=f"{pod.name} answers SERVFAIL to cluster names, which it knows from the API, and no line says why",
        )
        for pod in pods.pods
        if pod.name not in known and answers.get(pod.ip) == {Answer.SERVFAIL}
    )


def _says_unready(pod: CorednsPod) -> bool:
    return pod.container.readiness_path == "/ready" and not pod.ready


def _asked(lookups: LookupMatrix | None) -> list[Lookup]:
    """Return the cluster names that were asked straight of a server."""
    made = lookups.lookups if lookups else ()
    return [one for one in made if not one.external and not one.through_service and one.answer is not Answer.NOT_ASKED]

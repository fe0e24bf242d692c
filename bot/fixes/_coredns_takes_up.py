"""Wait until every CoreDNS pod runs with a changed Corefile: by its own reload, or by a restart (C10).

The kubelet brings a changed ConfigMap into the pods within a minute or two, and the plugin reload looks every 30 s,
15 s more or less. A restart replaces the pods one after the other, as the Deployment's rollout does. Cost: a list of
the pods and the end of each pod's log every 2 s, or a GET of each Deployment.
Sources: CoreDNS, plugin/reload; Kubernetes documentation, "Mounted ConfigMaps are updated automatically".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from bot.dns.reload_lines import TakenUp, taken_up
from bot.domain.cluster import PodName
from bot.domain.json_values import JsonObject, JsonValue
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import and_more, timestamp
from bot.domain.plans import Reading, Step, Writing
from bot.domain.ports import ClusterReader
from bot.domain.reading import reading
from bot.domain.settling import COMPLETE, Settled, failed_because, waiting_for
from bot.kubernetes.pods import Pod
from bot.kubernetes.resources import DEPLOYMENTS, KUBE_SYSTEM, PODS
from bot.kubernetes.rollouts import unfinished
from bot.kubernetes.workloads import RESTARTED_AT

RUNNING = "running"
"""The effect that says which configuration each pod ran before the change, by pod."""
_DAY = 86_400
_LINES, _BYTES = 400, 400_000
PERMISSIONS = (
    KubernetesPermission(
        verb="list",
        resource="pods",
        namespace=KUBE_SYSTEM,
        unlocks="which CoreDNS pods have to load a changed Corefile",
        follows_dns=True,
    ),
    KubernetesPermission(
        verb="get",
        resource="pods/log",
        namespace=KUBE_SYSTEM,
        unlocks="whether a CoreDNS pod has loaded a changed Corefile",
        follows_dns=True,
    ),
    *(
        KubernetesPermission(
            verb=verb,
            resource="deployments",
            group="apps",
            namespace=KUBE_SYSTEM,
            unlocks="restart CoreDNS where it does not load a changed Corefile by itself",
            follows_dns=True,
        )
        for verb in ("get", "patch")
    ),
)


def running(step: Step, cluster: ClusterReader) -> dict[str, JsonValue]:
    """Return the hash of the configuration that each pod says to run, by pod; nothing where they are restarted."""
    if _restarted(step):
        return {}
    return {pod.name: _said(step, pod, cluster).running for pod in _pods(step, cluster)}


def restart(step: Step, writing: Writing) -> None:
    """Restart the step's Deployments, if it names any, as `kubectl rollout restart` does."""
    for name in _restarted(step):
        annotations: JsonObject = {RESTARTED_AT: timestamp(writing.begun_at)}
        body: JsonObject = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
        writing.cluster_writer.patch(DEPLOYMENTS, name, body, namespace=_namespace(step))


def settled(step: Step, effects: JsonObject, look: Reading, *, on: bool) -> Settled:
    """Return whether every pod runs with the query log on, or off."""
    restarted = _restarted(step)
    if restarted:
        for name in restarted:
            missing = unfinished("Deployment", look.cluster.get(DEPLOYMENTS, name, namespace=_namespace(step)))
            if missing:
                return waiting_for(f"{name}: {missing}")
        return COMPLETE
    before = effects.get(RUNNING)
    former = before if isinstance(before, Mapping) else {}
    late: list[str] = []
    for pod in _pods(step, look.cluster):
        said = _said(step, pod, look.cluster)
        if said.failed:
            return failed_because(f"{pod.name} refuses the Corefile and runs on with the former one: {said.failed}")
        if not _in_force(said, former.get(pod.name), on=on):
            late.append(pod.name)
    if not late:
        return COMPLETE
    return waiting_for(f"{and_more(late, 3)} runs with the former Corefile; a reload takes minutes")


def _in_force(said: TakenUp, former: JsonValue, *, on: bool) -> bool:
    """Return whether a pod runs with the change. One that was not there before it started with it."""
    if on:
        return said.logs_queries or former is None or said.running not in ("", former)
    return not said.logs_queries and (former is None or said.running not in ("", former))


def _pods(step: Step, cluster: ClusterReader) -> Sequence[Pod]:
    """Return the CoreDNS pods that run: what starts later reads the changed Corefile."""
    namespace, labels = _namespace(step), str(step.parameters["selector"])
    read = partial(Pod.of, container=str(step.parameters["container"]))
    with reading(f"list pods of {labels} in {namespace}"):
        found = cluster.list(PODS, read, namespace=namespace, labels=labels)
    return [pod for pod in found if pod.container.running_since and not (pod.over or pod.terminating)]


def _said(step: Step, pod: Pod, cluster: ClusterReader) -> TakenUp:
    return taken_up(
        cluster.logs(
            PodName(namespace=pod.namespace, name=pod.name),
            container=str(step.parameters["container"]),
            since_seconds=_DAY,
            tail_lines=_LINES,
            limit_bytes=_BYTES,
        )
    )


def _restarted(step: Step) -> list[str]:
    named = step.parameters.get("restart")
    return [str(one) for one in named] if isinstance(named, list | tuple) else []


def _namespace(step: Step) -> str:
    return str(step.parameters["namespace"])

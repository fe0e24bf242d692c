"""Short-lived pods on nodes' own networks: made for one diagnosis, and gone with it.

What such a pod may is said in `bot/kubernetes/probe_pods.py`; one of its labels is unique to the run. It is deleted
when the run is over; one whose maker was killed ends by itself after `LIFE_SECONDS` (`activeDeadlineSeconds`), and is
removed by `remove_left_behind`: at every start of `dnsbot run`, and before the first pod of a further run is made.

Sources: Kubernetes API reference, "Pod" (PodSpec); "Pod Security Standards"; "Assigning Pods to Nodes" (nodeName).
"""

from __future__ import annotations

import logging
import os
import re
import socket
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http import HTTPStatus
from uuid import uuid4

from bot.clients.answers import json_object
from bot.clients.kubernetes_access import may
from bot.clients.kubernetes_api import KubernetesApi, collection_path
from bot.clients.kubernetes_errors import KubernetesCall, refusal, status_message
from bot.clients.kubernetes_reading import KubernetesReader
from bot.clients.time_limit import within
from bot.domain.cluster import NodeProbe, PodName
from bot.domain.deadline import Deadline
from bot.domain.json_values import JsonObject, RawObject
from bot.domain.permissions import KubernetesPermission
from bot.domain.ports import Record
from bot.domain.reading import reading
from bot.errors import AccessDenied, EvidenceUnavailable, NotFound, SourceTimeout
from bot.kubernetes.members import moment, optional_text, part, text, text_map
from bot.kubernetes.probe_pods import SELECTOR, ProbePod, runs, why_not
from bot.kubernetes.resources import PODS

log = logging.getLogger(__name__)

LIFE_SECONDS = 300
"""The kubelet ends such a pod after this, whatever became of its maker; no diagnosis takes as long."""
RUN_LABEL = "dnsbot/run"
MADE_BY = "dnsbot/made-by"
"""Annotation: which process made it, as `HOST:PID:TOKEN`."""

_FIRST_POLL_SECONDS, _POLL_SECONDS = 0.05, 0.4
"""How long until a pod is looked at again: twice as long each time. Where the image is there, it starts at once."""
_REMOVE_SECONDS = 5.0
_AT_ONCE = 8
_POD_SECURITY = re.compile(r'violates PodSecurity "([a-z]+):')


def right(verb: str, namespace: str) -> KubernetesPermission:
    """Return the right on pods that a call needs."""
    return KubernetesPermission(verb=verb, resource="pods", namespace=namespace)


@cache
def own_process() -> str:
    """Return what this process writes on the pods that it makes."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"


@dataclass(slots=True, kw_only=True)
class ProbePods:
    """The pods of one run, at most one on a node. Safe among threads."""

    api: KubernetesApi
    probe: NodeProbe
    run: str = field(default_factory=lambda: uuid4().hex[:12])
    _by_node: dict[str, Future[PodName]] = field(default_factory=dict)
    _made: list[tuple[PodName, Record]] = field(default_factory=list)
    _closed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def on(self, node: str, deadline: Deadline, record: Record) -> PodName:
        """Return the pod that runs on a node, made where there is none yet.

        Raises `EvidenceUnavailable` where it is refused or does not start, naming what to do.
        """
        with self._lock:
            first = node not in self._by_node
            awaited = self._by_node.setdefault(node, Future())
            number = len(self._by_node)
        if first:
            try:
                awaited.set_result(self._make(node, number, deadline, record))
            except BaseException as error:
                awaited.set_exception(error)
                raise
        try:
            return awaited.result(timeout=deadline.remaining())
        except TimeoutError as error:
            raise SourceTimeout(f"The probe pod on node {node} did not start in time.") from error

    def close(self) -> None:
        """Remove every pod that was made, or may have been; none is made any more."""
        with self._lock:
            self._closed = True
            made = tuple(self._made)
        if made:
            with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="remove probe pod") as threads:
                list(threads.map(lambda one: _remove_surely(self.api, *one), made))

    def _make(self, node: str, number: int, deadline: Deadline, record: Record) -> PodName:
        pod = PodName(namespace=self.probe.namespace, name=f"dnsbot-probe-{self.run}-{number}")
        self._check_that_it_can_be_removed(node, deadline)
        if number == 1:
            self._remove_left_behind(deadline, record)
        with self._lock:
            if self._closed:
                raise EvidenceUnavailable(f"The diagnosis is over: no probe pod is made on node {node} any more.")
            self._made.append((pod, record))  # before it is sent: an answer may be lost
        with record(right("create", pod.namespace)):
            self._create(pod, node, deadline)
        with record(right("get", pod.namespace)):
            self._await(pod, node, deadline)
        if self._closed:  # in the meantime, and it may have missed this one
            _remove_surely(self.api, pod, record)
        return pod

    def _check_that_it_can_be_removed(self, node: str, deadline: Deadline) -> None:
        """Raise `AccessDenied` where it could not: then none is made."""
        needed = right("delete", self.probe.namespace)
        if not may(self.api, needed, deadline):
            raise AccessDenied(
                f"No probe pod is made on node {node}: it could not be removed. Grant `{needed.text}`.",
                grant=needed.text,
            )

    def _remove_left_behind(self, deadline: Deadline, record: Record) -> None:
        """Remove what killed processes left, as the start of `dnsbot run` does: a diagnosis may be a start, too."""
        try:
            with record(right("list", self.probe.namespace)):
                remove_left_behind(self.api, self.probe, deadline)
        except EvidenceUnavailable as error:
            log.warning("probe pods were not looked for", extra={"reason": error.reason})

    def _create(self, pod: PodName, node: str, deadline: Deadline) -> None:
        call = KubernetesCall(verb="create", resource="pods", namespace=pod.namespace, name=pod.name)
        body = ProbePod(
            pod=pod,
            node=node,
            image=self.probe.image,
            command=("sleep", str(LIFE_SECONDS)),
            labels={RUN_LABEL: self.run},
            annotations={MADE_BY: own_process()},
            life_seconds=LIFE_SECONDS,
        ).manifest
        with within(deadline):
            reply = self.api.exchange(
                call, "POST", collection_path(PODS, pod.namespace), body=body, content_type="application/json"
            )
        if reply.status in {HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED}:
            return
        level = _POD_SECURITY.search(status_message(reply.body))
        if level is not None:
            raise EvidenceUnavailable(_refused_by_pod_security(pod.namespace, level[1], status_message(reply.body)))
        raise refusal(call, reply.status, reply.body)

    def _await(self, pod: PodName, node: str, deadline: Deadline) -> None:
        """Return when its container runs."""
        reader = KubernetesReader(self.api, deadline)
        pause_seconds = _FIRST_POLL_SECONDS
        while True:
            found = reader.get(PODS, pod.name, namespace=pod.namespace)
            with reading(f"get pod {pod}"):
                if runs(found):
                    return
                reason = why_not(found)
            if reason:
                raise EvidenceUnavailable(
                    f"The probe pod {pod} ({self.probe.image}) does not start on node {node}: {reason}."
                )
            if deadline.remaining() <= pause_seconds:
                raise SourceTimeout(
                    f"The probe pod {pod} ({self.probe.image}) did not start on node {node} in time; it is still "
                    f"{part(found, 'status').get('phase', 'Pending')}."
                )
            time.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, _POLL_SECONDS)


def remove_left_behind(api: KubernetesApi, probe: NodeProbe, deadline: Deadline) -> tuple[PodName, ...]:
    """Remove the probe pods whose makers are gone, and return them. Raises `EvidenceUnavailable`.

    Pods of a process that may still be at work are left: on another host until they have outlived any diagnosis.
    """
    now = datetime.now(UTC)

    def read(pod: RawObject) -> PodName | None:
        left_behind = is_left_behind(pod, now, own_process())
        return PodName(namespace=probe.namespace, name=text(pod["metadata"], "name")) if left_behind else None

    with reading(f"list pods in {probe.namespace}"):
        found = KubernetesReader(api, deadline).list(PODS, read, namespace=probe.namespace, labels=SELECTOR)
    left = [pod for pod in found if pod is not None]
    for pod in left:
        _remove(api, pod, deadline)
    return tuple(left)


def is_left_behind(pod: RawObject, now: datetime, own: str) -> bool:
    """Return whether nobody waits for this probe pod any more; `own` is this process, as `own_process` names it."""
    if optional_text(part(pod, "status"), "phase") in {"Succeeded", "Failed"}:
        return True
    if now - moment(pod["metadata"], "creationTimestamp") > timedelta(seconds=2 * LIFE_SECONDS):
        return True
    maker, here = text_map(pod["metadata"], "annotations").get(MADE_BY, "").split(":"), own.split(":")
    if len(maker) != len(here) or maker[0] != here[0]:
        return False
    return maker[2] != here[2] if maker[1] == here[1] else not _is_alive(maker[1])


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _remove_surely(api: KubernetesApi, pod: PodName, record: Record) -> None:
    """Remove a pod, trying twice; what is left all the same ends by itself, and the next start removes it."""
    with record(right("delete", pod.namespace)):
        for last in (False, True):
            try:
                _remove(api, pod, Deadline.after(_REMOVE_SECONDS))
            except EvidenceUnavailable as error:
                if last:
                    log.warning("a probe pod was not removed", extra={"pod": str(pod), "reason": error.reason})
            else:
                return


def _remove(api: KubernetesApi, pod: PodName, deadline: Deadline) -> None:
    call = KubernetesCall(verb="delete", resource="pods", namespace=pod.namespace, name=pod.name)
    path = f"{collection_path(PODS, pod.namespace)}/{pod.name}"
    body: JsonObject = {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 1}
    with within(deadline):
        reply = api.exchange(call, "DELETE", path, body=body, content_type="application/json")
    if reply.status in {HTTPStatus.OK, HTTPStatus.ACCEPTED}:
        json_object(reply.body, str(call))
        return
    refused = refusal(call, reply.status, reply.body)
    if not isinstance(refused, NotFound):
        raise refused


def _refused_by_pod_security(namespace: str, level: str, message: str) -> str:
    return (
        f"The namespace {namespace} does not admit the probe pod: it enforces the Pod Security level {level!r}, and "
        f"seeing a node needs its network, NET_ADMIN and NET_RAW ({message}). Name a namespace in `node_probe` that "
        f"admits it, or allow it there: kubectl label namespace {namespace} "
        "pod-security.kubernetes.io/enforce=privileged --overwrite."
    )

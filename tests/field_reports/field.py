"""The hands that arrange a report: the world's operator, and what no simulation gives (statuses, logs, lookups).

`field.operator` and `field.world` change the simulated world as an operator does, and its consequences follow by
themselves. What a real cluster was seen to say and the simulation cannot bring about is laid over its answers:
statuses (`crash`, `unready`, `change`), objects (`add`, `remove`), logs (`log`), lookups (`lookups`) and a VPC's CIDR
(`vpc`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.world.scenario import Operator
from bot.sandbox.world.world import CLUSTER_DNS, World
from tests.field_reports.told import Answering, Json, Question, Told, ToldLine, moment

DNS_PODS = "k8s-app=kube-dns"


@dataclass(slots=True)
class Field:
    """One world and what is told of it."""

    running: RunningWorld
    told: Told = field(default_factory=Told)
    _down: set[str] = field(default_factory=set)

    @property
    def world(self) -> World:
        """The simulated world."""
        return self.running.world

    @property
    def operator(self) -> Operator:
        """Whoever changes it with kubectl and aws."""
        return self.running.operator

    def coredns(self) -> list[str]:
        """Return the names of the CoreDNS pods, sorted."""
        return sorted(pod["metadata"]["name"] for pod in self.operator.get("pods", labels=DNS_PODS))

    def nodes(self) -> dict[str, str]:
        """Return the node of each pod, by namespace/name."""
        pods = self.operator.get("pods")
        return {
            f"{pod['metadata']['namespace']}/{pod['metadata']['name']}": pod["spec"].get("nodeName", "") for pod in pods
        }

    def change(self, plural: str, change: Callable[[Json], Json | None], *, name: str = "") -> None:
        """Let the API answer with what `change` makes of each object, or of the one called `name`; None: not there."""

        def applied(one: Json) -> Json | None:
            return change(one) if name in ("", one["metadata"]["name"]) else one

        self.told.changes.append((plural, applied))

    def add(self, plural: str, *objects: Json) -> None:
        """Let the API know these objects too. Nothing acts on them."""
        self.told.objects.setdefault(plural, []).extend(objects)

    def remove(self, plural: str, name: str) -> None:
        """Let the API not know the object."""
        self.change(plural, lambda _: None, name=name)

    def log(self, pod: str, *lines: str, since: float = 120, until: float = 20, previous: bool = False) -> None:
        """Let the pod's log be these lines, the first `since` and the last `until` seconds ago, even steps between."""
        step = (since - until) / max(1, len(lines) - 1)
        said = tuple(ToldLine(ago=since - step * at, text=text) for at, text in enumerate(lines))
        self.told.logs[pod, previous] = said

    def lookups(self, answering: Answering) -> None:
        """Let lookups be answered by this where it gives an answer."""
        self.told.answering.append(answering)

    def event(self, pod: str, reason: str, message: str, *, ago: float = 30, count: int = 10) -> None:
        """Let there be a warning about a pod of kube-system."""
        self.add(
            "events",
            {
                "metadata": {"name": f"{pod}.{len(self.told.objects)}", "namespace": "kube-system"},
                "involvedObject": {"kind": "Pod", "namespace": "kube-system", "name": pod},
                "type": "Warning",
                "reason": reason,
                "message": message,
                "count": count,
                "lastTimestamp": moment(ago),
            },
        )

    def crash(
        self,
        pod: str,
        *log: str,
        reason: str = "Error",
        exit_code: int = 1,
        restarts: int = 12,
        age: float = 3_600,
        ended: float = 40,
    ) -> None:
        """Let a pod of CoreDNS be in CrashLoopBackOff since `age` seconds, its log these lines."""
        last = {"reason": reason, "exitCode": exit_code, "startedAt": moment(ended + 1), "finishedAt": moment(ended)}
        waiting = {
            "reason": "CrashLoopBackOff",
            "message": f"back-off 5m0s restarting failed container=coredns pod={pod}_kube-system(1)",
        }
        status = {"state": {"waiting": waiting}, "lastState": {"terminated": last}, "restartCount": restarts}
        self.unready(pod, age=age, container=status)
        self.log(pod, *log, since=ended + 0.5, until=ended)
        self.log(pod, *log, since=ended + 0.5, until=ended, previous=True)

    def unready(self, pod: str, *, age: float = 3_600, container: Json | None = None) -> None:
        """Let a pod of CoreDNS be not ready since `age` seconds: no endpoint, and it answers nobody."""

        def changed(one: Json) -> Json:
            status, since = one["status"], moment(age)
            one["metadata"]["creationTimestamp"] = min(one["metadata"]["creationTimestamp"], moment(age + 5))
            for condition in status["conditions"]:
                if condition["type"] in ("Ready", "ContainersReady"):
                    condition |= {"status": "False", "lastTransitionTime": since, "reason": "ContainersNotReady"}
            for known in status.get("containerStatuses") or []:
                known |= {"ready": False, "state": {"running": {"startedAt": since}}, **(container or {})}
            return one

        self.change("pods", changed, name=pod)
        self.no_endpoint(pod)

    def vpc(self, cidr: str) -> None:
        """Let the route tables name this CIDR as the VPC's own."""

        def changed(answer: Json) -> Json:
            for route in (route for table in answer["RouteTables"] for route in table["Routes"]):
                if route.get("GatewayId") == "local":
                    route["DestinationCidrBlock"] = cidr
            return answer

        self.told.aws["DescribeRouteTables"] = changed

    def waiting(self, pod: str, reason: str, *, age: float = 3_600) -> None:
        """Let a pod of CoreDNS be Pending on its node, its container never started and waiting for `reason`."""
        never = {"state": {"waiting": {"reason": reason}}, "lastState": {}, "restartCount": 0}
        self.unready(pod, age=age, container=never)

        def changed(one: Json) -> Json:
            return {**one, "status": {**one["status"], "phase": "Pending", "podIP": "", "podIPs": []}}

        self.change("pods", changed, name=pod)

    def unscheduled(self, pod: str, message: str, *, age: float = 3_600) -> None:
        """Let a pod of CoreDNS find no node since `age` seconds, as the scheduler says."""
        since = moment(age)
        said = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}

        def changed(one: Json) -> Json:
            status = {"phase": "Pending", "conditions": [{**said, "lastTransitionTime": since}]}
            spec = {key: value for key, value in one["spec"].items() if key != "nodeName"}
            return {**one, "metadata": {**one["metadata"], "creationTimestamp": since}, "spec": spec, "status": status}

        self.change("pods", changed, name=pod)
        self.no_endpoint(pod)

    def no_endpoint(self, pod: str) -> None:
        """Let the pod's endpoint be not ready, and the pod answer nobody; the Service refuses when none is left."""
        if not self._down:
            self.change("endpointslices", self._without)
            self.lookups(self._refused)
        self._down.add(pod)

    def _without(self, one: Json) -> Json:
        for endpoint in one.get("endpoints") or []:
            if (endpoint.get("targetRef") or {}).get("name") in self._down:
                endpoint["conditions"] = {"ready": False, "serving": False, "terminating": False}
        return one

    def _refused(self, asked: Question) -> str | None:
        pods = self.operator.get("pods", labels=DNS_PODS)
        addresses = {pod["status"].get("podIP") for pod in pods if pod["metadata"]["name"] in self._down}
        everybody = {pod["metadata"]["name"] for pod in pods} <= self._down
        return "refused" if asked.server in addresses or (everybody and asked.server == CLUSTER_DNS) else None


def repeated(line: str, times: int) -> Sequence[str]:
    """Return the line so many times."""
    return [line] * times

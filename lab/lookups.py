"""Who can resolve what from where: lookups in application pods, of each kind one on each node, udp and tcp."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from bot.domain.cluster import PodName
from bot.domain.deadline import Deadline
from bot.domain.ports import ExecResult, PodProber
from bot.sandbox.network.branch_interfaces import ANNOTATION
from bot.sandbox.running.standing_world import StandingWorld
from bot.sandbox.world.dns_pods import coredns_pods
from bot.sandbox.world.world import CLUSTER_DNS, WORKLOAD_SELECTOR
from lab.bot_clients import sources
from lab.errors import LabError
from lab.kubernetes_api import Json

INSIDE, OUTSIDE = "kubernetes.default.svc.cluster.local.", "amazon.com."
_TOOLS = "catalog"
"""The application with dig on board and a plain pod on each node."""
_SECONDS = 120.0
_AT_ONCE = 64
_LOOKED = frozenset({0, 9})
"""Exit codes of a dig that looked: it got a DNS response, or no server replied (BIND 9.18, dig(1), "Return Codes")."""
Question: TypeAlias = tuple[Json, tuple["To", str, tuple[Json, ...]], str, bool]
"""The pod that asks, whom it asks, the name, and whether over TCP."""


class To(StrEnum):
    """Whom a lookup asks."""

    POD = "pod"
    """A CoreDNS pod, by its own address."""
    SERVICE = "service"
    """The ClusterIP that nodes are told to ask."""
    OWN = "own"
    """The name server of the client's resolv.conf."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """One lookup, and whether it was answered with NOERROR."""

    client: Json
    """The pod that asked."""
    to: To
    address: str
    servers: tuple[Json, ...]
    """The CoreDNS pods that may have answered: one, or all ready ones."""
    name: str
    tcp: bool
    answered: bool

    @property
    def whence(self) -> str:
        """Short name of the client's node, and whether the client has an interface of its own there."""
        node = str(self.client["spec"]["nodeName"]).partition(".")[0]
        return f"{node}, branch interface" if has_branch_interface(self.client) else node


def has_branch_interface(pod: Json) -> bool:
    """Return whether the pod has an interface of its own."""
    return ANNOTATION in (pod["metadata"].get("annotations") or {})


def clients_of(standing: StandingWorld) -> list[Json]:
    """Return the pods that look up: plain ones, one on each node, and all application pods with branch interfaces."""
    pods = standing.operator.get("pods", labels=WORKLOAD_SELECTOR)
    return [pod for pod in pods if pod["metadata"]["namespace"] == _TOOLS or has_branch_interface(pod)]


def look_up(standing: StandingWorld) -> tuple[Lookup, ...]:
    """Ask each CoreDNS pod, the service and the pod's own name server from `clients_of` the world, udp and tcp.

    Raises `LabError` when a dig could not look, and `EvidenceUnavailable` when it could not be run.
    """
    clients = clients_of(standing)
    servers = coredns_pods(standing.operator)
    ready = tuple(pod for pod in servers if pod["status"].get("containerStatuses", [{}])[0].get("ready"))
    addressed = [pod for pod in servers if pod["status"].get("podIP")]
    targets = [(To.POD, str(pod["status"]["podIP"]), (pod,)) for pod in addressed]
    prober = sources(standing).pods(Deadline.after(_SECONDS))

    def asked(question: Question) -> Lookup:
        client, (to, address, pods), name, tcp = question
        return Lookup(
            client=client,
            to=to,
            address=address,
            servers=pods,
            name=name,
            tcp=tcp,
            answered=_is_answered(prober, client, address, name, tcp=tcp),
        )

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        own = threads.map(lambda client: _own_server(prober, client), clients)
        questions = [
            (client, target, name, tcp)
            for client, address in zip(clients, own, strict=True)
            for target in (*targets, (To.SERVICE, CLUSTER_DNS, ready), (To.OWN, address, ready))
            for name in (INSIDE, OUTSIDE)
            for tcp in (False, True)
        ]
        return tuple(threads.map(asked, questions))


def is_answer(result: ExecResult, asked: str) -> bool:
    """Return whether dig's one question was answered with NOERROR; `asked` says where it ran, and the command.

    Raises `LabError` for a dig that did not look: not found, refused its arguments, broke.
    """
    if result.exit_code not in _LOOKED:
        raise LabError(
            f"Cannot tell whether the lookup is answered: {asked} ended with {result.exit_code}, which dig does not "
            f"after a lookup: {_said_instead(result)}. Run it by hand, and see what the image "
            "has on board."
        )
    return "status: NOERROR" in result.text()


def _said_instead(result: ExecResult) -> str:
    return (result.complaint or result.text(cut_is_fine=True)).strip()


def _run(prober: PodProber, client: Json, arguments: Sequence[str]) -> ExecResult:
    name = PodName(namespace=client["metadata"]["namespace"], name=client["metadata"]["name"])
    return prober.run(name, client["spec"]["containers"][0]["name"], arguments)


def _asked(client: Json, arguments: Sequence[str]) -> str:
    return f"in pod {client['metadata']['namespace']}/{client['metadata']['name']}, `{' '.join(arguments)}`"


def _own_server(prober: PodProber, client: Json) -> str:
    command = ("cat", "/etc/resolv.conf")
    result = _run(prober, client, command)
    for words in map(str.split, result.text().splitlines()):
        if result.exit_code == 0 and words[:1] == ["nameserver"]:
            return words[1]
    raise LabError(
        f"Cannot read the pod's own name server: {_asked(client, command)} ended with {result.exit_code} and names "
        f"none: {_said_instead(result)}. See what the pod's image and resolv.conf hold."
    )


def _is_answered(prober: PodProber, client: Json, address: str, name: str, *, tcp: bool) -> bool:
    options = ["+time=2", "+tries=1", "+noall", "+comments", "+answer", *(["+tcp"] if tcp else [])]
    command = ["dig", *options, f"@{address}", name, "A"]
    return is_answer(_run(prober, client, command), _asked(client, command))


def as_text(found: Sequence[Lookup]) -> str:
    """Return a table: a line for each node and kind of client, a column for each server and protocol, both names."""
    columns = sorted({_column(lookup) for lookup in found})
    lines = [["from", *(f"{head} {'tcp' if tcp else 'udp'}" for _, head, tcp in columns)]]
    for whence in sorted({lookup.whence for lookup in found}):
        cells = [
            "/".join(_said([one for one in found if (one.whence, _column(one), one.name) == (whence, column, name)])
                     for name in (INSIDE, OUTSIDE))
            for column in columns
        ]  # fmt: skip
        lines.append([whence, *cells])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _column(lookup: Lookup) -> tuple[int, str, bool]:
    """Return rank, heading and protocol of the column that a lookup stands in."""
    heads = {To.OWN: "own name server", To.SERVICE: f"service {lookup.address}", To.POD: f"pod {lookup.address}"}
    return list(heads).index(lookup.to), heads[lookup.to], lookup.tcp


def _said(found: Sequence[Lookup]) -> str:
    if not found:
        return "not asked"
    return "ok" if all(lookup.answered for lookup in found) else "no answer"

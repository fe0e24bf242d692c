"""Who can resolve what from where: look-ups exec'd in the application pods, one on each node, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bot.sandbox.world import CLUSTER_DNS
from lab.kubernetes_api import Json
from lab.running import RunningLab

INSIDE, OUTSIDE = "kubernetes.default.svc.cluster.local.", "amazon.com."
_AT_ONCE = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One look-up."""

    node: str
    """Short name of the node that the asking pod runs on."""
    server: str
    name: str
    tcp: bool
    answered: bool


def look_up(lab: RunningLab, protocols: Sequence[bool] = (False, True)) -> tuple[Cell, ...]:
    """Ask the ClusterIP and every CoreDNS pod, inside and outside names, from one pod on each node."""
    pods = {pod["spec"]["nodeName"]: pod for pod in lab.operator.get("pods", namespace="catalog")}
    servers = [CLUSTER_DNS, *coredns_addresses(lab)]
    asked = [
        (pod, server, name, tcp)
        for _, pod in sorted(pods.items())
        for server in servers
        for tcp in protocols
        for name in (INSIDE, OUTSIDE)
    ]
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return tuple(threads.map(lambda question: _ask(lab, *question), asked))


def coredns_addresses(lab: RunningLab) -> list[str]:
    """Return the addresses of the CoreDNS pods, in order."""
    pods = lab.operator.get("pods", namespace="kube-system", labels="k8s-app=kube-dns")
    return sorted(pod["status"]["podIP"] for pod in pods if pod["status"].get("podIP"))


def _ask(lab: RunningLab, pod: Json, server: str, name: str, tcp: bool) -> Cell:  # noqa: FBT001  # one of four parts of a question
    options = ["+time=2", "+tries=1", "+noall", "+comments", *(["+tcp"] if tcp else [])]
    said = lab.kubectl("exec", "-n", "catalog", pod["metadata"]["name"], "--", "dig", *options, f"@{server}", name, "A")
    node = pod["spec"]["nodeName"].partition(".")[0]
    return Cell(node=node, server=server, name=name, tcp=tcp, answered="status: NOERROR" in said.stdout)


def as_text(cells: Sequence[Cell]) -> str:
    """Return a table: a line for each node, a column for each server and protocol, inside/outside name."""
    columns = sorted({(cell.server != CLUSTER_DNS, cell.server, cell.tcp) for cell in cells})
    heads = [f"{server} {'tcp' if tcp else 'udp'}" for _, server, tcp in columns]
    lines = [["from", *heads]]
    for node in sorted({cell.node for cell in cells}):
        line = [node]
        for _, server, tcp in columns:
            found = {cell.name: cell for cell in cells if (cell.node, cell.server, cell.tcp) == (node, server, tcp)}
            line.append("/".join("ok" if found[name].answered else "no answer" for name in (INSIDE, OUTSIDE)))
        lines.append(line)
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) for line in lines)

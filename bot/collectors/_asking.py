"""Asks questions in one pod, with the tool that its image has; no collector itself.

`dig` where it is there, else `nslookup` (UDP only), else nothing: the cells then say NOT_ASKED and a
gap says what would help (C5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bot.collectors.workload_pods import WorkloadPod
from bot.dns.lookup_tools import (
    READ_RESOLV_CONF,
    TELL_DIG_VERSION,
    Reading,
    dig_arguments,
    nslookup_arguments,
    program_missing,
    read_dig,
    read_nslookup,
)
from bot.dns.resolv_conf import ResolvConf, parse_resolv_conf
from bot.domain.cluster import PodName
from bot.domain.evidence import Gap
from bot.domain.findings import Answer, Cell, Protocol
from bot.domain.ports import ExecResult, Prober
from bot.errors import AccessDenied, EvidenceUnavailable, Unauthenticated

DEFAULT_CLUSTER_DOMAIN = "cluster.local"


def internal_name(resolver: ResolvConf | None) -> str:
    """Return the absolute name of the API server's Service: the short one resolves only in `default` (C7)."""
    domain = resolver.cluster_domain if resolver else ""
    return f"kubernetes.default.svc.{domain or DEFAULT_CLUSTER_DOMAIN}."


class Tool(StrEnum):
    """What a pod's image can look names up with."""

    DIG = "dig"
    NSLOOKUP = "nslookup"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question."""

    server: str
    through_service: bool
    protocol: Protocol
    external: bool
    name: str


@dataclass(slots=True, kw_only=True)
class PodSession:
    """One pod while it is asked. Made and prepared in one thread; then `ask` may run in several."""

    pod: WorkloadPod
    prober: Prober
    tool: Tool = Tool.NONE
    resolver: ResolvConf | None = None
    failure: EvidenceUnavailable | None = None
    """Why nothing can be asked here: an exec that is refused, for one."""
    gaps: list[Gap] = field(default_factory=list)
    _first: dict[tuple[str, str], Reading] = field(default_factory=dict)
    """The answer that nslookup was found with, by server and name: it is not asked a second time."""

    @property
    def name(self) -> str:
        """The pod as kubectl names it."""
        return f"{self.pod.namespace}/{self.pod.name}"

    def prepare(self, server: str) -> None:
        """Read resolv.conf, then find the tool; nslookup is found by asking `server` for the cluster's own name."""
        try:
            self._read_resolver()
            self.tool = self._find_tool(server, internal_name(self.resolver))
        except EvidenceUnavailable as error:
            self.failure = error
            self.gaps.append(Gap.of(f"look-ups from pod {self.name} on {self.pod.node}", error))

    def ask(self, asked: Asked) -> Cell:
        """Ask one question and return its cell."""
        if self.failure is not None:
            return self.cell(asked, Reading(answer=Answer.NOT_ASKED, detail=self.failure.reason))
        if self.tool is Tool.NONE:
            return self.cell(asked, Reading(answer=Answer.NOT_ASKED, detail="the image has neither dig nor nslookup"))
        if self.tool is Tool.NSLOOKUP and asked.protocol is Protocol.TCP:
            return self.cell(
                asked, Reading(answer=Answer.NOT_ASKED, detail="the image has no dig; nslookup asks over UDP")
            )
        try:
            return self.cell(asked, self._look_up(asked))
        except EvidenceUnavailable as error:
            return self.cell(asked, Reading(answer=Answer.NOT_ASKED, detail=error.reason))

    def cell(self, asked: Asked, reading: Reading) -> Cell:
        """Return the cell of a question with what came of it."""
        return Cell(
            node=self.pod.node,
            pod=self.name,
            server=asked.server,
            through_service=asked.through_service,
            protocol=asked.protocol,
            external=asked.external,
            name=asked.name,
            answer=reading.answer,
            detail=reading.detail,
        )

    def _look_up(self, asked: Asked) -> Reading:
        known = self._first.get((asked.server, asked.name)) if asked.protocol is Protocol.UDP else None
        if known is not None:
            return known
        if self.tool is Tool.DIG:
            return read_dig(self._run(dig_arguments(asked.server, asked.name, asked.protocol)), server=asked.server)
        return read_nslookup(self._run(nslookup_arguments(asked.server, asked.name)), server=asked.server)

    def _read_resolver(self) -> None:
        try:
            result = self._run(READ_RESOLV_CONF)
        except (AccessDenied, Unauthenticated):
            raise
        except EvidenceUnavailable as error:
            self.gaps.append(Gap.of(f"/etc/resolv.conf of pod {self.name}", error))
            return
        if result.exit_code == 0:
            self.resolver = parse_resolv_conf(result.stdout)
            return
        reason = "the image has no `cat`" if program_missing(result) else result.stderr.strip() or "cat failed"
        self.gaps.append(Gap(what=f"/etc/resolv.conf of pod {self.name} on {self.pod.node}", reason=reason))

    def _find_tool(self, server: str, name: str) -> Tool:
        if not program_missing(self._run(TELL_DIG_VERSION)):  # waits for no server, as a question would
            return Tool.DIG
        result = self._run(nslookup_arguments(server, name))
        if not program_missing(result):
            self._first[server, name] = read_nslookup(result, server=server)
            self.gaps.append(
                Gap(
                    what=f"TCP look-ups from pod {self.name} on {self.pod.node}",
                    reason="its image has nslookup but no dig, and nslookup asks over UDP only; dig would help",
                )
            )
            return Tool.NSLOOKUP
        self.gaps.append(
            Gap(
                what=f"look-ups from pod {self.name} on {self.pod.node}",
                reason=(
                    "its image has neither dig nor nslookup; let workload_selector choose pods whose image has "
                    f"dig, or ask by hand: kubectl debug -n {self.pod.namespace} {self.pod.name} -it "
                    f"--image=IMAGE_WITH_DIG "
                    f"--target={self.pod.container} -- dig @{server} {name}"
                ),
            )
        )
        return Tool.NONE

    def _run(self, arguments: Sequence[str]) -> ExecResult:
        return self.prober.run(
            PodName(namespace=self.pod.namespace, name=self.pod.name), self.pod.container, list(arguments)
        )

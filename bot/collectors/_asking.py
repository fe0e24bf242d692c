"""Asks questions in one pod, with the tool that its image has; no collector itself.

`dig` where it is there, else `nslookup` (UDP only), else nothing: the lookups then say NOT_ASKED and a
gap says what would help (C5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bot.dns.lookup_tools import (
    READ_RESOLV_CONF,
    TELL_DIG_VERSION,
    ToolAnswer,
    dig_arguments,
    nslookup_arguments,
    read_dig,
    read_nslookup,
)
from bot.dns.resolv_conf import ResolvConf, parse_resolv_conf
from bot.domain.cluster import PodName
from bot.domain.evidence import Gap
from bot.domain.lookup_matrix import DEFAULT_CLUSTER_DOMAIN
from bot.domain.lookups import Answer, Lookup, Transport
from bot.domain.ports import ExecResult, PodProber
from bot.errors import AccessDenied, EvidenceUnavailable, Unauthenticated
from bot.kubernetes.pods import Pod
from bot.linux.programs import program_missing


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
    transport: Transport
    external: bool
    name: str


@dataclass(slots=True, kw_only=True)
class PodSession:
    """One pod while it is asked. Made and prepared in one thread; then `ask` may run in several."""

    pod: Pod
    prober: PodProber
    tool: Tool = Tool.NONE
    resolver: ResolvConf | None = None
    failure: EvidenceUnavailable | None = None
    """Why nothing can be asked here: an exec that is refused, for one."""
    gaps: list[Gap] = field(default_factory=list)
    _first: dict[tuple[str, str], ToolAnswer] = field(default_factory=dict)
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
            self.gaps.append(Gap.of(f"lookups from pod {self.name} on {self.pod.node}", error))

    def ask(self, asked: Asked) -> Lookup:
        """Ask one question and return it with its answer."""
        if self.failure is not None:
            return self.lookup(asked, ToolAnswer(answer=Answer.NOT_ASKED, detail=self.failure.reason))
        if self.tool is Tool.NONE:
            return self.lookup(
                asked, ToolAnswer(answer=Answer.NOT_ASKED, detail="the image has neither dig nor nslookup")
            )
        if self.tool is Tool.NSLOOKUP and asked.transport is Transport.TCP:
            return self.lookup(
                asked, ToolAnswer(answer=Answer.NOT_ASKED, detail="the image has no dig; nslookup asks over UDP")
            )
        try:
            return self.lookup(asked, self._look_up(asked))
        except EvidenceUnavailable as error:
            return self.lookup(asked, ToolAnswer(answer=Answer.NOT_ASKED, detail=error.reason))

    def lookup(self, asked: Asked, reading: ToolAnswer) -> Lookup:
        """Return a question with what came of it."""
        return Lookup(
            client=self.pod.client,
            server=asked.server,
            through_service=asked.through_service,
            transport=asked.transport,
            external=asked.external,
            name=asked.name,
            answer=reading.answer,
            detail=reading.detail,
            addresses=reading.addresses,
            empty=reading.empty,
        )

    def _look_up(self, asked: Asked) -> ToolAnswer:
        known = self._first.get((asked.server, asked.name)) if asked.transport is Transport.UDP else None
        if known is not None:
            return known
        if self.tool is Tool.DIG:
            return read_dig(self._run(dig_arguments(asked.server, asked.name, asked.transport)), server=asked.server)
        return read_nslookup(self._run(nslookup_arguments(asked.server, asked.name)), server=asked.server)

    def _read_resolver(self) -> None:
        try:
            result = self._run(READ_RESOLV_CONF)
            if result.exit_code == 0:
                self.resolver = parse_resolv_conf(result.text())
                return
        except (AccessDenied, Unauthenticated):
            raise
        except EvidenceUnavailable as error:
            self.gaps.append(Gap.of(f"/etc/resolv.conf of pod {self.name}", error))
            return
        reason = "the image has no `cat`" if program_missing(result) else result.complaint.strip() or "cat failed"
        self.gaps.append(Gap(what=f"/etc/resolv.conf of pod {self.name} on {self.pod.node}", reason=reason))

    def _find_tool(self, server: str, name: str) -> Tool:
        if not program_missing(self._run(TELL_DIG_VERSION)):  # waits for no server, as a question would
            return Tool.DIG
        result = self._run(nslookup_arguments(server, name))
        if not program_missing(result):
            self._first[server, name] = read_nslookup(result, server=server)
            self.gaps.append(
                Gap(
                    what=f"TCP lookups from pod {self.name} on {self.pod.node}",
                    reason="its image has nslookup but no dig, and nslookup asks over UDP only; dig would help",
                )
            )
            return Tool.NSLOOKUP
        self.gaps.append(
            Gap(
                what=f"lookups from pod {self.name} on {self.pod.node}",
                reason=(
                    "its image has neither dig nor nslookup; let workload_selector choose pods whose image has "
                    f"dig, or ask by hand: `kubectl debug -n {self.pod.namespace} {self.pod.name} -it "
                    f"--image=IMAGE_WITH_DIG --target={self.pod.container.name} -- dig @{server} {name}`"
                ),
            )
        )
        return Tool.NONE

    def _run(self, arguments: Sequence[str]) -> ExecResult:
        """Run it in the pod's container, or beside it where there is a debug container: both share the network."""
        container = self.pod.debug_container or self.pod.container.name
        return self.prober.run(PodName(namespace=self.pod.namespace, name=self.pod.name), container, list(arguments))

"""What is wrong with the Corefile as it stands in the ConfigMap, and which pods contradict that. No rule itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.collectors.coredns_logs import CorednsLogs
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.corefile import Corefile
from bot.dns.coredns_log import CorednsLineKind
from bot.domain.evidence import Gap
from bot.domain.moments import follows
from bot.domain.phrases import timestamp
from bot.rules._corefile_failures import SETTLED

MOUNTED_AFTER = timedelta(minutes=3)
"""How long a kubelet may take to bring a changed ConfigMap into a pod that runs; a new pod gets it at once."""
_QUOTED = re.compile(r"'([^']{1,200})'")


@dataclass(frozen=True, slots=True, kw_only=True)
class CorefileFault:
    """Why CoreDNS will not serve with this Corefile."""

    line: int
    """1-based; 0: no line is to blame."""
    message: str
    plugin: str
    word: str
    """The word that is refused; empty where there is none."""
    summary: str


def corefile_fault(corefile: Corefile) -> CorefileFault | None:
    """Return what CoreDNS refuses of it, or that it says nothing; None: neither."""
    refusal = corefile.refusal
    if refusal:
        quoted = _QUOTED.search(refusal.message)
        file = "" if refusal.file == corefile.path else f" of {refusal.file}"
        place = f"at line {refusal.line}{file}" if refusal.line else "as a whole"
        return CorefileFault(
            line=0 if file else refusal.line,
            message=refusal.message,
            plugin=refusal.plugin,
            word=quoted.group(1) if quoted else "",
            summary=f"The Corefile does not read {place}: {refusal.message}. CoreDNS will not start again with it.",
        )
    if corefile.exists and not corefile.unknown and not any(block.plugins for block in corefile.blocks):
        message = "it holds no server block with a plugin"
        return CorefileFault(
            line=0,
            message=message,
            plugin="",
            word="",
            summary=f"The Corefile is empty: {message}. CoreDNS that starts with it answers no name of the cluster.",
        )
    return None


def checked(corefile: Corefile) -> str:
    """Say who judged the Corefile's text, and what could not be judged."""
    if not corefile.checked_by:
        return ""
    verdict = "refused" if corefile.refusal else f"left open in {len(corefile.unknown)} points"
    return f"the Corefile is {verdict if corefile.refusal or corefile.unknown else 'accepted'} by {corefile.checked_by}"


def unchecked(corefile: Corefile, logs: CorednsLogs, pods: CorednsPods, now: datetime) -> tuple[Gap, ...]:
    """Return a gap where nothing shows that CoreDNS starts with it.

    Neither its words do, nor a pod that has loaded it, nor the plugin `reload`, which logs what it cannot load.
    """
    if corefile.refusal or not corefile.unknown or loaded_by(corefile, logs, pods, now):
        return ()
    if any(block.has("reload") for block in corefile.blocks):
        return ()
    first = corefile.unknown[0]
    reason = f"line {first.line}: {first.reason}, and no pod is known to have loaded this Corefile"
    return (Gap(what=f"Corefile of {corefile.where}", reason=reason),)


def loaded_by(corefile: Corefile, logs: CorednsLogs, pods: CorednsPods, now: datetime) -> tuple[str, ...]:
    """Say which pods run with the Corefile as it stands: they began, or loaded it, after its last change."""
    changed = corefile.changed_at
    if changed is None:
        return ()
    found: list[str] = []
    for pod in pods.pods:
        running = pods.running_since(pod.name)
        settled = running is not None and (pod.ready or now - running >= SETTLED)
        if running and settled and (follows(pod.created_at, changed) or running >= changed + MOUNTED_AFTER):
            found.append(
                f"{pod.name} runs since {timestamp(running)}, the Corefile was changed at {timestamp(changed)}"
            )
    names = {one.split(" ", maxsplit=1)[0] for one in found}
    for log in logs.pods:
        loaded = log.last(CorednsLineKind.CONFIGURATION_LOADED)
        if loaded and loaded >= changed + MOUNTED_AFTER and log.pod not in names:
            found.append(f"{log.pod} loaded its configuration at {timestamp(loaded)}, after that change")
    return tuple(found)

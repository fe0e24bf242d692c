"""What CoreDNS pods say against their Corefile, and what contradicts it. No rule itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.collectors.coredns_logs import CorednsLogs
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.corefile import Corefile
from bot.dns.call_failure import stamp
from bot.dns.coredns_log import CorednsLineKind, CorefileError
from bot.dns.timestamped import whole_second
from bot.domain.evidence import Gap

SETTLED = timedelta(seconds=10)
"""A container that has run this long has read its Corefile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorefileFailure:
    """A pod's complaint about its Corefile."""

    pod: str
    at: datetime
    error: CorefileError
    text: str
    latent: bool
    """True: a failed reload, the old configuration runs on. False: CoreDNS ended."""
    contradicted_by: str

    @property
    def proof(self) -> str:
        """The line, dated."""
        since = f"; since then: {self.contradicted_by}" if self.contradicted_by else ""
        return f"{stamp(self.at)} {self.pod}: {self.text}{since}"


def crashes(logs: CorednsLogs, pods: CorednsPods, now: datetime) -> list[CorefileFailure]:
    """Return the starts that ended with an error in the Corefile. A container that runs since contradicts one."""
    found: list[CorefileFailure] = []
    for log in logs.pods:
        pod = pods.pod(log.pod)
        running = pod.container.running_since if pod and pod.container else None
        settled = running is not None and pod is not None and (pod.ready or now - running >= SETTLED)
        for seen in log.of(CorednsLineKind.COREFILE_ERROR):
            later = running is not None and running >= whole_second(seen.last_at)
            again = f"the container runs since {stamp(running)}" if running and settled and later else ""
            found += _failure(log.pod, seen.last_at, seen.line.corefile, seen.samples[0], latent=False, since=again)
    return found


def failed_reloads(logs: CorednsLogs, pods: CorednsPods, corefile: Corefile | None) -> list[CorefileFailure]:
    """Return failed reloads of any age. A later reload, a restart or a changed Corefile contradicts one."""
    found: list[CorefileFailure] = []
    for log in logs.pods:
        pod = pods.pod(log.pod)
        for seen in log.of(CorednsLineKind.RELOAD_FAILED):
            loaded = log.last(CorednsLineKind.CONFIGURATION_LOADED)
            running = pod.container.running_since if pod and pod.container else None
            since = ""
            if loaded and loaded > seen.last_at:
                since = f"a configuration was loaded at {stamp(loaded)}"
            elif running and running > seen.last_at:
                since = f"the container was started again at {stamp(running)}"
            elif corefile is not None and seen.line.corefile is not None:
                since = _changed(corefile, seen.line.corefile, seen.last_at)
            found += _failure(log.pod, seen.last_at, seen.line.corefile, seen.samples[0], latent=True, since=since)
    return found


def _failure(
    pod: str, at: datetime, error: CorefileError | None, text: str, *, latent: bool, since: str
) -> list[CorefileFailure]:
    if error is None:
        return []
    return [CorefileFailure(pod=pod, at=at, error=error, text=text, latent=latent, contradicted_by=since)]


def _changed(corefile: Corefile, error: CorefileError, at: datetime) -> str:
    """Say how the Corefile changed after the error at `at`, or return an empty text."""
    if corefile.changed_at is not None and corefile.changed_at > at:
        return f"the Corefile was changed at {stamp(corefile.changed_at)}"
    if corefile.exists and error.word and error.line and not holds(corefile, error):
        return f"line {error.line} of the Corefile no longer holds `{error.word}`"
    return ""


def holds(corefile: Corefile, error: CorefileError) -> bool:
    """Return whether the Corefile's line still holds the word that was refused."""
    return error.word in corefile.line(error.line)


def unread_reloads(logs: CorednsLogs, pods: CorednsPods, corefile: Corefile | None) -> tuple[Gap, ...]:
    """Return a gap for each pod whose log was not read as far back as the Corefile's last change."""
    gaps: list[Gap] = []
    for log in logs.pods:
        pod = pods.pod(log.pod)
        running = pod.container.running_since if pod and pod.container else None
        changed = corefile.changed_at if corefile else None
        untouched = changed is not None and running is not None and changed < running
        seen = changed is not None and log.oldest_at is not None and log.oldest_at <= changed
        if not (log.whole or untouched or seen or log.of(CorednsLineKind.CONFIGURATION_LOADED)):
            back = stamp(log.oldest_at) if log.oldest_at else "an unknown time"
            reason = f"the log of {log.pod} was read back to {back} only; a failed reload before it would not be seen"
            gaps.append(Gap(what=f"log of kube-system/{log.pod}", reason=reason))
    return tuple(gaps)

"""What CoreDNS pods say against their Corefile, and what contradicts it. No rule itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.collectors.coredns_logs import CorednsLogs
from bot.collectors.coredns_pods import CorednsPod, CorednsPods
from bot.collectors.corefile import Corefile
from bot.dns.coredns_log import CorednsLineKind
from bot.dns.coredns_pod_log import CorednsPodLog
from bot.dns.corefile_error import CorefileError, corefile_error
from bot.domain.evidence import Gap
from bot.domain.moments import follows
from bot.domain.phrases import timestamp

_ENDS_THE_START = (CorednsLineKind.COREFILE_ERROR, CorednsLineKind.START_FAILED, CorednsLineKind.LISTEN_FAILED)
_SAYS_NOTHING = frozenset({CorednsLineKind.OTHER, CorednsLineKind.COMPLAINT, CorednsLineKind.UNKNOWN_ERROR})
"""Kinds of a last line beside which another rule's (API, loop, panic) would say why it ended."""
SETTLED = timedelta(seconds=10)
"""A container that has run this long has read its Corefile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorefileFailure:
    """A pod's complaint about its Corefile, or about what it was started with besides."""

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
        return f"{timestamp(self.at)} {self.pod}: {self.text}{since}"


def crashes(logs: CorednsLogs, pods: CorednsPods, now: datetime) -> list[CorefileFailure]:
    """Return the starts that CoreDNS's configuration ended. A container that runs since contradicts one.

    Known by the words of the line, or, whatever the words, by how it ended: exit code 1 before it served, which is how
    CoreDNS ends of what it was given (coremain/run.go: `log.Fatal(err)`); a panic has 2, a kill 137.
    """
    found: list[CorefileFailure] = []
    for log in logs.pods:
        pod, running = pods.pod(log.pod), pods.running_since(log.pod)
        settled = running is not None and pod is not None and (pod.ready or now - running >= SETTLED)
        ends = [(one.last_at, one.line.corefile, one.samples[0]) for one in log.of(*_ENDS_THE_START)]
        unknown_words = _by_how_it_ended(log, pod) if not ends else None
        for at, error, text in (*ends, *((unknown_words,) if unknown_words else ())):
            again = f"the container runs since {timestamp(running)}" if follows(running, at) and settled else ""
            said = error or corefile_error(text)
            found += _failure(log.pod, at, said, text, latent=False, since=again)
    return found


def _by_how_it_ended(log: CorednsPodLog, pod: CorednsPod | None) -> tuple[datetime, CorefileError | None, str] | None:
    """Return when and with which words a start ended with exit code 1, where no class of lines says why."""
    last = log.last_run
    if last is None or last.at is None or last.served or pod is None or pod.container.last_exit_code != 1:
        return None
    return (last.at, None, last.words[-1]) if last.line.kind in _SAYS_NOTHING else None


def failed_reloads(logs: CorednsLogs, pods: CorednsPods, corefile: Corefile | None) -> list[CorefileFailure]:
    """Return failed reloads of any age. A later reload, a restart or a changed Corefile contradicts one."""
    found: list[CorefileFailure] = []
    for log in logs.pods:
        running = pods.running_since(log.pod)
        for seen in log.of(CorednsLineKind.RELOAD_FAILED):
            loaded = log.last(CorednsLineKind.CONFIGURATION_LOADED)
            since = ""
            if loaded and loaded > seen.last_at:
                since = f"a configuration was loaded at {timestamp(loaded)}"
            elif follows(running, seen.last_at):
                since = f"the container was started again at {timestamp(running)}"
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
        return f"the Corefile was changed at {timestamp(corefile.changed_at)}"
    if corefile.exists and error.word and error.in_corefile and not holds(corefile, error):
        return f"line {error.line} of the Corefile no longer holds `{error.word}`"
    return ""


def holds(corefile: Corefile, error: CorefileError) -> bool:
    """Return whether the Corefile's line still holds the word that was refused."""
    return error.word in corefile.line(error.line)


def unread_reloads(logs: CorednsLogs, pods: CorednsPods, corefile: Corefile | None) -> tuple[Gap, ...]:
    """Return a gap for each pod whose log was not read as far back as the Corefile's last change."""
    gaps: list[Gap] = []
    for log in logs.pods:
        running = pods.running_since(log.pod)
        changed = corefile.changed_at if corefile else None
        untouched = changed is not None and running is not None and changed < running
        seen = changed is not None and log.oldest_at is not None and log.oldest_at <= changed
        if not (log.whole or untouched or seen or log.of(CorednsLineKind.CONFIGURATION_LOADED)):
            back = timestamp(log.oldest_at) if log.oldest_at else "an unknown time"
            reason = f"the log of {log.pod} was read back to {back} only; a failed reload before it would not be seen"
            gaps.append(Gap(what=f"log of {pods.namespace}/{log.pod}", reason=reason))
    return tuple(gaps)

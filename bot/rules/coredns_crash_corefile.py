"""CoreDNS cannot load its Corefile: an unknown directive, or an option that an upgrade removed.

A starting CoreDNS dies of it (`/etc/coredns/Corefile:25 - Error during parsing`). A running one logs once
that the reload failed and keeps its old configuration: all is well until the next restart (latent). That
line counts at any age, until a successful reload, a restart or a changed Corefile contradicts it.

In a playbook: `{rule: coredns_crash_corefile, severity: critical, with: {window: 15m}}`.
"""

from __future__ import annotations

from bot.collectors.coredns_logs import CorednsLogs
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.corefile import Corefile
from bot.dns.call_failure import minutes
from bot.domain.cluster import ClusterTarget
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, unknown
from bot.rules._api_failures import LogWindow
from bot.rules._corefile_failures import CorefileFailure, crashes, failed_reloads, holds, unread_reloads

_REMOVED = {
    "upstream": "CoreDNS 1.7.0 removed `upstream`: delete the line",
    "resyncperiod": "CoreDNS 1.7.0 removed `resyncperiod`: delete the line",
    "federation": "CoreDNS 1.7.0 removed `federation`: delete the line",
    "proxy": "CoreDNS 1.5.0 removed `proxy`: write `forward` in its place, with the same arguments",
}


def judge(case: Case) -> Judgement:
    """Conclude whether CoreDNS can load its Corefile."""
    logs, pods, corefile = case.need(CorednsLogs), case.need(CorednsPods), case.look_for(Corefile)
    known = None if isinstance(corefile, Gap) else corefile
    since = case.collected_at - case.thresholds.window
    found = [*crashes(logs, pods, case.collected_at), *failed_reloads(logs, pods, known)]
    standing = [one for one in found if not one.contradicted_by and (one.latent or one.at >= since)]
    missing = (*logs.window_gaps(case.thresholds.window), *pods.gaps, *_corefile_gaps(corefile, pods))
    if standing:
        return _problem(standing, pods, known, missing, case.target)
    if known and known.problem:
        return _unbalanced(known, missing, case.target)
    past = tuple(f"no longer standing: {one.proof}" for one in sorted(found, key=lambda one: one.at, reverse=True)[:5])
    if pods.absent and not missing:
        return healthy("Nothing to check: this cluster has no CoreDNS pods and no Deployment for them.")
    missing += (*logs.nothing_read, *unread_reloads(logs, pods, known))
    if missing:
        return unknown(f"Whether CoreDNS can load its Corefile is open: {missing[0].reason}.", *missing, proof=past)
    return healthy(
        f"No pod refused its Corefile in the last {minutes(case.thresholds.window)} and no failed reload stands; "
        f"{logs.read}.",
        *past,
    )


def _corefile_gaps(corefile: Corefile | Gap, pods: CorednsPods) -> tuple[Gap, ...]:
    if isinstance(corefile, Gap):
        return (corefile,)
    if not corefile.exists and not pods.absent:
        reason = "ConfigMap kube-system/coredns holds no Corefile; CoreDNS may read another one"
        return (Gap(what="Corefile", reason=reason),)
    return ()


def _problem(
    standing: list[CorefileFailure],
    pods: CorednsPods,
    corefile: Corefile | None,
    missing: tuple[Gap, ...],
    target: ClusterTarget,
) -> Judgement:
    standing.sort(key=lambda one: (one.latent, -one.at.timestamp()))
    worst = standing[0]
    names = sorted({one.pod for one in standing if one.latent == worst.latent})
    bad = corefile.line(worst.error.line) if corefile else ""
    place = f"line {worst.error.line} of the Corefile" if worst.error.line else "the Corefile"
    effect = (
        "They run an older configuration and will not start again with this one."
        if worst.latent
        else "They answer nothing until it is corrected."
    )
    shown: tuple[str, ...] = (f"Corefile line {worst.error.line}: {bad}",) if bad else ()
    if corefile and worst.error.word and bad and not holds(corefile, worst.error):
        shown += ("this line no longer holds what was refused; the pods have not started again since",)
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"{len(names)} of {len(pods.pods)} CoreDNS pods cannot load {place}: {worst.error.message}. {effect}",
        proof=(*(one.proof for one in standing[:6]), *shown),
        details={
            "latent": worst.latent,
            "line": worst.error.line,
            "bad_line": bad,
            "plugin": worst.error.plugin,
            "word": worst.error.word,
            "message": worst.error.message,
            "pods": names,
            "owned_by_addon": bool(corefile and corefile.owned_by_addon),
        },
        missing=missing,
        last_failure_at=max(one.at for one in standing),
        reach=() if worst.latent else pods.reach_of(set(names)),
        advice=_advice(worst.error.word, corefile, target),
    )


def _unbalanced(corefile: Corefile, missing: tuple[Gap, ...], target: ClusterTarget) -> Judgement:
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"The Corefile does not read from line {corefile.problem_line} on: {corefile.problem}. "
        "CoreDNS will not start again with it.",
        proof=(f"Corefile line {corefile.problem_line}: {corefile.line(corefile.problem_line)}",),
        details={
            "latent": True,
            "line": corefile.problem_line,
            "bad_line": corefile.line(corefile.problem_line),
            "plugin": "",
            "word": "",
            "message": corefile.problem,
            "pods": [],
            "owned_by_addon": corefile.owned_by_addon,
        },
        missing=missing,
        advice=_advice("", corefile, target),
    )


def _advice(word: str, corefile: Corefile | None, target: ClusterTarget) -> tuple[str, ...]:
    known = (f"{_REMOVED[word]}.",) if word in _REMOVED else ()
    if corefile and corefile.owned_by_addon:
        edit = (
            "The EKS add-on wrote this Corefile and writes it back: correct `corefile` in its configuration values: "
            f"aws eks update-addon --cluster-name {target.eks_name} --addon-name coredns --configuration-values FILE"
        )
    else:
        edit = (
            "kubectl -n kube-system edit configmap coredns  (first see whether the EKS add-on owns it: "
            f"aws eks describe-addon --cluster-name {target.eks_name} --addon-name coredns)"
        )
    return (*known, edit, "kubectl -n kube-system rollout restart deployment coredns")


RULE = Rule(
    name="coredns_crash_corefile",
    title="CoreDNS cannot load its Corefile",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(CorednsLogs, CorednsPods, Corefile),
    thresholds=LogWindow,
)

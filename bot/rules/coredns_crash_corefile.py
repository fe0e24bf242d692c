"""CoreDNS cannot start with its configuration: an unknown directive, an option that an upgrade removed, a port.

A starting CoreDNS dies of it (`/etc/coredns/Corefile:25 - Error during parsing`), whichever file is to blame: the
Corefile, one that it imports, a resolv.conf that it forwards to. Exit code 1 before it served is such an end whatever
the words. A running CoreDNS logs once that the reload failed and keeps its old configuration: all is well until the
next restart (latent). That line counts at any age, until a successful reload, a restart or a changed Corefile
contradicts it.

In a playbook: `{rule: coredns_crash_corefile, severity: critical, with: {window: 15m}}`.
"""

from __future__ import annotations

from bot.collectors.coredns_logs import CorednsLogs
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.corefile import Corefile
from bot.dns.call_failure import minutes
from bot.dns.corefile.versions import removal
from bot.dns.corefile_error import CorefileError
from bot.dns.log_wordings import Subject
from bot.domain.cluster import ClusterTarget
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, nothing_to_check
from bot.rules._api_failures import LogWindow
from bot.rules._corefile_failures import CorefileFailure, crashes, failed_reloads, holds, unread_reloads
from bot.rules._corefile_itself import CorefileFault, checked, corefile_fault, loaded_by, unchecked
from bot.rules._faulty_objects import corefile_of


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
    fault = corefile_fault(known) if known else None
    loaded = loaded_by(known, logs, pods, case.collected_at) if known and fault else ()
    if known and fault and not loaded:
        return _refused(known, fault, missing, case.target, pods)
    past = tuple(f"no longer the case: {one.proof}" for one in sorted(found, key=lambda one: one.at, reverse=True)[:5])
    past += tuple(f"its text seems wrong ({fault.message}), yet {one}" for one in loaded[:3] if fault)
    past += (checked(known),) if known and checked(known) else ()
    if pods.absent and not missing:
        return nothing_to_check(pods.absence)
    open_errors = logs.open_errors(Subject.CONFIGURATION, since)
    missing += (*logs.nothing_read, *unread_reloads(logs, pods, known), *open_errors)
    missing += unchecked(known, logs, pods, case.collected_at) if known else ()
    if missing:
        return not_known("whether CoreDNS can load its Corefile", *missing, proof=past)
    return healthy(
        f"No pod refused its Corefile in the last {minutes(case.thresholds.window)} and no reload failed since; "
        f"{logs.read}.",
        *past,
    )


def _corefile_gaps(corefile: Corefile | Gap, pods: CorednsPods) -> tuple[Gap, ...]:
    if isinstance(corefile, Gap):
        return (corefile,)
    if not corefile.exists and not pods.absent:
        held = f"ConfigMap {corefile.where} holds no {corefile.key}" if corefile.config_map else "no ConfigMap holds it"
        reason = f"{held}; CoreDNS reads another one"
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
    bad = corefile.line(worst.error.line) if corefile and worst.error.in_corefile else ""
    place = _place(worst.error)
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
        summary=f"{len(names)} of {len(pods.pods)} CoreDNS pods cannot start with {place}: {worst.error.message}. "
        f"{effect}",
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
        pods=() if worst.latent else tuple(names),
        objects=corefile_of(corefile),
        advice=_advice(worst.error.word, corefile, target, pods),
    )


def _place(error: CorefileError) -> str:
    """Return where in CoreDNS's configuration it stopped; a file that is imported has lines of its own."""
    if not error.line:
        return "their configuration"
    return f"line {error.line} of {'the Corefile' if error.in_corefile else error.file}"


def _refused(
    corefile: Corefile, fault: CorefileFault, missing: tuple[Gap, ...], target: ClusterTarget, pods: CorednsPods
) -> Judgement:
    bad = corefile.line(fault.line)
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=fault.summary,
        proof=(
            f"Corefile line {fault.line}: {bad}" if fault.line else f"Corefile: {corefile.text[:100]!r}",
            *((checked(corefile),) if corefile.checked_by else ()),
        ),
        details={
            "latent": True,
            "line": fault.line,
            "bad_line": bad,
            "plugin": fault.plugin,
            "word": fault.word,
            "message": fault.message,
            "pods": [],
            "owned_by_addon": corefile.owned_by_addon,
        },
        objects=corefile_of(corefile),
        missing=missing,
        advice=_advice(fault.word, corefile, target, pods),
    )


def _advice(word: str, corefile: Corefile | None, target: ClusterTarget, pods: CorednsPods) -> tuple[str, ...]:
    known = (f"{removal(word)}.",) if removal(word) else ()
    if corefile and corefile.owned_by_addon:
        edit = (
            "The EKS add-on wrote this Corefile and writes it back: correct `corefile` in its configuration values: "
            f"aws eks update-addon --cluster-name {target.eks_name} --addon-name coredns --configuration-values FILE"
        )
    else:
        held = (corefile.config_map if corefile else "") or "coredns"
        edit = (
            f"kubectl -n {pods.namespace} edit configmap {held}  (first see whether the EKS add-on owns it: "
            f"aws eks describe-addon --cluster-name {target.eks_name} --addon-name coredns)"
        )
    return (*known, edit, f"kubectl -n {pods.namespace} rollout restart deployment {pods.deployment}")


RULE = Rule(
    name="coredns_crash_corefile",
    title="CoreDNS cannot start with its configuration",
    check="The Corefile",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(CorednsLogs, CorednsPods, Corefile),
    problem_refuted_by=(
        (CorednsPods, "a pod that runs since it was refused, or since the Corefile last changed"),
        (CorednsLogs, "a configuration that was loaded since"),
    ),
    healthy_refuted_by=(
        (CorednsLogs, "a start or a reload that failed, or an error about the configuration that no rule knows"),
        (CorednsPods, "a container that ended with exit code 1 before it served"),
        (Corefile, "a Corefile that CoreDNS would refuse"),
    ),
    refuted_with_more=(CorednsLogs, CorednsPods),
    thresholds=LogWindow,
    incidents=("corefile-upstream-maesh-685", "corefile-dot-directive-215", "bind-53-denied-6716"),
)

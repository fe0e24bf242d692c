"""The report for a terminal.

The cause first, its proof under it, then what was ruled out, what could not be checked, and what
to do. It reads as a colleague would say it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from itertools import chain

from bot.domain.diagnosis import Diagnosis
from bot.domain.findings import Finding, Kind, Verdict
from bot.report.json_report import timestamp

WIDTH = 110
_HEADINGS = {
    Verdict.HEALTHY: "DNS is healthy: all checks ran and all are well.",
    Verdict.UNKNOWN: "No problem found, but not every check could run: this is not an all-clear.",
}


def text_report(diagnosis: Diagnosis) -> str:
    """Return the report, wrapped at 110 columns, ending in a newline."""
    parts = (
        _head(diagnosis),
        _causes(diagnosis),
        _lookups(diagnosis),
        _explained(diagnosis),
        _unchecked(diagnosis),
        _unread(diagnosis),
        _ruled_out(diagnosis),
        _next_steps(diagnosis),
    )
    return "\n".join(chain.from_iterable(parts)).rstrip("\n") + "\n"


def _wrap(text: str, indent: str = "", hanging: str | None = None) -> list[str]:
    if not text:
        return []
    return [
        line
        for paragraph in text.splitlines()
        for line in textwrap.wrap(
            paragraph,
            WIDTH,
            initial_indent=indent,
            subsequent_indent=indent if hanging is None else hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )
    ]


def _bullets(lines: Iterable[str], indent: str = "  ") -> list[str]:
    return [wrapped for line in lines for wrapped in _wrap(line, f"{indent}- ", f"{indent}  ")]


def _head(diagnosis: Diagnosis) -> Iterator[str]:
    where = diagnosis.binding.cluster_arn if diagnosis.binding else f"{diagnosis.target.region}, not confirmed"
    yield f"{diagnosis.target.name} ({where})"
    coverage = f"{diagnosis.checks_ran} of {diagnosis.checks_total} checks ran"
    if diagnosis.unknown_checks:
        coverage += f"; {len(diagnosis.unknown_checks)} could not"
    yield f"{timestamp(diagnosis.started_at)}, {diagnosis.took_ms / 1000:.1f} s, {coverage}. Diagnosis {diagnosis.id}."
    yield ""
    if diagnosis.verdict in _HEADINGS:
        yield _HEADINGS[diagnosis.verdict]
        yield ""


def _causes(diagnosis: Diagnosis) -> Iterator[str]:
    causes = diagnosis.root_causes
    if diagnosis.verdict is Verdict.PROBLEM and not causes:
        yield "NO KNOWN CAUSE FOUND"
        yield from _wrap("Look-ups fail, and no rule explains why. What was ruled out stands below.", "  ")
        yield ""
    for finding in causes:
        yield f"ROOT CAUSE  {finding.title}  [{finding.rule}, {finding.severity.value}]"
        yield from _body(finding)
        yield ""
    if causes and diagnosis.lookups_all_answer:
        yield from _wrap(
            f"Every look-up works right now ({diagnosis.looked_from}): this is a latent fault. It has not broken "
            "names yet, or not where we looked."
        )
        yield ""


def _body(finding: Finding) -> Iterator[str]:
    judgement = finding.judgement
    yield from _wrap(judgement.summary, "  ")
    yield from _bullets(judgement.proof, "    ")
    if judgement.last_failure_at:
        yield f"    - last failure at {timestamp(judgement.last_failure_at)}"
    for gap in judgement.missing:
        yield from _bullets((f"could not be read: {gap.what}: {_reason(gap.reason, gap.grant)}",), "    ")


def _reason(reason: str, grant: str) -> str:
    """Return the reason, with the missing permission where the reason does not name it."""
    return reason if not grant or grant in reason else f"{reason} Grant {grant}."


def _lookups(diagnosis: Diagnosis) -> Iterator[str]:
    for finding in diagnosis.findings:
        if finding.kind is Kind.SYMPTOM and finding.verdict is Verdict.PROBLEM:
            yield f"LOOK-UPS  {diagnosis.looked_from}"
            yield from _wrap(finding.judgement.summary, "  ")
            yield from (f"    {line}" for line in finding.judgement.proof)
            if diagnosis.root_causes and diagnosis.unexplained:
                count = len(diagnosis.unexplained)
                yield from _wrap(f"{count} failing look-ups are explained by none of the causes above:", "  ")
                yield from _bullets(_cells(diagnosis), "    ")
            yield ""


def _cells(diagnosis: Diagnosis, limit: int = 5) -> Iterator[str]:
    for cell in diagnosis.unexplained[:limit]:
        yield f"{cell.name} {cell.protocol.value} from {cell.node} at {cell.server}: {cell.answer.value}"
    if len(diagnosis.unexplained) > limit:
        yield f"and {len(diagnosis.unexplained) - limit} more"


def _explained(diagnosis: Diagnosis) -> Iterator[str]:
    explained = [
        finding
        for finding in diagnosis.findings
        if finding.verdict is Verdict.PROBLEM and finding.kind is Kind.CAUSE and finding.explained_by
    ]
    for finding in explained:
        yield f"FOLLOWS FROM {', '.join(finding.explained_by)}  {finding.title}  [{finding.rule}]"
        yield from _body(finding)
        yield ""


def _unchecked(diagnosis: Diagnosis) -> Iterator[str]:
    checks = diagnosis.unknown_checks
    if checks:
        yield f"COULD NOT BE CHECKED  {len(checks)} of {diagnosis.checks_total}"
        yield from _bullets(f"{check.rule}: {_reason(check.reason, check.grant)}" for check in checks)
        yield ""


def _unread(diagnosis: Diagnosis) -> Iterator[str]:
    gaps = diagnosis.unjudged_gaps
    if gaps:
        yield f"COULD NOT BE READ, though no check misses it  {len(gaps)}"
        yield from _bullets(f"{gap.what}: {_reason(gap.reason, gap.grant)}" for gap in gaps)
        yield ""


def _ruled_out(diagnosis: Diagnosis) -> Iterator[str]:
    healthy = [finding for finding in diagnosis.findings if finding.verdict is Verdict.HEALTHY]
    if healthy:
        yield f"{'CHECKED' if diagnosis.verdict is Verdict.HEALTHY else 'RULED OUT'}  {len(healthy)}"
        yield from _bullets(f"{finding.rule}: {finding.judgement.summary}" for finding in healthy)
        yield ""


def _next_steps(diagnosis: Diagnosis) -> Iterator[str]:
    steps = [*chain.from_iterable(_advice(finding) for finding in diagnosis.root_causes)]
    if diagnosis.verdict is Verdict.PROBLEM and not diagnosis.root_causes:
        steps.append(
            "Capture packets on udp/53 at a CoreDNS pod while asking from another pod: queries that never arrive are "
            "lost between the nodes; queries that arrive unanswered are CoreDNS's."
        )
    grants = sorted({check.grant for check in diagnosis.unknown_checks if check.grant})
    if grants:
        steps.append(f"Grant to the reading identity: {'; '.join(grants)}. Then diagnose again.")
    if steps:
        yield "WHAT TO DO"
        yield from _bullets(steps)


def _advice(finding: Finding) -> Iterator[str]:
    yield from finding.judgement.advice
    if finding.fixes:
        names = " or ".join(f"{offer.fix} ({offer.risk} risk)" for offer in finding.fixes)
        yield f"For {finding.rule} the bot can propose {names}: ask in Slack with /dns-diagnose to get the exact plan."

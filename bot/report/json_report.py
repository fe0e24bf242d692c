"""The JSON report: one object, schema 1. Other people's scripts rely on its names."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import Collected
from bot.domain.findings import Cell, Finding
from bot.domain.json_values import JsonObject

SCHEMA = 1


def json_report(diagnosis: Diagnosis) -> JsonObject:
    """Return the report as JSON (README, "The report")."""
    return {
        "schema": SCHEMA,
        "diagnosis_id": diagnosis.id,
        "cluster": diagnosis.target.name,
        "cluster_arn": diagnosis.binding.cluster_arn if diagnosis.binding else None,
        "verdict": diagnosis.verdict.value,
        "started_at": timestamp(diagnosis.started_at),
        "took_ms": diagnosis.took_ms,
        "coverage": {
            "ran": diagnosis.checks_ran,
            "total": diagnosis.checks_total,
            "unknown": [
                {"rule": check.rule, "reason": check.reason, "grant": check.grant} for check in diagnosis.unknown_checks
            ],
        },
        "root_causes": [finding.rule for finding in diagnosis.root_causes],
        "lookups": {
            "looked_from": diagnosis.looked_from,
            "all_answer": diagnosis.lookups_all_answer,
            "unexplained": [_cell(cell) for cell in diagnosis.unexplained],
        },
        "findings": [_finding(finding) for finding in diagnosis.findings],
        "evidence": [_evidence(collected) for collected in diagnosis.evidence],
    }


def timestamp(moment: datetime) -> str:
    """Return RFC 3339 in UTC to the second: `2026-11-21T09:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _finding(finding: Finding) -> JsonObject:
    judgement = finding.judgement
    return {
        "rule": finding.rule,
        "title": finding.title,
        "kind": finding.kind.value,
        "playbook": finding.playbook,
        "verdict": finding.verdict.value,
        "severity": finding.severity.value,
        "summary": judgement.summary,
        "proof": list(judgement.proof),
        "details": judgement.details,
        "missing": [{"what": gap.what, "reason": gap.reason, "grant": gap.grant} for gap in judgement.missing],
        "last_failure_at": timestamp(judgement.last_failure_at) if judgement.last_failure_at else None,
        "explains": list(finding.explains),
        "explained_by": list(finding.explained_by),
        "evidence": list(finding.evidence),
        "fixes": [{"fix": offer.fix, "with": offer.parameters, "risk": offer.risk} for offer in finding.fixes],
        "advice": list(judgement.advice),
    }


def _evidence(collected: Collected) -> JsonObject:
    return {
        "id": collected.id,
        "collector": collected.collector,
        "collected_at": timestamp(collected.collected_at),
        "took_ms": collected.took_ms,
        "calls": [call.name for call in collected.calls],
        "summary": collected.summary,
        "gap": None if collected.gap is None else {"reason": collected.gap.reason, "grant": collected.gap.grant},
        "gaps": [{"what": gap.what, "reason": gap.reason, "grant": gap.grant} for gap in collected.gaps],
    }


def _cell(cell: Cell) -> JsonObject:
    return {
        "node": cell.node,
        "pod": cell.pod,
        "server": cell.server,
        "through_service": cell.through_service,
        "protocol": cell.protocol.value,
        "name": cell.name,
        "answer": cell.answer.value,
    }

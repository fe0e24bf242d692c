"""The JSON report: one object, schema 1. Other people's scripts rely on its names."""

from __future__ import annotations

from bot.domain.asked import NameAnswer
from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import Collected
from bot.domain.findings import Finding
from bot.domain.json_values import JsonObject
from bot.domain.lookups import Lookup
from bot.domain.peers import SeenPlace
from bot.domain.phrases import timestamp
from bot.report.who_changed_words import who_changed_rows

SCHEMA = 1


def json_report(diagnosis: Diagnosis) -> JsonObject:
    """Return the report as JSON (docs/report.md)."""
    return {
        "schema": SCHEMA,
        "diagnosis_id": diagnosis.id,
        "cluster": diagnosis.target.name,
        "cluster_arn": diagnosis.binding.cluster_arn if diagnosis.binding else None,
        "verdict": diagnosis.verdict.value,
        "started_at": timestamp(diagnosis.started_at),
        "took_ms": diagnosis.took_ms,
        "names": [_name(one) for one in diagnosis.names],
        "coverage": {
            "ran": diagnosis.checks_ran,
            "total": diagnosis.checks_total,
            "unknown": [
                {"rule": check.rule, "reason": check.reason, "grant": check.grant} for check in diagnosis.unknown_checks
            ],
        },
        "places": [_place(seen) for seen in diagnosis.places],
        "root_causes": [finding.rule for finding in diagnosis.root_causes],
        "lookups": {
            "looked_from": diagnosis.looked_from,
            "all_answer": diagnosis.lookups_all_answer,
            "unexplained": [_lookup(lookup) for lookup in diagnosis.unexplained],
        },
        "unexplained_pods": list(diagnosis.unexplained_pods),
        "findings": [_finding(finding, diagnosis) for finding in diagnosis.findings],
        "evidence": [_evidence(collected) for collected in diagnosis.evidence],
    }


def _name(one: NameAnswer) -> JsonObject:
    return {
        "name": one.name,
        "from": one.seen_from,
        "server": one.server,
        "answer": one.answer.value,
        "addresses": list(one.addresses),
        "over": {transport.value: answer.value for transport, answer in one.over.items()},
        "reason": one.detail,
    }


def _place(seen: SeenPlace) -> JsonObject:
    found = seen.found
    return {
        "name": found.name,
        "region": found.region,
        "account": found.account,
        "vpc_id": found.vpc_id,
        "cidrs": list(seen.cidrs),
        "gap": None if seen.gap is None else {"reason": seen.gap.reason, "grant": seen.gap.grant},
    }


def _finding(finding: Finding, diagnosis: Diagnosis) -> JsonObject:
    judgement = finding.judgement
    return {
        "rule": finding.rule,
        "title": finding.title,
        "check": finding.check,
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
        "nothing_to_check": finding.judgement.nothing_to_check,
        "evidence": list(finding.evidence),
        "fixes": [{"fix": offer.fix, "with": offer.parameters, "risk": offer.risk} for offer in finding.fixes],
        "measures": [
            {"measure": offer.fix, "with": offer.parameters, "risk": offer.risk, "yields": list(offer.yields)}
            for offer in finding.measures
        ],
        "advice": list(judgement.advice),
        "waits_for": judgement.waits_for,
        "changed": who_changed_rows(diagnosis, finding),
        "files": [{"name": one.name, "title": one.title, "text": one.text} for one in judgement.files],
    }


def _evidence(collected: Collected) -> JsonObject:
    return {
        "id": collected.id,
        "collector": collected.collector,
        "collected_at": timestamp(collected.collected_at),
        "took_ms": collected.took_ms,
        "calls": [call.text for call in collected.calls],
        "calls_sent": sum(not call.shared for call in collected.calls),
        "oldest_answer_seconds": max((call.age_seconds for call in collected.calls), default=0.0),
        "summary": collected.summary,
        "gap": None if collected.gap is None else {"reason": collected.gap.reason, "grant": collected.gap.grant},
        "gaps": [{"what": gap.what, "reason": gap.reason, "grant": gap.grant} for gap in collected.gaps],
    }


def _lookup(lookup: Lookup) -> JsonObject:
    return {
        "node": lookup.client.node,
        "pod": lookup.client.pod,
        "client": lookup.client.kind.value,
        "place": lookup.client.place,
        "server": lookup.server,
        "through_service": lookup.through_service,
        "protocol": lookup.transport.value,
        "name": lookup.name,
        "answer": lookup.answer.value,
    }

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from bot.__main__ import main
from bot.app import load_units, shipped_playbooks
from bot.domain.evidence import Collector
from bot.domain.findings import Kind, Rule, Severity
from bot.domain.permissions import Use
from bot.domain.playbooks import Playbook
from bot.report.playbook_page import Call, Change, Concluded, Looked, PlaybookPage, page_json, playbook_page
from bot.report.playbook_text import playbook_text
from bot.workflow.catalogue import Catalogue

UNITS = load_units()
PLAYBOOKS = shipped_playbooks(UNITS)
CHANGE = Change(
    name="log_on", title="Switch the log on", does="Adds a line.", risk="low", parameters={"until": "30m"},
    yields=("query_log",), verify_rules=("wasteful",), then=(),
    calls=(Call(permission="configmaps: patch in namespace kube-system", use=Use.CHANGE, unlocks="switch it on"),),
)  # fmt: skip
LOG = Looked(
    collector="query_log", title="Query log", parameters={}, listed=True, needed_by=("wasteful",), shown_because="",
    calls=(Call(permission="pods/exec: create in all namespaces", use=Use.LOOK_UP, unlocks=""),),
)  # fmt: skip
WASTEFUL = Concluded(
    rule="wasteful", title="Queries are wasted", kind=Kind.CAUSE, severity=Severity.WARNING,
    thresholds={"share": 0.5, "strict": True}, judged_from=("query_log",),
    problem_refuted_by=("a quiet log (query_log)",), healthy_refuted_by=("a loud one (query_log)",),
    explains=("overload",), fixes=(),
    measures=(CHANGE,),
)  # fmt: skip
PAGE = PlaybookPage(
    name="query-log", title="Who asks", purpose="Who wastes queries?", commands=("log",), always=(), gather=(LOG,),
    findings=(WASTEFUL,),
)  # fmt: skip


def told(page: PlaybookPage) -> str:
    """Return the text on one line, as it reads."""
    return " ".join(playbook_text(page).split())


def names_in(playbook: Playbook, catalogue: Catalogue) -> set[str]:
    """Return what a page of this playbook must name: units, titles, and each call's permission."""
    collectors = [catalogue.collectors[entry.collector] for entry in playbook.gather]
    uses = [one for use in playbook.findings for fix in (*use.fixes, *use.measures) for one in fix.choices]
    uses += [later for fix in uses for later in fix.then]
    fixes = [catalogue.fixes[use.fix] for use in uses]
    rules = [catalogue.rules[use.rule] for use in playbook.findings]
    permissions = {permission.text for one in collectors for permission in one.permissions}
    permissions |= {permission.text for fix in fixes for permission in fix.permissions}
    units: list[Collector[Any, Any] | Rule] = [*collectors, *rules]
    titles = {text for unit in units for text in (unit.name, unit.title)}
    titles |= {text for use, fix in zip(uses, fixes, strict=True) for text in (fix.name, use.title or fix.title)}
    return permissions | titles | {fix.does for fix in fixes} | {entry.shown_because for entry in playbook.gather}


@pytest.mark.parametrize("name", sorted(PLAYBOOKS))
def test_shipped_playbook_is_shown_whole(name: str) -> None:
    """Every unit by name and title, every call's permission and what each change does, as text and as JSON."""
    page = playbook_page(PLAYBOOKS[name], UNITS)
    wanted = {" ".join(text.split()) for text in names_in(PLAYBOOKS[name], UNITS)} | {page.title}

    assert {text for text in wanted if text not in told(page)} == set()
    assert {text for text in wanted if json.dumps(text)[1:-1] not in json.dumps(page_json(page))} == set()


def test_reasons_are_told() -> None:
    """What each thing is looked at for, or why it is shown although nothing needs it."""
    page = playbook_page(PLAYBOOKS["security-groups"], UNITS)

    rules = "dns_blocked_by_security_group, control_plane_blocked_by_security_group"
    assert f"[subnets] - needed by {rules} - reads ec2:DescribeSubnets" in told(page)
    assert "[network_acls] - shown only: network ACLs are the other filter" in told(page)
    assert "EVERY DIAGNOSIS LOOKS AT, TOO Which cluster this is [cluster_binding]" in told(page)


def test_a_fix_says_when_how_and_who_and_a_following_one_is_told_once() -> None:
    """When it is proposed, what verifies it, who approves it, and what follows it in the same plan."""
    text = told(playbook_page(PLAYBOOKS["security-groups"], UNITS))

    assert "Allow DNS within the security group [authorize_security_group_self_ingress, low risk]" in text
    assert "Allow all traffic within the security group [authorize_security_group_self_ingress, medium risk]" in text
    assert "may be chosen instead of “Allow DNS within the security group”: EKS's default" in text
    assert "a fix: proposed when dns_blocked_by_security_group is a root cause" in text
    assert "these rules are healthy: dns_blocked_by_security_group, dns_blocked_by_network_acl" in text
    assert "(`approvals` in dnsbot.yaml) says who may approve" in text
    assert "follows authorize_security_group_self_ingress, authorize_dns_between_security_groups" in text
    assert len(re.findall(r"\[recreate_pods\b", text)) == 1
    assert "with pods: workload_selector, within_budgets: false, bare_pods: false, timeout: 5m" in text


def test_a_measure_says_what_it_gets_and_when() -> None:
    """It is no fix: it is proposed for want of evidence, and taken back when that has been read."""
    text = told(PAGE)

    assert "a measure: proposed when wasteful is UNKNOWN for want of evidence, and gets it: query_log" in text
    assert "its undo is proposed then" in text
    assert "a fix" not in text
    assert "with until: 30m" in text


def test_rules_and_rights_are_told() -> None:
    """Thresholds, severity, what a rule explains, and which roles the calls need."""
    text = told(PAGE)

    assert "Queries are wasted [wasteful, warning] - judged from query_log - with share: 0.5, strict: true" in text
    assert "no PROBLEM where there is a quiet log (query_log)" in text
    assert "not HEALTHY where there is a loud one (query_log)" in text
    assert "as a PROBLEM it explains overload" in text
    assert "RIGHTS - looking names up in pods: a role of its own" in text
    assert "reading:" not in text
    assert "a symptom" in told(replace(PAGE, findings=(replace(WASTEFUL, kind=Kind.SYMPTOM),)))


@pytest.mark.parametrize(
    ("commands", "said"),
    [
        (("diagnose",), "Runs with /dns-diagnose CLUSTER, dnsbot diagnose CLUSTER, dnsbot diagnose CLUSTER query-log"),
        (("log",), "Runs with /dns-log CLUSTER, dnsbot diagnose CLUSTER query-log"),
        ((), "Runs with dnsbot diagnose CLUSTER query-log"),
    ],
    ids=["diagnose", "another command", "by name alone"],
)
def test_it_says_how_it_is_run(commands: tuple[str, ...], said: str) -> None:
    """By the commands that it names, and always by its own name."""
    assert f"{said} LOOKS AT" in told(replace(PAGE, commands=commands))


def test_json_page_has_the_names_of_the_playbook_file() -> None:
    """Scripts read gather, findings, fixes and measures as the file spells them, each with its calls."""
    page: Any = json.loads(json.dumps(page_json(PAGE)))

    assert (page["schema"], page["name"], page["commands"]) == (1, "query-log", ["log"])
    assert page["gather"][0]["needed_by"] == ["wasteful"]
    assert page["gather"][0]["calls"] == [
        {"permission": "pods/exec: create in all namespaces", "to": "look up", "unlocks": ""}
    ]
    (measure,) = page["findings"][0]["measures"]
    assert (measure["measure"], measure["with"], measure["yields"]) == ("log_on", {"until": "30m"}, ["query_log"])
    assert measure["verify"] == {"rules": ["wasteful"]}


def test_command_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    """`dnsbot playbooks show` prints text, or JSON and nothing else."""
    assert main(["playbooks", "show", "lookups"]) == 0
    assert capsys.readouterr().out == playbook_text(playbook_page(PLAYBOOKS["lookups"], UNITS))

    assert main(["playbooks", "show", "lookups", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "lookups"


def test_unknown_playbook_gets_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    """A typo ends with 1 and says what was probably meant."""
    assert main(["playbooks", "show", "lockups"]) == 1

    told_of = capsys.readouterr()
    assert (told_of.out, told_of.err) == ("", "dnsbot: There is no playbook 'lockups'. Did you mean lookups?\n")

"""Whether the query log could be switched on, and where the Corefile is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.collectors import coredns_addon_scheduling, corefile, query_log_switch
from bot.collectors.coredns_addon_scheduling import CorednsAddonScheduling
from bot.collectors.coredns_metrics import CorednsMetrics, PodMetrics
from bot.collectors.corefile import Corefile
from bot.collectors.query_log_switch import QueryLogSwitch
from bot.dns.coredns_metrics import parse_metrics
from bot.domain.corefile_program import CorefileAnswer
from bot.domain.json_values import digest_of_text
from bot.domain.ports import Resource
from bot.errors import NotFound
from tests.collectors_aws.conftest import CannedAws
from tests.looking import NOW, Ends, as_stored, collect_through

TEXT = ".:53 {\n    errors\n    kubernetes cluster.local\n    reload\n}\n"
SCHEMA = json.dumps({"properties": {"corefile": {"type": "string"}}, "additionalProperties": False})
REFUSING = json.dumps({"properties": {"corefile": {"type": "string", "maxLength": 65}}})
NO_ADDON = {"eks:ListAddons": {"addons": ["vpc-cni"]}}


class Cluster:
    """The ConfigMap."""

    def __init__(self, text: str = TEXT) -> None:
        self.text = text

    def get(self, resource: Resource, name: str, *, namespace: str = "") -> Any:
        """Return it."""
        if (resource.plural, name, namespace) != ("configmaps", "coredns", "kube-system"):
            raise NotFound("there is none")
        return {"metadata": {}, "data": {"Corefile": self.text}}


def described(**addon: Any) -> dict[str, Any]:
    """Return what EKS answers about the add-on."""
    return {
        "eks:ListAddons": {"addons": ["coredns"]},
        "eks:DescribeAddon": {"addon": {"addonVersion": "v1.11.4-eksbuild.2", "status": "ACTIVE", **addon}},
        "eks:DescribeAddonConfiguration": {"configurationSchema": SCHEMA},
    }


def look(
    text: str = TEXT,
    answers: dict[str, Any] | None = None,
    program: Any = None,
    metrics: CorednsMetrics | None = None,
) -> tuple[QueryLogSwitch, tuple[str, ...]]:
    """Return the evidence as it is stored, and the calls to AWS."""
    ends = Ends(reader=Cluster(text), aws_reader=CannedAws(answers or NO_ADDON))
    read, _ = collect_through(corefile.COLLECTOR, ends, corefile_program=program)
    owner, _ = collect_through(coredns_addon_scheduling.COLLECTOR, ends)
    needed: dict[type, object] = {Corefile: read, CorednsAddonScheduling: as_stored(owner)}
    if metrics:
        needed[CorednsMetrics] = metrics
    found, calls = collect_through(query_log_switch.COLLECTOR, ends, needed=needed, corefile_program=program)
    kept: QueryLogSwitch = as_stored(found)
    assert query_log_switch.COLLECTOR.summarise(kept)
    return kept, tuple(call for call in calls if call.startswith("eks:"))


def test_the_edited_corefile_is_judged_by_our_grammar_where_no_program_is_named() -> None:
    """It would do; CoreDNS takes it up by itself; nobody else keeps the Corefile."""
    found, calls = look()

    assert found == QueryLogSwitch(
        written="", checked_by="the bot's own grammar", sha256=digest_of_text(TEXT), reloads=True
    )
    assert calls == ()
    assert "through the ConfigMap" in query_log_switch.COLLECTOR.summarise(found)


def test_coredns_itself_is_asked_about_the_edited_corefile() -> None:
    """What it says of the Corefile with `log` decides."""
    asked: list[str] = []

    def program(text: str, _file: str, _folders: Any) -> CorefileAnswer:
        asked.append(text)
        return CorefileAnswer(coredns="1.15.0", error="" if "log" not in text else "Unknown directive 'log'")

    found, _ = look(program=program)

    assert asked == [TEXT, TEXT.replace("    errors\n", "    log\n    errors\n")]
    assert (found.checked_by, found.refused) == ("CoreDNS 1.15.0 itself", "line 0: Unknown directive 'log'")


@pytest.mark.parametrize(
    ("text", "written", "refused"),
    [
        (".:53 {\n  log . {combined}\n}\n", "log . {combined}", ""),
        ("corp.example:53 {\n  errors\n}\n", "", "no server block takes every name"),
        (".:53 {\n  errors\n  prxy\n}\n", "", "line 4: Unknown directive 'prxy'"),
    ],
)
def test_what_is_on_or_cannot_be_is_told(text: str, written: str, refused: str) -> None:
    """How it logs already, or why `log` has no place there."""
    found, _ = look(text)

    assert found.written == written
    assert found.refused.startswith(refused)
    assert not found.reloads


@pytest.mark.parametrize("holds", [False, True], ids=["without a Corefile", "with the Corefile"])
def test_the_add_on_keeps_the_corefile_where_its_configuration_has_one(holds: bool) -> None:  # noqa: FBT001  # a table
    """Then it has to be changed there, and its schema is asked."""
    configuration = json.dumps({"replicaCount": 3, **({"corefile": TEXT} if holds else {})})
    answers = described(configurationValues=configuration)
    answers["eks:DescribeAddonConfiguration"] = {"configurationSchema": json.dumps({})}

    found, calls = look(answers=answers)

    assert (found.in_addon, found.addon_refuses) == (holds, "")
    assert ("eks:DescribeAddonConfiguration" in calls) is holds


@pytest.mark.parametrize(
    ("configuration", "schema", "reason"),
    [
        (json.dumps({"corefile": TEXT}), REFUSING, "the schema of v1.11.4-eksbuild.2 refuses it: $.corefile"),
        (
            json.dumps({"corefile": TEXT, "podAnnotations": {"token": "dfgh-4567-ghjk-5678"}}),
            SCHEMA,
            "its configuration holds text that the bot does not store",
        ),
        (json.dumps({"corefile": "corp {\n errors\n}\n"}), SCHEMA, "its configuration has no place for it: no server"),
    ],
)
def test_an_add_on_that_takes_no_other_corefile_says_why(configuration: str, schema: str, reason: str) -> None:
    """Its schema, or the Corefile that it holds."""
    answers = described(configurationValues=configuration)
    answers["eks:DescribeAddonConfiguration"] = {"configurationSchema": schema}

    found, _ = look(answers=answers)

    assert found.in_addon
    assert found.addon_refuses.startswith(reason)


def counted(pod: str, queries: int, *, started: datetime | None) -> PodMetrics:
    """Return what a pod has counted since it started."""
    counters = parse_metrics(f'coredns_dns_requests_total{{server="dns://:53"}} {queries}\n')
    return PodMetrics(pod=pod, node="a", counters=replace(counters, started_at=started))


@pytest.mark.parametrize(
    ("pods", "total", "rate"),
    [
        (
            [
                counted("a", 3_000, started=NOW - timedelta(seconds=100)),
                counted("b", 500, started=NOW - timedelta(seconds=50)),
            ],
            2,
            40.0,
        ),
        ([counted("a", 3_000, started=NOW - timedelta(seconds=100))], 2, None),
        ([counted("a", 3_000, started=None)], 1, None),
        ([counted("a", 3_000, started=NOW - timedelta(seconds=1))], 1, None),
        ([], 0, None),
    ],
    ids=["both pods", "one of two", "no time of start", "just started", "none"],
)
def test_the_rate_is_known_where_all_pods_tell_it(pods: list[PodMetrics], total: int, rate: float | None) -> None:
    """On average since each started; half of the queries would be no figure for a card."""
    found, _ = look(metrics=CorednsMetrics(pods=tuple(pods), pods_total=total))

    assert found.queries_per_second == rate

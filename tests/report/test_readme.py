from __future__ import annotations

import re
from pathlib import Path

from bot import collectors, fixes, rules
from bot.domain.permissions import AwsPermission, Use
from bot.report.permissions import cluster_roles, iam_policy, markdown_table, needs
from bot.workflow.catalogue import load_catalogue

ROOT = Path(__file__).parents[2]
CATALOGUE = load_catalogue(collectors, rules, fixes)
NEEDS = needs(CATALOGUE)
README = (ROOT / "README.md").read_text()


READS = ("Describe", "Get", "List", "Lookup", "Search")


def test_permissions_table_is_what_the_units_declare() -> None:
    """The table of docs/permissions.md is made from the declarations; `make docs` renews it."""
    page = (ROOT / "docs" / "permissions.md").read_text()

    match = re.search(r"<!-- permissions -->\n(.*?)<!-- /permissions -->", page, re.DOTALL)

    assert match is not None
    assert match[1] == markdown_table(NEEDS)


def test_reading_policy_holds_no_action_that_changes() -> None:
    """The reading role's IAM actions all begin with Describe, Get, List or Lookup."""
    actions = iam_policy(NEEDS, change=False)["Statement"][0]["Action"]

    assert actions
    assert all(action.partition(":")[2].startswith(READS) for action in actions)


def test_roles_are_apart() -> None:
    """The reader may not exec, the prober may do nothing else, only the writer may change anything."""
    verbs = {
        role["metadata"]["name"]: {(verb, resource) for rule in role["rules"]
                                   for verb in rule["verbs"]
                                   for resource in rule.get("resources") or rule["nonResourceURLs"]}
        for role in cluster_roles(NEEDS) if role["kind"] == "ClusterRole"
    }  # fmt: skip

    assert {verb for verb, _ in verbs["dnsbot-read"]} <= {"get", "list"}
    assert verbs["dnsbot-look-up"] == {("create", "pods/exec"), ("get", "pods/exec")}
    handed_on = {("list", "endpointslices"), ("watch", "endpointslices")}
    assert {verb for verb, _ in verbs["dnsbot-write"] - handed_on} <= {"patch", "create", "delete"}
    assert {one for verb, one in verbs["dnsbot-write"] if verb == "create"} == {
        "clusterroles",
        "clusterrolebindings",
        "networkpolicies",
    }


def test_every_change_belongs_to_a_fix() -> None:
    """A permission to change is declared by fixes alone."""
    for need in NEEDS:
        if need.use is Use.CHANGE:
            assert set(need.units) <= set(CATALOGUE.fixes)
        elif need.use is Use.PROBE:
            assert set(need.units) <= set(CATALOGUE.collectors)
        elif isinstance(need.permission, AwsPermission):
            assert need.permission.action.partition(":")[2].startswith(READS)


def test_every_folder_of_the_package_stands_in_the_readme() -> None:
    """A stranger finds each folder of `bot` explained."""
    folders = {path.parent.name for path in (ROOT / "bot").glob("*/__init__.py")} - {"jobs"}

    for folder in folders:
        assert f"bot/{folder}" in README, folder

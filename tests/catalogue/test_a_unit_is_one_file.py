"""A unit is one new file: a copy of the tree with a unit of each kind more holds, and nothing else was edited.

`make lint` checks the types of what is grafted, in `grafted/`; here the copy's other checks run, and of its tests those
of the new units and of what is made from all. `python -m tests.catalogue.graft` runs all tests in the copy.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bot.app import load_units
from bot.report.deployment import deployment_files
from bot.report.permissions import needs
from tests.catalogue.graft import GRAFTED, ROOT, Copy, grafted_files, make_copy

pytestmark = pytest.mark.slow
GENERATED = {
    "docs/permissions.md",
    "docs/causes.md",
    *(f"deploy/{path}" for path in deployment_files(needs(load_units()))),
}
OF_ALL_UNITS = ("test_catalogue", "test_deploy_files", "test_iam_policies_enforced", "test_readme", "test_world_plan")
"""Files of tests that look at all units together, or at what is made from them."""
OWN_TESTS = {
    "vpc_exposure": {"test_collectors_over_http", "test_evidence_classes"},
    "dns_open_to_the_internet": {"test_every_rule"},
    "close_dns_to_the_internet": {"test_rehearsals"},
    "open-to-the-internet": {"test_every_scenario"},
    "open-to-the-internet-look-alike": {"test_every_scenario"},
    "ec2:DescribeInternetGateways": {"test_iam_policies_enforced", "test_missing_aws_rights"},
    "ec2:ModifySecurityGroupRules": {"test_iam_policies_enforced", "test_missing_aws_rights"},
    "coredns_identity": {"test_evidence_classes"},
    "coredns_pods_look_alike": {"test_every_rule"},
}
"""What is grafted, with the files of tests that must walk over it."""
_WALKING = {*OF_ALL_UNITS, *(name for names in OWN_TESTS.values() for name in names)}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """Return the copy, made once."""
    return make_copy(tmp_path_factory.mktemp("grafted"))


def actions(root: Path) -> set[str]:
    """Return what the policies in a tree's `deploy/` allow."""
    policies = [json.loads(path.read_text()) for path in (root / "deploy").glob("iam-[rw]*.json")]
    return {action for policy in policies for statement in policy["Statement"] for action in statement["Action"]}


def test_the_copy_is_what_runs(copy: Copy) -> None:
    """Not the installed package: what follows would show nothing."""
    new = len(list((GRAFTED / "bot" / "rules").glob("*.py")))

    done = copy.run("dnsbot", "playbooks", "check")

    assert f" {len(load_units().rules) + new} rules" in done.stdout, done.stdout + done.stderr


def test_nothing_but_new_files_and_generated_ones_differ(copy: Copy) -> None:
    """Policies and docs/permissions.md follow the declarations; no other file knows the units."""
    changed = copy.changed()

    assert changed - GENERATED == grafted_files()
    assert {"docs/permissions.md", "deploy/iam-read.json", "deploy/iam-write.json"} <= changed
    assert actions(copy.root) - actions(ROOT) >= {name for name in OWN_TESTS if name.startswith("ec2:")}


@pytest.mark.parametrize(
    "check", [("ruff", "check"), ("ruff", "format", "--check"), ("lint-imports", "--no-cache")], ids=" ".join
)
def test_lint_holds(copy: Copy, check: tuple[str, ...]) -> None:
    """Style and layers have no list of units either."""
    done = copy.run(*check)

    assert done.returncode == 0, done.stdout + done.stderr


def test_tests_that_walk_the_catalogue_hold(copy: Copy) -> None:
    """Every new unit is tested by what tests all of its kind, and no such test expects a number or a list."""
    paths = sorted(str(path.relative_to(ROOT)) for name in _WALKING for path in (ROOT / "tests").rglob(f"{name}.py"))
    new = " or ".join(OWN_TESTS)
    others = (
        f"test_no_other_operation or (_taken_out_ and not ({new}))"  # they take long, and nothing is new about them
    )
    wanted = f"({' or '.join(OF_ALL_UNITS)} or {new}) and not ({others})"

    done = copy.run("pytest", *paths, "-v", "-n", "0", "-p", "no:cacheprovider", "-k", wanted)

    walked = {unit: files & _passed_for(unit, done.stdout) for unit, files in OWN_TESTS.items()}
    assert done.returncode == 0, done.stdout + done.stderr
    assert walked == OWN_TESTS


def _passed_for(unit: str, told: str) -> set[str]:
    """Return the files of tests of which one with this unit as a parameter passed."""
    named = rf"/(test_\w+)\.py::\w+\[(?:.*-)?{re.escape(unit)}(?:\]|-(?!look-alike)).* PASSED"
    return set(re.findall(named, told))

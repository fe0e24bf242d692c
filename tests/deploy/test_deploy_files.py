from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot import collectors, fixes, rules
from bot.domain.evidence import Collector
from bot.domain.permissions import AwsPermission, KubernetesPermission, Permission, Use
from bot.domain.places import PlaceKind
from bot.domain.plans import Fix
from bot.report.deployment import binding, deployment_files
from bot.report.permissions import ROLE_NAMES, Need, cluster_roles, iam_policy, needs
from bot.workflow.catalogue import load_catalogue

DEPLOY = Path(__file__).parents[2] / "deploy"
CATALOGUE = load_catalogue(collectors, rules, fixes)
NEEDS = needs(CATALOGUE)
FILES = deployment_files(NEEDS)
ROLES = cluster_roles(NEEDS)


def _grants(role: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    for rule in role["rules"]:
        for name in rule.get("resourceNames", ["*"]):
            for verb in rule["verbs"]:
                path = rule.get("nonResourceURLs", [""])[0]
                yield ("", path, verb, name) if path else (rule["apiGroups"][0], rule["resources"][0], verb, name)


def _need(permission: AwsPermission | KubernetesPermission, use: Use) -> Need:
    return Need(permission=permission, use=use, units=("some_unit",), disables=(), gathers=True)


@pytest.mark.parametrize("path", sorted(FILES))
def test_made_files_are_what_the_units_declare(path: str) -> None:
    """Each made file holds today's declarations; `make docs` renews it."""
    assert (DEPLOY / path).read_text() == FILES[path]


def test_the_chart_holds_nothing_that_the_declarations_do_not_make() -> None:
    """A role that no unit declares any more does not stay behind."""
    made = {path.removeprefix("chart/files/") for path in FILES if path.startswith("chart/files/")}

    assert {path.name for path in (DEPLOY / "chart" / "files").iterdir()} == made
    assert {path.name for path in (DEPLOY / "rbac").iterdir()} == made | {"dnsbot-probe.yaml"}


def test_every_declared_object_name_is_granted() -> None:
    """Two units that read different ConfigMaps both get theirs: a shared line of the table loses no name."""
    granted = {
        (role["metadata"].get("namespace", ""), *grant) for role in ROLES for grant in _grants(dict(role))
    }  # fmt: skip

    units: list[Collector[Any, Any] | Fix] = [*CATALOGUE.collectors.values(), *CATALOGUE.fixes.values()]
    for unit in units:
        for permission in unit.permissions:
            if isinstance(permission, KubernetesPermission):
                for name in permission.names or ("*",):
                    wanted = (permission.namespace, permission.group, permission.resource, permission.verb)
                    assert (*wanted, name) in granted or (*wanted, "*") in granted, (unit.name, wanted, name)


def test_writing_role_changes_only_what_fixes_change() -> None:
    """The writer holds each change that a fix declares, only in its namespace where it names one.

    It reads nothing, but for what it hands on: RBAC lets nobody grant what they do not hold.
    """
    granted = {
        (role["metadata"].get("namespace", ""), *grant)
        for role in ROLES
        if role["metadata"]["name"] == "dnsbot-write"
        for grant in _grants(dict(role))
    }
    declared = {
        (one.namespace, one.group, one.resource, one.verb, name)
        for fix in CATALOGUE.fixes.values()
        for one in fix.permissions
        if isinstance(one, KubernetesPermission) and not one.of_probe_pods  # the node role's
        if one.verb not in {"get", "list"} or one.handed_on
        for name in one.names or ("*",)
    }

    whole = {one for one in declared if one[-1] == "*" or (*one[:-1], "*") not in declared}
    assert granted == whole
    assert granted


def test_no_role_reads_secrets_or_uses_wildcards() -> None:
    """No group, kind or verb is `*`, and Secrets stay unread, as do the rights to widen rights."""
    for role in ROLES:
        for group, resource, verb, _ in _grants(dict(role)):
            assert "*" not in {group, resource, verb}
            assert resource not in {"secrets", "nodes/proxy", "serviceaccounts/token"}
            assert verb not in {"escalate", "bind", "impersonate"}
            assert verb != "watch" or resource == "endpointslices"  # held to hand it on


def test_what_is_declared_for_one_namespace_is_a_role_there() -> None:
    """Logs, events and the Corefile are read in kube-system alone; Services are looked through everywhere for DNS."""
    everywhere = {
        resource
        for role in ROLES
        if role["kind"] == "ClusterRole"
        for _, resource, _, _ in _grants(dict(role))
        if role["metadata"]["name"] != "dnsbot-write" or resource != "endpointslices"  # held to hand it on
        if role["metadata"]["name"] != "dnsbot-node"  # bound where its pods are, and nowhere else
    }

    assert everywhere.isdisjoint({"pods/log", "events", "configmaps", "endpointslices"})


@pytest.mark.parametrize("name", sorted({role["metadata"]["name"] for role in ROLES}))
def test_each_role_is_bound_to_the_group_of_its_name(name: str) -> None:
    """What `kubectl apply -f deploy/rbac` installs grants each role to its group and to nobody else."""
    documents = list(yaml.safe_load_all((DEPLOY / "rbac" / f"{name}.yaml").read_text()))
    roles = [one for one in documents if one["kind"] in {"ClusterRole", "Role"}]

    assert roles
    assert documents == [*roles, *(binding(role) for role in roles)]
    for role in roles:
        bound = binding(role)
        assert bound["roleRef"]["kind"] == role["kind"]
        assert role["metadata"].get("namespace") in {None, bound["metadata"].get("namespace")}
        assert [subject["name"] for subject in bound["subjects"]] == [name]


EXEC_ON_NODES = _need(KubernetesPermission(verb="create", resource="pods/exec"), Use.NODE)


def test_a_role_that_nothing_needs_has_no_file() -> None:
    """Nobody installs an empty role: seeing nodes has one once a unit declares it."""
    paths = {path for path in deployment_files([EXEC_ON_NODES]) if not path.endswith(".json")}

    assert paths == {"rbac/dnsbot-node.yaml", "chart/files/dnsbot-node.yaml"}


def test_seeing_nodes_is_granted_in_one_namespace() -> None:
    """Exec in all pods of a cluster is more than it takes to see its nodes."""
    role, bound = yaml.safe_load_all(deployment_files([EXEC_ON_NODES])["rbac/dnsbot-node.yaml"])

    assert (role["kind"], role["rules"][0]["resources"]) == ("ClusterRole", ["pods/exec"])
    assert (bound["kind"], bound["metadata"]["namespace"]) == ("RoleBinding", "kube-system")
    assert bound["roleRef"]["kind"] == "ClusterRole"


def test_seeing_nodes_is_off_in_the_chart_and_has_a_group_of_its_own() -> None:
    """Nobody gets it with the lookups."""
    values = yaml.safe_load((DEPLOY / "chart" / "values.yaml").read_text())["rbac"]

    assert values["node"] == {"enabled": False, "namespaces": ["kube-system"]}
    here = {name for use, name in ROLE_NAMES.items() if use is not Use.PROBE}
    assert set(values["groups"].values()) == here


def test_writing_policy_reaches_network_objects_only() -> None:
    """Each writing statement names the kinds it is about, and tags go only on what is being created.

    What services only read with the writer's rights knows no kinds, nor does a share that is only being created.
    """
    statements = json.loads(FILES["iam-write.json"])["Statement"]
    by_action = {action: statement for statement in statements for action in statement["Action"]}

    everywhere = [
        action for one in statements if one["Resource"] == "*" and "Condition" not in one for action in one["Action"]
    ]
    assert all("*" not in statement["Action"] for statement in statements)
    assert all(action.startswith("ec2:Describe") for action in everywhere)
    assert by_action["ec2:CreateTags"]["Resource"] == [
        "arn:aws:ec2:*:*:security-group-rule/*", "arn:aws:ec2:*:*:security-group/*",
    ]  # fmt: skip
    assert by_action["ec2:CreateTags"]["Condition"] == {
        "ForAllValues:StringEquals": {"aws:TagKeys": ["dnsbot:plan"]},
        "StringEquals": {
            "ec2:CreateAction": [
                "AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress", "CreateSecurityGroup",
            ],
        },
    }  # fmt: skip
    assert by_action["ec2:CreateNetworkAclEntry"]["Resource"] == "arn:aws:ec2:*:*:network-acl/*"


def test_policies_hold_each_declared_action_once() -> None:
    """Reading and writing at a kind of place are exactly what units declare for it.

    No action is in both but what a service reads with the writer's rights.
    """
    kinds = {
        "iam-read.json": "home",
        "iam-write.json": "home",
        "iam-peer-read.json": "peers",
        "iam-peer-write.json": "peers",
        "iam-probe.json": "probes",
    }
    written = [
        (kinds[path], action)
        for path, text in FILES.items() if path.startswith("iam-")
        for statement in json.loads(text)["Statement"]
        for action in statement["Action"]
    ]  # fmt: skip
    declared = [
        ("probes" if need.use is Use.PROBE else need.permission.place.value, need.permission.action)
        for need in NEEDS if isinstance(need.permission, AwsPermission)
        and not (need.use is Use.PROBE and need.permission.place is PlaceKind.PEER)  # one policy for both
    ]  # fmt: skip
    services = {
        need.permission.action
        for need in NEEDS if isinstance(need.permission, AwsPermission) and need.permission.by_service
    }  # fmt: skip

    assert sorted(written) == sorted(declared)
    assert {action for (_, action), number in Counter(written).items() if number > 1} <= services


def test_no_policy_stays_behind() -> None:
    """One that nothing is declared for is not made, and none lies there that is not made."""
    made = {path for path in FILES if path.startswith("iam-")}

    assert {path.name for path in DEPLOY.glob("iam-*.json")} == made | {"iam-assume.json"}


def _is_at_home(permission: Permission) -> bool:
    return not isinstance(permission, AwsPermission) or permission.place is PlaceKind.HOME


def test_the_first_write_that_is_declared_for_peers_makes_their_writing_policy() -> None:
    """Whose account it is for is what the declaration says; the policy of the cluster's own writer does not grow."""
    there = _need(AwsPermission(action="route53resolver:CreateResolverRule", place=PlaceKind.PEER), Use.CHANGE)

    at_home = [need for need in NEEDS if need.use is not Use.CHANGE or _is_at_home(need.permission)]

    files = deployment_files([*at_home, there])

    (statement,) = json.loads(files["iam-peer-write.json"])["Statement"]
    assert (statement["Sid"], statement["Action"]) == ("DnsbotPeerWrite", ["route53resolver:CreateResolverRule"])
    assert files["iam-write.json"] == FILES["iam-write.json"]


def test_actions_with_the_same_limits_share_a_statement() -> None:
    """The order in which a unit lists its resources makes no further statement."""
    found = [
        _need(AwsPermission(action="ec2:CreateA", resources=("arn:x", "arn:y")), Use.CHANGE),
        _need(AwsPermission(action="ec2:CreateB", resources=("arn:y", "arn:x")), Use.CHANGE),
        _need(AwsPermission(action="ec2:DescribeC"), Use.READ),
    ]

    assert iam_policy(found, change=True)["Statement"] == [
        {
            "Sid": "DnsbotWrite",
            "Effect": "Allow",
            "Action": ["ec2:CreateA", "ec2:CreateB"],
            "Resource": ["arn:x", "arn:y"],
        }
    ]


def test_trust_and_assume_examples_speak_of_the_same_roles() -> None:
    """Who may be assumed, who trusts whom and which service account it is agree among the examples."""
    assume = json.loads((DEPLOY / "iam-assume.json").read_text())["Statement"][0]
    trust = json.loads((DEPLOY / "trust-read-write.json").read_text())["Statement"][0]
    irsa = json.loads((DEPLOY / "trust-irsa.json").read_text())["Statement"][0]
    pod_identity = json.loads((DEPLOY / "trust-pod-identity.json").read_text())["Statement"][0]

    assert assume["Action"] == trust["Action"] == pod_identity["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    assert [arn.rpartition("/")[2] for arn in assume["Resource"]] == ["dnsbot-read", "dnsbot-write"]
    assert trust["Principal"]["AWS"].rpartition("/")[2] == "dnsbot"
    assert "system:serviceaccount:dnsbot:dnsbot" in irsa["Condition"]["StringEquals"].values()
    assert pod_identity["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-service-account"] == "dnsbot"

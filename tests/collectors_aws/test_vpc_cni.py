"""The VPC CNI: its DaemonSet, pods and add-on; and the pods that hold a branch interface."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.collectors import vpc_cni, vpc_cni_addon
from bot.collectors.branch_pods import BranchPods
from bot.collectors.vpc_cni import VpcCni
from bot.collectors.vpc_cni_addon import CniAddon, VpcCniAddon
from bot.domain.enforcing_mode import ENFORCING_MODE, EnforcingMode
from bot.domain.evidence import Gap
from bot.domain.ports import Resource
from bot.errors import AccessDenied, EvidenceUnavailable, NotFound, SourceTimeout
from bot.kubernetes.pods import Container, Pod
from bot.kubernetes.vpc_cni import AwsNodePod, AwsNodeRevision
from tests.collectors_aws.conftest import CannedAws
from tests.looking import Ends, as_stored, collect_through

SCHEMA = json.dumps({"type": "object", "properties": {"env": {"type": "object"}}})
REFUSING = json.dumps({"properties": {"env": {"additionalProperties": False}}})
LISTED = {"eks:ListAddons": {"addons": ["coredns", "vpc-cni"]}}


class Cluster:
    """aws-node's DaemonSet, and one pod of it on node a."""

    def __init__(self, *, exists: bool = True, shows_revisions: bool = True) -> None:
        self.exists, self.shows_revisions = exists, shows_revisions

    def get(self, resource: Resource, name: str, *, namespace: str = "") -> Any:
        """Return the DaemonSet."""
        assert (resource.plural, name, namespace) == ("daemonsets", "aws-node", "kube-system")
        if not self.exists:
            raise NotFound("there is none")
        return {"metadata": {"name": "aws-node", "uid": "u"}, "spec": {"template": {"spec": SPEC}}}

    def list(self, resource: Resource, make: Any, *, namespace: str = "", labels: str = "", fields: str = "") -> Any:
        """Return its pods, or its revisions and one of a DaemonSet before it."""
        assert (namespace, labels, fields) == ("kube-system", "k8s-app=aws-node", "")
        if resource.plural == "controllerrevisions":
            if not self.shows_revisions:
                raise AccessDenied("refused", grant="controllerrevisions.apps: list in namespace kube-system")
            return [make(revision(2, "u", SPEC)), make(revision(1, "u", {})), make(revision(1, "other", SPEC))]
        assert resource.plural == "pods"
        metadata = {"name": "aws-node-a", "creationTimestamp": "2026-11-20T09:00:00Z"}
        return [make({"metadata": metadata, "spec": {"nodeName": "a", **SPEC}})]


SPEC = {
    "containers": [{"name": "aws-node", "image": "cni:v1.19.2", "env": [{"name": ENFORCING_MODE, "value": "standard"}]}]
}


def revision(number: int, owner: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Return a ControllerRevision that holds a template."""
    return {
        "metadata": {
            "name": f"aws-node-{number}",
            "creationTimestamp": f"2026-11-{18 + number}T09:00:00Z",
            "ownerReferences": [{"uid": owner, "kind": "DaemonSet", "controller": True}],
        },
        "data": {"spec": {"template": {"spec": spec, "$patch": "replace"}}},
        "revision": number,
    }


def described(**addon: Any) -> dict[str, Any]:
    """Return what EKS answers about an add-on."""
    values = {"addonVersion": "v1.19.2-eksbuild.1", "status": "ACTIVE", **addon}
    return {
        **LISTED,
        "eks:DescribeAddon": {"addon": values},
        "eks:DescribeAddonConfiguration": {"configurationSchema": SCHEMA},
    }


def stored(answers: dict[str, Any]) -> CniAddon:
    """Return the add-on as it is stored."""
    found, _ = collect_through(vpc_cni_addon.COLLECTOR, Ends(aws_reader=CannedAws(answers)))
    kept: VpcCniAddon = as_stored(found)
    assert kept.addon is not None
    return kept.addon


def test_the_add_on_has_its_configuration_as_it_is() -> None:
    """Its version would take the other mode; that costs three calls."""
    answers = described(configurationValues='{"env":{}}')
    found, calls = collect_through(vpc_cni_addon.COLLECTOR, Ends(aws_reader=CannedAws(answers)))

    addon = stored(answers)
    assert (addon.status, addon.configuration, addon.whole, addon.refused) == ("ACTIVE", '{"env":{}}', True, "")
    assert vpc_cni_addon.COLLECTOR.summarise(found) == "EKS add-on vpc-cni v1.19.2-eksbuild.1, ACTIVE"
    assert calls == ("eks:ListAddons", "eks:DescribeAddon", "eks:DescribeAddonConfiguration")


@pytest.mark.parametrize(
    ("branch", "asked"),
    [
        (BranchPods(policies=0, pods=()), False),
        (BranchPods(policies=1, pods=(), gaps=(Gap(what="pods of shop", reason="forbidden"),)), True),
    ],
    ids=["no-branch-interface", "perhaps-one"],
)
def test_the_other_mode_is_asked_about_where_a_pod_may_hold_a_branch_interface(
    branch: BranchPods, *, asked: bool
) -> None:
    """Elsewhere no mode is in question, and a call is saved."""
    ends = Ends(aws_reader=CannedAws(described()))
    found, calls = collect_through(vpc_cni_addon.COLLECTOR, ends, needed={BranchPods: branch})

    assert (found.addon.refused, "eks:DescribeAddonConfiguration" in calls) == ("", asked)


def test_a_secret_of_its_configuration_is_not_kept_and_missed() -> None:
    """What is stored is not the whole, and the digest tells."""
    addon = stored(described(configurationValues=json.dumps({"env": {"CLUSTER_TOKEN": "dfgh-4567-ghjk-5678"}})))

    assert "dfgh" not in addon.configuration
    assert not addon.whole


@pytest.mark.parametrize(
    ("answers", "refused"),
    [
        (described(configurationValues="- a list"), "its configuration has no place for it"),
        (
            described() | {"eks:DescribeAddonConfiguration": {"configurationSchema": REFUSING}},
            "the schema of v1.19.2-eksbuild.1 refuses it: $.env",
        ),
    ],
)
def test_why_the_add_on_takes_no_other_mode_is_said(answers: dict[str, Any], refused: str) -> None:
    """A configuration that cannot be edited, or a schema that does not take it."""
    assert refused in stored(answers).refused


@pytest.mark.parametrize(
    "answers",
    [
        {"eks:ListAddons": AccessDenied("refused", grant="eks:ListAddons")},
        LISTED | {"eks:DescribeAddon": SourceTimeout("no answer")},
        described() | {"eks:DescribeAddonConfiguration": AccessDenied("no", grant="eks:DescribeAddonConfiguration")},
        described() | {"eks:DescribeAddonConfiguration": {"configurationSchema": "no schema"}},
        described(status=None),
    ],
)
def test_an_add_on_that_could_not_be_read_is_not_taken_for_absent(answers: dict[str, Any]) -> None:
    """Nothing is said of it."""
    with pytest.raises(EvidenceUnavailable):
        collect_through(vpc_cni_addon.COLLECTOR, Ends(aws_reader=CannedAws(answers)))


def test_without_the_add_on_the_daemon_set_is_its_owners() -> None:
    """That is no gap."""
    answers = {"eks:ListAddons": {"addons": ["coredns"]}}

    found, _ = collect_through(vpc_cni_addon.COLLECTOR, Ends(aws_reader=CannedAws(answers)))

    assert (found.addon, vpc_cni_addon.COLLECTOR.summarise(found)) == (None, "no EKS add-on vpc-cni")


@pytest.mark.parametrize("exists", [True, False])
def test_the_daemon_set_and_its_pods_say_the_mode(*, exists: bool) -> None:
    """Without a DaemonSet there is nothing else to ask: Auto Mode, or another CNI."""
    found, calls = collect_through(vpc_cni.COLLECTOR, Ends(reader=Cluster(exists=exists)))

    kept: VpcCni = as_stored(found)
    assert [pod.mode for pod in kept.pods] == ([EnforcingMode.STANDARD] if exists else [])
    assert (kept.aws_node is not None, len(calls)) == (exists, 3 if exists else 1)
    assert [(one.number, one.mode) for one in kept.revisions] == (
        [(1, EnforcingMode.STRICT), (2, EnforcingMode.STANDARD)] if exists else []
    )
    told = "VPC CNI 1.19.2, 1 pod; mode standard (set)" if exists else "no DaemonSet aws-node"
    assert vpc_cni.COLLECTOR.summarise(found) == told


def test_revisions_that_may_not_be_read_leave_its_pods_to_date_it() -> None:
    """A gap says what to grant; the rest is there."""
    found, _ = collect_through(vpc_cni.COLLECTOR, Ends(reader=Cluster(shows_revisions=False)))

    kept: VpcCni = as_stored(found)
    assert (len(kept.pods), kept.revisions) == (1, ())
    assert kept.gaps[0].what == "since when aws-node has its mode: its pods alone date it"
    assert kept.gaps[0].grant == "controllerrevisions.apps: list in namespace kube-system"


NINE = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
STRICT, STANDARD = EnforcingMode.STRICT, EnforcingMode.STANDARD
GAP = Gap(what="revisions", reason="refused")


def cni(*revisions: tuple[int, int, EnforcingMode], undated: Gap | None = None) -> VpcCni:
    """Return a VPC CNI whose pod on node a is of 9 h, in standard mode; revisions are (number, hour, mode)."""
    return VpcCni(
        aws_node=None,
        pods=(AwsNodePod(node="a", name="aws-a", created_at=NINE, mode=STANDARD),),
        revisions=tuple(
            AwsNodeRevision(number=number, created_at=NINE.replace(hour=hour), owner_uid="u", mode=mode)
            for number, hour, mode in revisions
        ),
        undated=undated,
    )


CHANGED = cni((1, 1, STRICT), (2, 3, STRICT), (3, 8, STANDARD))
DATED = [
    ("newer than aws-node's pod", CHANGED, "a", 9, STANDARD, ""),
    (
        "before the change",
        CHANGED,
        "a",
        7,
        STRICT,
        "and than its revision 3 of 2026-11-20T08:00:00Z, before which it w",
    ),
    ("of the change's own second", CHANGED, "a", 8, STRICT, "revision 3 of"),
    ("while it was rolled out", cni((1, 1, STRICT), (2, 4, STANDARD)), "a", 7, None, "younger than its revision that"),
    ("older than what is kept", cni((8, 6, STRICT), (9, 8, STANDARD)), "a", 5, None, "older than aws-node's pod there"),
    ("always one mode", cni((1, 1, STANDARD), (2, 3, STANDARD)), "a", 2, STANDARD, "all its 2 revisions say standard"),
    (
        "one revision",
        cni((1, 1, STRICT)),
        "b",
        2,
        STRICT,
        "on a node without aws-node, and its one revision says strict",
    ),
    ("taken back", cni((1, 1, STRICT), (3, 2, STANDARD), (4, 1, STRICT)), "a", 7, None, "taken back to an earlier"),
    (
        "revisions not read",
        cni(undated=GAP),
        "a",
        7,
        None,
        "older than aws-node's pod there, and its revisions were not",
    ),
]


@pytest.mark.parametrize(
    ("known", "node", "hour", "mode", "why"), [row[1:] for row in DATED], ids=[row[0] for row in DATED]
)
def test_what_a_pod_was_made_under_is_dated_by_revisions(
    known: VpcCni, node: str, hour: int, mode: EnforcingMode | None, why: str
) -> None:
    """The node's own aws-node pod tells it of younger pods, the DaemonSet's revisions of older ones (B9)."""
    pod = Pod(
        namespace="pay",
        name="pay-1",
        node=node,
        phase="Running",
        ready=True,
        created_at=NINE.replace(hour=hour),
        container=Container(name="pay"),
    )

    told, said = known.made_under(pod)

    assert (told, known.mode_of(pod)) == (mode, mode)
    assert why in said

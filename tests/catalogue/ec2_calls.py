"""What units send to EC2, made by the units' own code in an account with one VPC, one security group and no pods.

So nobody lists calls: the reads are those that collectors send, the writes those that fixes would have rehearsed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.app import load_units, shipped_playbooks
from bot.domain.cluster import ClusterTarget, PodName, Question
from bot.domain.deadline import Deadline
from bot.domain.json_values import RawObject
from bot.domain.places import HOME, OnPremises, Place
from bot.domain.plans import Rehearsal
from bot.domain.ports import NetworkProber, NodeRun, PodProber, Resource
from bot.errors import EvidenceUnavailable, NotFound
from bot.workflow.diagnose import Diagnoser
from tests.looking import ListsWhatItReads

CATALOGUE = load_units()
PLAYBOOKS = shipped_playbooks(CATALOGUE)
TARGET = ClusterTarget(
    name="cluster-prod",
    eks_name="cluster-prod",
    region="eu-west-1",
    on_premises=(OnPremises(name="hq", cidrs=("10.64.0.0/10",)),),
)
"""With a network elsewhere, so that what leads there is asked for, too."""
Send = Callable[[str, Mapping[str, object]], RawObject]
"""Sends an EC2 operation, as IAM spells it, with these parameters."""


class NoPods:
    """A Kubernetes port of a cluster in which nothing runs."""

    def get(self, resource: Resource, name: str, **_: str) -> RawObject:
        """Hold no objects."""
        raise NotFound(f"{resource} {name}")

    def list(self, _: Resource, __: Callable[[RawObject], object], **___: str) -> list[object]:
        """Hold no objects."""
        return []

    def logs(self, pod: PodName, **_: object) -> str:
        """Hold no logs."""
        raise NotFound(f"{pod}")


@dataclass
class Ec2Only(ListsWhatItReads):
    """What a diagnosis looks through: real EC2, a cluster that EKS describes, and no pods. Notes what was read."""

    send: Send
    vpc_id: str
    group_id: str
    reads: dict[str, Mapping[str, object]] = field(default_factory=dict)

    def read(self, service: str, operation: str, **parameters: object) -> RawObject:
        """Send it to EC2, or answer for EKS."""
        if service == "ec2":
            self.reads[f"ec2:{operation}"] = parameters
            return self.send(operation, parameters)
        if operation != "DescribeCluster":
            raise EvidenceUnavailable(f"{service}:{operation} is not answered here.")
        network = {"vpcId": self.vpc_id, "clusterSecurityGroupId": self.group_id, "subnetIds": []}
        arn = "arn:aws:eks:eu-west-1:111122223333:cluster/cluster-prod"
        named = {"name": "cluster-prod", "arn": arn, "status": "ACTIVE", "version": "1.33"}
        return {"cluster": {**named, "resourcesVpcConfig": network}}

    def aws(self, _: Deadline, place: Place = HOME) -> Ec2Only:
        """Return itself: there is no other place."""
        assert place == HOME
        return self

    def cluster(self, _: Deadline) -> Any:
        """Return a cluster in which nothing runs."""
        return NoPods()

    def pods(self, _: Deadline) -> PodProber:
        """There is nothing to look up from."""
        raise EvidenceUnavailable("No pod runs here.")

    def nodes(self) -> NodeRun:
        """There is no node."""
        raise EvidenceUnavailable("No node runs here.")

    def networks(self, _: Deadline) -> NetworkProber:
        """There is no other network."""
        raise EvidenceUnavailable("No other network is here.")


@dataclass(frozen=True)
class Ec2Calls:
    """What the units of the catalogue read and would write."""

    reads: Mapping[str, Mapping[str, object]]
    """Parameters by action (`ec2:DescribeSubnets`), as a collector sent them."""
    evidence: Mapping[type, object]
    """What collectors made of the answers, by class."""

    @property
    def writes(self) -> tuple[Rehearsal, ...]:
        """What fixes would write, given this evidence: each call once, though several fixes make it."""
        made = {
            (one.operation, one.target): one for fix in CATALOGUE.fixes.values() for one in fix.rehearse(self.evidence)
        }
        return tuple(made.values())


def ec2_calls(send: Send, *, vpc_id: str, group_id: str) -> Ec2Calls:
    """Let every collector read this VPC, whose nodes' security group is named, and return what was sent and learnt."""
    account = Ec2Only(send, vpc_id, group_id)
    diagnoser = Diagnoser(
        catalogue=CATALOGUE, playbooks=PLAYBOOKS, targets={TARGET.name: TARGET}, open_sources=lambda _: account
    )
    found = diagnoser.run(Question(cluster=TARGET.name)).evidence
    return Ec2Calls(
        reads=account.reads, evidence={type(one.value): one.value for one in found if one.value is not None}
    )

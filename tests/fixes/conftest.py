"""The simulated AWS over HTTP, ports that speak to it through boto3, and what a fix is planned from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bot.collectors.eks_cluster import EksCluster
from bot.collectors.network_acls import NetworkAcls
from bot.collectors.security_group_rules import SecurityGroupRules
from bot.collectors.worker_nodes import WorkerNodes
from bot.domain.cluster import ClusterTarget
from bot.domain.deadline import Deadline
from bot.domain.evidence import Gap
from bot.domain.findings import Finding, Judgement, Kind, Severity, Verdict
from bot.domain.plans import PlanCase, Reading, Writing
from bot.errors import EvidenceUnavailable, WriteFailed
from bot.kubernetes.nodes import Compute, Node
from bot.network.answers import network_acls, security_group_rules
from bot.network.model import Interface
from bot.sandbox.aws.far_end import AwsFarEnd, Client
from tests.looking import ListsWhatItReads

TARGET = ClusterTarget(name="cluster-prod", eks_name="cluster-prod", region="eu-west-1", aws_writer=True)


class NoCluster:
    """A Kubernetes port for fixes that must not touch Kubernetes."""

    def __getattr__(self, name: str) -> Any:
        """Fail the test."""
        message = f"the fix called {name} of Kubernetes"
        raise AssertionError(message)


def _snake(operation: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).lstrip("_")


@dataclass(slots=True)
class HttpAws(ListsWhatItReads):
    """Both AWS ports over HTTP. `lose` names operations whose answer is lost after they were carried out."""

    far_end: AwsFarEnd
    lose: set[str] = field(default_factory=set)

    def read(self, service: str, operation: str, **parameters: object) -> Any:
        """Call once; the worlds of these tests fit one page."""
        try:
            return getattr(self.far_end.client(service), _snake(operation))(**parameters)
        except ClientError as error:
            raise EvidenceUnavailable(str(error)) from error

    def write(self, service: str, operation: str, **parameters: object) -> Any:
        """Call once; the AWS code begins the text of a failure."""
        try:
            answer = getattr(self.far_end.client(service), _snake(operation))(**parameters)
        except ClientError as error:
            raise WriteFailed(f"{error.response['Error']['Code']}: {error}") from error
        if operation in self.lose:
            raise WriteFailed(f"NoAnswer: {operation}", ambiguous=True)
        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The far end with everything that a fix needs around it."""

    far_end: AwsFarEnd
    aws: HttpAws
    vpc_id: str
    subnet_ids: tuple[str, str]

    @property
    def ec2(self) -> Client:
        """Return a client of EC2, for what other people do."""
        return self.far_end.client("ec2")

    def group(self, name: str) -> str:
        """Create a security group that lets nothing in."""
        return str(self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc_id)["GroupId"])

    def rules(self, *group_ids: str) -> SecurityGroupRules:
        """Return the rules of these groups as the collector gives them."""
        filters = [{"Name": "group-id", "Values": list(group_ids)}]
        rows = self.ec2.describe_security_group_rules(Filters=filters)["SecurityGroupRules"]
        return SecurityGroupRules(group_ids=frozenset(group_ids), rules=security_group_rules(rows))

    def acls(self) -> NetworkAcls:
        """Return the VPC's ACLs as the collector gives them."""
        rows = self.ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [self.vpc_id]}])["NetworkAcls"]
        return NetworkAcls(vpc_id=self.vpc_id, acls=network_acls(rows))

    def case(
        self, rule: str, details: Mapping[str, Any], parameters: object, *evidence: object, plan_id: str = "plan1"
    ) -> PlanCase:
        """Return what a fix plans from; what is not given here could not be read."""
        judgement = Judgement(verdict=Verdict.PROBLEM, summary="DNS is blocked.", details=dict(details))
        finding = Finding(
            rule=rule,
            title="DNS is blocked",
            kind=Kind.CAUSE,
            playbook="security-groups",
            severity=Severity.CRITICAL,
            judgement=judgement,
        )
        kinds = (SecurityGroupRules, NetworkAcls, WorkerNodes, EksCluster)
        unread: dict[type, object] = {kind: Gap(what=kind.__name__, reason="not read") for kind in kinds}
        found = unread | {type(one): one for one in evidence}
        return PlanCase(plan_id=plan_id, target=TARGET, finding=finding, parameters=parameters, evidence=found)

    def reading(self) -> Reading:
        """Return what `read` looks through."""
        return Reading(cluster=NoCluster(), aws=self.aws, target=TARGET)

    def writing(self, plan_id: str = "plan1") -> Writing:
        """Return what `apply` writes through."""
        return Writing(
            cluster=NoCluster(),
            aws=self.aws,
            target=TARGET,
            cluster_writer=NoCluster(),
            aws_writer=self.aws,
            deadline=Deadline.after(30),
            plan_id=plan_id,
            begun_at=datetime(2026, 11, 21, 9, 0, tzinfo=UTC),
        )


@pytest.fixture(scope="session")
def far_end() -> Iterator[AwsFarEnd]:
    """Return the simulated AWS, started once."""
    with AwsFarEnd(seed=11) as far_end:
        yield far_end


@pytest.fixture
def bench(far_end: AwsFarEnd) -> Bench:
    """Return an empty account with a VPC of two subnets, 10.0.0.0/24 and 10.0.1.0/24."""
    far_end.control("POST", "reset")
    ec2 = far_end.client("ec2")
    vpc_id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    first, second = (ec2.create_subnet(VpcId=vpc_id, CidrBlock=f"10.0.{index}.0/24") for index in range(2))
    subnet_ids = (first["Subnet"]["SubnetId"], second["Subnet"]["SubnetId"])
    return Bench(far_end=far_end, aws=HttpAws(far_end), vpc_id=vpc_id, subnet_ids=subnet_ids)


@pytest.fixture
def worker_nodes() -> Callable[..., WorkerNodes]:
    """Return a maker of nodes: one node with one interface for each list of group ids."""

    def make(*groups: list[str]) -> WorkerNodes:
        nodes = tuple(
            Node(
                name=f"node-{index}",
                provider_id=f"aws:///eu-west-1a/i-{index}",
                internal_ip=f"10.0.0.{index}",
                node_group="blue",
                zone="eu-west-1a",
                ready=True,
                compute=Compute.MANAGED,
            )
            for index in range(len(groups))
        )
        interfaces = tuple(
            Interface(
                id=f"eni-{index}",
                instance_id=f"i-{index}",
                subnet_id="subnet-1",
                security_group_ids=frozenset(carried),
                addresses=frozenset({ip_address(f"10.0.0.{index}")}),
            )
            for index, carried in enumerate(groups)
        )
        return WorkerNodes(vpc_id="vpc-1", nodes=nodes, interfaces=interfaces)

    return make

"""The VPC as far as groups or ACLs decide, and what of it was not read. Shared by rules; no rule itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.collectors.network_acls import NetworkAcls
from bot.collectors.security_group_rules import SecurityGroupRules
from bot.collectors.subnets import Subnets
from bot.collectors.worker_nodes import WorkerNodes
from bot.domain.evidence import Gap
from bot.domain.findings import Case
from bot.network.classes import PairClass
from bot.network.model import Vpc
from bot.network.reachability import ACL_HOPS, GROUP_HOPS, Hop
from bot.rules._stopped import undecided


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcRead:
    """What ways are judged by."""

    vpc: Vpc
    hops: frozenset[Hop]
    """Where a verdict that is left open is a gap of its own; elsewhere `gaps` says why already."""
    gaps: tuple[Gap, ...] = ()
    """Evidence that was not read at all."""
    grants: tuple[Gap, ...] = ()
    """Parts of it that were not read, with the permissions that would read them."""

    def missing(self, classes: Iterable[PairClass], others: Iterable[Gap]) -> tuple[Gap, ...]:
        """Return what would decide about these classes and was not read, and the gaps of `others`."""
        return (*self.gaps, *others, *undecided(classes, self.hops, self.grants))


def groups_read(case: Case, nodes: WorkerNodes) -> VpcRead:
    """Return the VPC with the rules of its groups, and subnets where they were read."""
    rules, subnets = case.need(SecurityGroupRules), case.look_for(Subnets)
    return VpcRead(
        vpc=Vpc(
            interfaces=nodes.interfaces,
            rules=rules.rules,
            read_group_ids=rules.group_ids,
            prefix_lists=rules.prefix_lists,
            subnets=None if isinstance(subnets, Gap) else subnets.subnets,
        ),
        hops=GROUP_HOPS,
        gaps=(subnets,) if isinstance(subnets, Gap) else (),
        grants=rules.gaps,
    )


def acls_read(case: Case, nodes: WorkerNodes) -> VpcRead:
    """Return the VPC with its ACLs and subnets, each where it was read."""
    acls, subnets = case.look_for(NetworkAcls), case.look_for(Subnets)
    return VpcRead(
        vpc=Vpc(
            interfaces=nodes.interfaces,
            rules=(),
            read_group_ids=frozenset(),
            acls=None if isinstance(acls, Gap) else acls.acls,
            subnets=None if isinstance(subnets, Gap) else subnets.subnets,
        ),
        hops=(frozenset() if isinstance(acls, Gap) else ACL_HOPS)
        | (frozenset() if isinstance(subnets, Gap) else frozenset({Hop.ROUTE})),
        gaps=tuple(item for item in (acls, subnets) if isinstance(item, Gap)),
    )

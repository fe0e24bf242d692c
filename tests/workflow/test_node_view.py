"""The way to nodes: a collector, a view, a prober that a test hands in, and what is made of the declarations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bot.domain.cluster import ClusterTarget, Question
from bot.domain.evidence import Collector
from bot.domain.json_values import RawObject
from bot.domain.permissions import KubernetesPermission, Use
from bot.domain.ports import ExecResult, Resource
from bot.domain.views import NodeView
from bot.errors import EvidenceUnavailable, SourceGarbled, UnitError
from bot.report.permissions import cluster_roles, markdown_table, needs
from bot.workflow.catalogue import Catalogue, check_units
from bot.workflow.diagnose import Diagnoser
from bot.workflow.load_playbook import load_playbooks
from tests.looking import Ends, collect_through

T = TypeVar("T")

EXEC = KubernetesPermission(verb="create", resource="pods/exec", unlocks="see which tables nodes have")
LIST_NODES = KubernetesPermission(verb="list", resource="nodes", unlocks="know the nodes")
RULES = "0:\tfrom all lookup local\n10:\tfrom all to 10.0.1.7 lookup 11\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingTables:
    """The routing tables that each node's rules name."""

    tables: tuple[tuple[str, tuple[str, ...]], ...]


def collect(look: NodeView) -> RoutingTables:
    """Read the rules of every node."""
    names = look.cluster.list(Resource(plural="nodes"), lambda node: str(node["metadata"]["name"]))
    printed = {name: look.nodes.run(name, ("ip", "rule")).text() for name in names}
    return RoutingTables(
        tables=tuple((name, tuple(line.split()[-1] for line in text.splitlines())) for name, text in printed.items())
    )


ROUTING_TABLES = Collector(
    name="routing_tables",
    title="Routing tables of the nodes",
    evidence=RoutingTables,
    view=NodeView,
    collect=collect,
    summarise=lambda found: f"{len(found.tables)} nodes",
    permissions=(EXEC, LIST_NODES),
)


class TwoNodes:
    """A cluster reader that lists two nodes."""

    def list(self, resource: Resource, read: Callable[[RawObject], T], **_: str) -> Sequence[T]:
        """See `ClusterReader.list`."""
        assert resource.plural == "nodes"
        return [read({"metadata": {"name": name}}) for name in ("node-a", "node-b")]


@dataclass
class FakeNodes:
    """A `NodeProber` whose every node prints the same."""

    cut: bool = False
    ran: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def run(self, node: str, arguments: Sequence[str]) -> ExecResult:
        """See `NodeProber.run`."""
        self.ran.append((node, tuple(arguments)))
        return ExecResult(stdout=RULES.encode(), stderr=b"", exit_code=0, cut=self.cut)


class SwitchedOff(Ends):
    """Sources of a cluster where seeing nodes is not switched on."""

    def nodes(self) -> Any:
        """See `Sources.nodes`."""
        raise EvidenceUnavailable("Nodes of cluster-prod are not looked at: set `node_probe`.")


def test_a_collector_sees_nodes_through_the_prober_that_it_is_given() -> None:
    """Fixed argument lists reach each node, what it printed becomes evidence, and the calls are recorded."""
    nodes = FakeNodes()

    found, calls = collect_through(ROUTING_TABLES, Ends(reader=TwoNodes(), node_prober=nodes))

    assert found.tables == (("node-a", ("local", "11")), ("node-b", ("local", "11")))
    assert nodes.ran == [("node-a", ("ip", "rule")), ("node-b", ("ip", "rule"))]
    assert calls == ("list nodes", "create pods/exec in dns-probes", "create pods/exec in dns-probes")


def test_a_cut_output_of_a_node_is_no_evidence() -> None:
    """A routing rule that is missing may stand in the rest."""
    with pytest.raises(SourceGarbled):
        collect_through(ROUTING_TABLES, Ends(reader=TwoNodes(), node_prober=FakeNodes(cut=True)))


@pytest.mark.parametrize(
    "declared", [(LIST_NODES,), (LIST_NODES, replace(EXEC, namespace="kube-system"))], ids=["nothing", "one namespace"]
)
def test_what_runs_on_nodes_is_declared_where_any_namespace_may_be_chosen(
    declared: tuple[KubernetesPermission, ...],
) -> None:
    """Which namespace it goes through is configured, so that a unit cannot know it."""
    with pytest.raises(
        UnitError, match="routing_tables calls pods/exec: create in namespace dns-probes without declaring"
    ):
        collect_through(replace(ROUTING_TABLES, permissions=declared), Ends(reader=TwoNodes(), node_prober=FakeNodes()))


@pytest.fixture
def units(catalogue: Catalogue) -> Catalogue:
    """The garden, whose plant is judged by what nodes show."""
    plant = catalogue.collectors["plant"]
    seen = replace(
        plant, view=NodeView, needs=(), permissions=ROUTING_TABLES.permissions,
        collect=lambda look: plant.evidence(text=str(collect(look).tables)),
    )  # fmt: skip
    return replace(catalogue, collectors={**catalogue.collectors, "plant": seen})


@pytest.fixture
def diagnose(tmp_path: Path, garden_yaml: str, units: Catalogue, target: ClusterTarget) -> Any:
    """Return a function that diagnoses through these ends."""
    (tmp_path / "garden.yaml").write_text(garden_yaml)
    playbooks = load_playbooks([tmp_path / "garden.yaml"], units, {"diagnose"})

    def run(ends: Ends) -> Any:
        diagnoser = Diagnoser(
            catalogue=units, playbooks=playbooks, targets={target.name: target}, open_sources=lambda _: ends
        )
        return diagnoser.run(Question(cluster=target.name))

    return run


def test_a_diagnosis_gathers_what_nodes_show(diagnose: Any) -> None:
    """The workflow makes the view: no other part of it knows that there are nodes."""
    diagnosis = diagnose(Ends(reader=TwoNodes(), node_prober=FakeNodes()))

    (plant,) = [one for one in diagnosis.evidence if one.collector == "plant"]
    assert (plant.gap, "node-b" in plant.value.text) == (None, True)


def test_where_seeing_nodes_is_off_the_evidence_is_a_gap_that_says_what_to_configure(diagnose: Any) -> None:
    """Rules on it are UNKNOWN with this reason, never HEALTHY."""
    diagnosis = diagnose(SwitchedOff(reader=TwoNodes()))

    reasons = {check.rule: check.reason for check in diagnosis.unknown_checks}
    assert "Nodes of cluster-prod are not looked at: set `node_probe`." in reasons["leaves_hang"]


def test_rights_on_nodes_have_a_use_a_role_and_a_line_of_their_own(units: Catalogue) -> None:
    """What the same collector reads stays with the reader; what it runs goes with nothing else."""
    check_units(units)

    found = needs(units)

    uses = {need.permission.text: need.use for need in found}
    assert uses[EXEC.text] is Use.NODE
    assert uses[LIST_NODES.text] is Use.READ
    assert {role["metadata"]["name"] for role in cluster_roles(found)} == {"dnsbot-read", "dnsbot-node"}
    assert f"| `{EXEC.text}` | see nodes | `plant` | may be UNKNOWN: `leaves_hang` |" in markdown_table(found)

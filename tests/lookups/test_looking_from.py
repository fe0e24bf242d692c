from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.collectors._looking_from import NodePlace, choose_pods, stand_ins
from bot.kubernetes.pods import Container, Pod

NOW = datetime(2026, 11, 21, tzinfo=UTC)
BRANCH = {"branch_interface": True}
HOST = {"host_network": True, "dns_policy": "ClusterFirstWithHostNet"}
HOST_OWN = {"host_network": True}


def pod(name: str, node: str, **changed: Any) -> Pod:
    """Return a running application pod."""
    fields: dict[str, Any] = {"phase": "Running", "ready": True, "container": Container(name="app")}
    return Pod(namespace="shop", name=name, node=node, **{"created_at": NOW, **fields, **changed})


def chosen(
    pods: Iterable[Pod], asked: Pod | None = None, places: Mapping[str, NodePlace] | None = None, *, max_pods: int = 20
) -> tuple[Pod, ...]:
    """Return the pods that are looked from."""
    return choose_pods(stand_ins(pods, asked), asked, places or {}, max_pods=max_pods)


def names(pods: Iterable[Pod]) -> list[str]:
    """Return the names alone."""
    return [found.name for found in pods]


def test_pods_are_chosen_one_a_node_over_groups_and_zones() -> None:
    """Places take turns; the same input gives the same choice."""
    places = {f"n{at}": NodePlace(node_group="big" if at < 4 else "small", zone="a") for at in range(6)}
    pods = [pod(f"p{at}-{twin}", f"n{at}") for at in range(6) for twin in "ab"]

    found = chosen(reversed(pods), places=places, max_pods=4)

    assert [one.node for one in found] == ["n0", "n4", "n1", "n5"]
    assert {one.name[-1] for one in found} == {"a"}


def test_the_asked_pod_comes_first_and_stands_for_its_class() -> None:
    """A person's own pod is never left out by the bound; a pod of another kind on its node is asked as well."""
    asked = pod("mine", "b")
    pods = [pod("p1", "a"), pod("p2", "b"), pod("p3", "b", **BRANCH)]

    assert names(chosen(pods, asked, max_pods=2)) == ["mine", "p1"]
    assert names(chosen(pods, asked)) == ["mine", "p1", "p3"]


def test_a_pod_that_is_being_deleted_looks_up_nothing() -> None:
    """After a rollout the old pods still run for a while; an exec in one may end with it."""
    pods = [pod("a-old", "n", terminating=True), pod("b-new", "n")]

    assert names(chosen(pods)) == ["b-new"]


def test_a_node_is_looked_from_by_each_kind_of_client() -> None:
    """Their packets take other ways: a plain pod says nothing of one with security groups of its own."""
    pods = [pod("a-plain", "n"), pod("b-plain", "n"), pod("c-branch", "n", **BRANCH), pod("d-host", "n", **HOST)]

    assert names(chosen(pods)) == ["a-plain", "c-branch", "d-host"]


def test_ready_pods_are_preferred() -> None:
    """One that is not ready may be so because of DNS, or because of anything else."""
    assert names(chosen([pod("a-not-ready", "n", ready=False), pod("b-good", "n")])) == ["b-good"]


def test_of_pods_with_a_branch_interface_the_oldest_is_asked() -> None:
    """It may keep an enforcing mode of former times, and then a newer one does not stand for it."""
    pods = [pod(name, "a", created_at=made, **BRANCH) for name, made in (("p1", NOW), ("p2", NOW - timedelta(days=1)))]

    assert names(chosen(pods)) == ["p2"]


@pytest.mark.parametrize("others", [{}, BRANCH, HOST], ids=["plain", "branch", "host network"])
def test_a_host_network_pod_with_the_nodes_resolver_looks_only_where_there_is_nobody_else(
    others: dict[str, Any],
) -> None:
    """It does not use the cluster's DNS: that its way is shut would harm nobody."""
    pods = [pod("a-own", "n", **HOST_OWN), pod("b-uses", "n", **others), pod("c-own", "m", **HOST_OWN)]

    assert sorted(names(chosen(pods))) == ["b-uses", "c-own"]


def test_a_host_network_pod_that_a_person_named_looks_all_the_same() -> None:
    """What was asked for is asked."""
    asked = pod("mine", "n", **HOST_OWN)

    assert names(chosen([pod("b-plain", "n")], asked)) == ["mine", "b-plain"]


@pytest.mark.parametrize("policy", ["None", "Default"])
def test_pods_with_the_clusters_dns_settings_are_preferred(policy: str) -> None:
    """What a pod chose for itself hides what the kubelet of its node gives to the others."""
    pods = [
        pod("a-own", "n", dns_policy=policy),
        pod("b-cluster", "n", ready=False),
        pod("a-own", "m", dns_policy=policy),
    ]

    assert [(one.node, one.name) for one in chosen(pods)] == [("m", "a-own"), ("n", "b-cluster")]


def test_a_rare_kind_is_looked_from_however_many_nodes_there_are() -> None:
    """One branch-interface pod among 3,000 nodes in six places: the classes come before further nodes."""
    places = {f"n{at:04}": NodePlace(node_group=f"g{at % 6}", zone="a") for at in range(3000)}
    pods = [*(pod(f"p{node}", node) for node in places), pod("rare", "n2999", **BRANCH)]

    found = chosen(pods, places=places)

    assert "rare" in names(found)[:7]
    assert len({places[one.node] for one in found}) == 6


KINDS: tuple[dict[str, Any], ...] = (BRANCH, HOST, {})
PODS = st.lists(
    st.builds(
        lambda number, node, kind: pod(f"p{number}", f"n{node}", **kind),
        st.integers(0, 99),
        st.integers(0, 5),
        st.sampled_from(KINDS),
    ),
    max_size=30,
)


@given(pods=PODS, max_pods=st.integers(0, 12), zones=st.integers(1, 3))
def test_the_choice_is_bounded_and_takes_each_class_once_and_each_kind_before_any_place_twice(
    pods: list[Pod], max_pods: int, zones: int
) -> None:
    """Whatever the cluster, the bound holds; where it bites, no stratum gets a second pod before all have one."""
    places = {f"n{at}": NodePlace(zone=f"z{at % zones}") for at in range(6)}
    classes = {(one.node, one.client.kind) for one in pods}
    strata = Counter((places[node], kind) for node, kind in classes)

    found = chosen(pods, places=places, max_pods=max_pods)

    taken = [(one.node, one.client.kind) for one in found]
    assert len(taken) == len(set(taken)) == min(max_pods, len(classes))
    got = Counter((places[node], kind) for node, kind in taken)
    assert all(got[stratum] >= min(size, max(got.values(), default=0) - 1) for stratum, size in strata.items())
    kinds = list(dict.fromkeys(kind for _, kind in taken))
    assert len(kinds) == min(len({kind for _, kind in classes}), max_pods)

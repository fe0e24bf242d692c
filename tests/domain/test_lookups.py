from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.lookup_matrix import rows
from bot.domain.lookups import EVERYTHING, IN_CLUSTER, Answer, Client, ClientKind, Lookup, Reach, Transport, worst

NODES, PODS, PLACES, SERVERS = ("a", "b"), ("shop/one", "shop/two"), ("", "hub"), ("10.0.1.5", "10.0.2.5")


def some(values: tuple[str, ...]) -> st.SearchStrategy[frozenset[str]]:
    """Draw any of these, or none."""
    return st.frozensets(st.sampled_from(values))


CLIENTS = st.builds(
    Client,
    node=st.sampled_from(NODES),
    kind=st.sampled_from(ClientKind),
    pod=st.sampled_from(PODS),
    place=st.sampled_from(PLACES),
)
LOOKUPS = st.builds(
    Lookup,
    client=CLIENTS,
    server=st.sampled_from(SERVERS),
    through_service=st.booleans(),
    transport=st.sampled_from(Transport),
    external=st.booleans(),
    name=st.just("amazon.com."),
    answer=st.just(Answer.TIMED_OUT),
)
REACHES = st.builds(
    Reach,
    kinds=st.frozensets(st.sampled_from(ClientKind)),
    places=some(PLACES),
    nodes=some(NODES),
    pods=some(PODS),
    servers=some(SERVERS),
    transports=st.frozensets(st.sampled_from(Transport)),
    external_only=st.booleans(),
    service_path=st.booleans(),
    service_only=st.booleans(),
)


@given(reach=REACHES, lookup=LOOKUPS)
def test_reach_covers_a_look_up_exactly_when_every_field_matches(reach: Reach, lookup: Lookup) -> None:
    """An empty set matches all; the server counts only off the service path, which has two switches of its own."""
    client = lookup.client
    matches = {
        "kind": client.kind in (reach.kinds or set(ClientKind)),
        "place": client.place in (reach.places or PLACES),
        "node": client.node in (reach.nodes or NODES),
        "pod": client.pod in (reach.pods or PODS),
        "transport": lookup.transport in (reach.transports or set(Transport)),
        "name": lookup.external or not reach.external_only,
        "server": lookup.through_service or lookup.server in (reach.servers or SERVERS),
        "path": reach.service_path if lookup.through_service else not reach.service_only,
    }

    assert reach.covers(lookup) is all(matches.values())


@given(lookup=LOOKUPS)
def test_a_cause_of_everything_says_nothing_of_other_networks(lookup: Lookup) -> None:
    """A peer's failing lookup is not CoreDNS's fault unless a rule says so."""
    assert EVERYTHING.covers(lookup) is (lookup.client.kind in IN_CLUSTER)


@given(answers=st.lists(st.sampled_from(Answer)))
def test_the_worst_answer_is_the_first_in_the_one_order_of_answers(answers: list[Answer]) -> None:
    """What was not asked is worse than an answer: it must not hide behind one."""
    order = ["timed out", "refused", "servfail", "nxdomain", "not asked", "answered"]

    assert worst(answers) == next((answer for answer in order if answer in answers), None)


def asked_by(*clients: Client) -> list[Lookup]:
    """Return a lookup by each client."""
    return [
        Lookup(
            client=client,
            server="172.20.0.10",
            through_service=True,
            transport=Transport.UDP,
            external=False,
            name="kubernetes.default.svc.cluster.local.",
            answer=Answer.ANSWERED,
        )
        for client in clients
    ]


def pod(node: str, kind: ClientKind, name: str = "shop/web") -> Client:
    """Return a client in the cluster."""
    return Client(node=node, kind=kind, pod=name)


@pytest.mark.parametrize(
    ("clients", "titles"),
    [
        pytest.param((pod("b", ClientKind.POD), pod("a", ClientKind.POD)), ["a", "b"], id="one kind each"),
        pytest.param(
            (pod("a", ClientKind.BRANCH), pod("a", ClientKind.POD), pod("b", ClientKind.BRANCH)),
            ["a, plain pods", "a, branch-interface pods", "b"],
            id="two kinds on one",
        ),
        pytest.param(
            (pod("a", ClientKind.POD, "shop/one"), pod("a", ClientKind.POD, "shop/two")), ["a"], id="two of a kind"
        ),
        pytest.param((Client(kind=ClientKind.PEER, place="hub"),), ["hub"], id="outside the cluster"),
    ],
)
def test_look_ups_are_grouped_by_node_and_by_kind_where_a_node_has_several(
    clients: tuple[Client, ...], titles: list[str]
) -> None:
    """Nothing is lost: each lookup stands in one row."""
    lookups = asked_by(*clients)

    grouped = rows(lookups)

    assert [row.title for row in grouped] == titles
    assert sorted(one.client for row in grouped for one in row.lookups) == sorted(clients)

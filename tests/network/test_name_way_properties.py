"""The way of a name in random worlds, against a slow reference that is written independently."""

from __future__ import annotations

from hypothesis import event, example, given, settings

from bot.network.name_hops import End, HopState, NameWay
from bot.network.name_way import way_of
from tests.network.name_worlds import NAME, Fact, Facts, Rule, built, drawn, known, reference

_WORDS = {End.PUBLIC: "public", End.NO_RECORD: "no record", End.BLOCKED: "blocked", End.LOST: "lost"}
FAILING = {"no record", "blocked", "lost"}


def word(way: NameWay) -> str:
    """Return an end as the reference says it."""
    return _WORDS.get(way.end) or f"{way.end.name.lower()} at {way.vpc_id.removeprefix('vpc-')}"


LOOP = Facts(
    vpcs=(Fact(rules=(Rule(domain="", targets=(1, 0), nowhere=False, status="COMPLETE"),)), Fact()),
    broken={(one, other): "" for one in range(2) for other in range(2)},
)
"""One target of a rule for all names leads back to the VPC that asks, the other to public DNS."""


@given(drawn())
@example(LOOP)
@settings(max_examples=120, deadline=None)
def test_where_all_is_known_the_way_ends_as_the_reference_says(facts: Facts) -> None:
    """Undecided only where AWS says nothing: a firewall behind an inbound endpoint, targets that differ."""
    facts = known(facts)

    way, expected = way_of(built(facts), "vpc-0", NAME), reference(facts, 0, NAME)

    event(expected)
    if way.doubts:
        texts = " ".join(hop.text for hop in way.doubts)
        assert "do not lead to the same answer" in texts or any(hop.kind.value == "DNS Firewall" for hop in way.doubts)
    else:
        assert word(way) == expected


@given(drawn())
@settings(max_examples=150, deadline=None)
def test_what_was_not_read_never_makes_it_say_what_is_not_so(facts: Facts) -> None:
    """Without doubts it is the truth; a failure that is called certain is one."""
    way, truth = way_of(built(facts), "vpc-0", NAME), reference(known(facts), 0, NAME)

    event("doubts" if way.doubts else "none")
    if not way.doubts and truth != "any":
        assert word(way) == truth
    if way.fails and truth != "any":
        assert truth in FAILING


@given(drawn())
@settings(max_examples=40, deadline=None)
def test_a_way_that_fails_names_what_stops_it(facts: Facts) -> None:
    """Its last hop stops, with a sentence; every hop before it has one, too."""
    way = way_of(built(facts), "vpc-0", NAME)

    assert all(hop.text and not hop.text.endswith(".") for hop in way.hops)
    if way.fails and not way.doubts:
        assert way.hops[-1].state is HopState.STOPS or any(hop.state is HopState.STOPS for hop in way.hops)

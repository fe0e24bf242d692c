"""Pages of lists: item by item what `json` makes of the whole, and never more than one item at a time."""

from __future__ import annotations

import gc
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.clients.answers import MAX_PARTS, Answer
from bot.clients.kept import MAX_KEPT_BYTES, MAX_VALUES, Kept, weight
from bot.clients.list_pages import MAX_ITEM_CHARACTERS, take_page
from bot.errors import SourceGarbled
from bot.kubernetes.nodes import Compute, Node, Taint

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.text(), VALUES, max_size=3)
MEMBERS = st.permutations(["kind", "apiVersion", "metadata", "items"])
SPACED = st.sampled_from([None, 0, 3])


def page(items: Any, **members: Any) -> bytes:
    """Return a page of nodes."""
    return json.dumps({"kind": "NodeList", "metadata": {}, "items": items, **members}).encode()


def taken(body: bytes) -> list[dict[str, Any]]:
    """Return the items of a page."""
    kept = Kept[dict[str, Any]]("list nodes")
    take_page(body, "list nodes", dict, kept)
    return kept.values


@settings(max_examples=40)
@given(items=st.lists(OBJECTS, max_size=5), order=MEMBERS, indent=SPACED, ascii_only=st.booleans())
def test_items_are_what_the_whole_page_would_give(
    items: list[dict[str, Any]], order: list[str], indent: int | None, *, ascii_only: bool
) -> None:
    """Whatever the order of members, the spaces between them and the letters within."""
    whole = {"kind": "NodeList", "apiVersion": "v1", "metadata": {"continue": "next"}, "items": items}
    text = json.dumps({name: whole[name] for name in order}, indent=indent, ensure_ascii=ascii_only)
    kept = Kept[dict[str, Any]]("list nodes")

    following = take_page(
        text.encode(errors="surrogatepass") if ascii_only else text.encode(), "list nodes", dict, kept
    )

    assert (kept.values, following) == (items, "next")


@settings(max_examples=40)
@given(items=st.lists(OBJECTS, min_size=1, max_size=3), data=st.data())
def test_a_cut_page_is_garbled_wherever_it_was_cut(items: list[dict[str, Any]], data: st.DataObject) -> None:
    """No beginning of a list is taken for a list."""
    whole = page(items)
    cut = whole[: data.draw(st.integers(min_value=0, max_value=len(whole) - 1))]

    with pytest.raises(SourceGarbled, match="list nodes"):
        taken(cut)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"kind":"NodeList","metadata":{},"items":[]} and more',
        b'{"kind":"NodeList","metadata":{},"items":[],}',
        b'{"kind":"NodeList","metadata":{},"items":[{},]}',
        b'{"kind":"NodeList","metadata":{},"items":[{} {}]}',
        b'{"kind":"NodeList" "metadata":{},"items":[]}',
        b'{"kind":"NodeList","metadata":{},"items":{}}',
        b'{"kind":"NodeList","metadata":{}}',
        b'{"kind":"NodeList","items":[]}',
        b'{"kind":"Node","metadata":{},"items":[]}',
        b'{4:5,"kind":"NodeList","metadata":{},"items":[]}',
        b'{"kind":"NodeList","metadata":{},"items":[{"name":"\xff"}]}',
        b'{"kind":"NodeList","metadata":{},"items":[' + b"[" * 5_000 + b"]" * 5_000 + b"]}",
    ],
)
def test_what_is_no_list_is_garbled(body: bytes) -> None:
    """Of another kind, of another shape, or no JSON."""
    with pytest.raises(SourceGarbled, match="list nodes"):
        taken(body)


def test_a_list_without_items_is_empty() -> None:
    """The API writes null for none."""
    assert taken(page(None)) == []


def test_one_item_at_a_time_is_held_as_it_was_answered() -> None:
    """While one becomes a value those before it are gone, and those behind it are not there yet."""
    body = page([{"metadata": {"name": f"node-{number}"}} for number in range(8)])
    alive = []

    def read(item: Mapping[str, Any]) -> str:
        alive.append(sum(isinstance(one, Answer) and "name" in one for one in gc.get_objects()))
        return str(item["metadata"]["name"])

    kept = Kept[str]("list nodes")
    take_page(body, "list nodes", read, kept)

    assert len(kept.values) == 8
    assert max(alive) == min(alive)


def test_large_and_small_items_are_told_apart_at_their_ends() -> None:
    """An item is looked for in a part of the page that may end within it, or within the number that it is."""
    items = [{"a": "x" * size} for size in (1, 3_990, 4_000, 70_000, 500_000, 2)]

    assert taken(page(items, resourceVersion=10**30, numbers=[1] * 3_000)) == items


def test_an_item_larger_than_any_honest_one_is_cut_off() -> None:
    """What an object may hold is bounded in etcd, too."""
    with pytest.raises(SourceGarbled, match=f"an item is larger than {MAX_ITEM_CHARACTERS} characters.*cut off there"):
        taken(page([{"a": "x" * MAX_ITEM_CHARACTERS}, {}]))


def test_an_item_of_very_many_parts_is_cut_off() -> None:
    """Three bytes of it become an object of ninety."""
    with pytest.raises(SourceGarbled, match=f"more than {MAX_PARTS} parts .*cut off there"):
        taken(page([{"a": [{}] * (MAX_PARTS // 2)}]))


def test_a_list_of_very_many_items_is_cut_off() -> None:
    """However small they are, and whatever is made of them."""
    with pytest.raises(SourceGarbled, match=f"the list has more than {MAX_VALUES} items.*cut off there"):
        taken(page([{}] * (MAX_VALUES + 1)))


@pytest.mark.parametrize(
    "items", [[{"a": [{"ab": 0}] * 20_000}] * 9, [{"a": "x" * 400_000}] * 60], ids=["dense", "long texts"]
)
def test_a_list_of_which_too_much_would_be_kept_is_cut_off(items: list[dict[str, Any]]) -> None:
    """What was made of the items is weighed where they are dense or many."""
    kept = Kept[dict[str, Any]]("list nodes")
    body = page(items)
    kept.expect(len(body), MAX_PARTS + 1)

    with pytest.raises(SourceGarbled, match=f"more than {MAX_KEPT_BYTES} bytes to keep.*cut off there"):
        take_page(body, "list nodes", dict, kept)


def test_a_value_weighs_what_its_parts_weigh() -> None:
    """Texts by their length, whatever holds them."""
    node = Node(name="n" * 1_000, ready=True, compute=Compute.MANAGED, taints=(Taint(key="t" * 2_000, effect="e"),) * 3)

    assert 7_000 < weight([{"a": node}]) < 9_000
    assert weight(b"x" * 5_000) > 5_000


def test_what_reading_an_item_raises_is_the_readers_own() -> None:
    """Whoever reads knows what to say of a member that is not there."""
    with pytest.raises(TypeError):
        take_page(page([7]), "list nodes", lambda item: item["name"], Kept[object]("list nodes"))

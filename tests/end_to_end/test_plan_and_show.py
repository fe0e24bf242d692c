"""Without Slack: what would be proposed, and what was, from a terminal."""

from __future__ import annotations

import json

import pytest

from tests.end_to_end.office import Office

pytestmark = pytest.mark.slow


def test_plan_prints_the_card_s_commands_and_stores_no_plan(office: Office) -> None:
    """The same steps with the same differences and commands, but for the plan's own id, which tags what it makes."""
    office.waiting()
    card = next(one for entry in office.history() for one in entry["proposals"] if one["state"] == "pending")

    document = json.loads(office.bot.command("plan", "cluster-prod", "--output", "json", ends_with=2))
    text = office.bot.command("plan", "cluster-prod", ends_with=2)

    plan = document["plans"][0]
    commands = [step["command"].replace(plan["id"], card["id"]) for step in plan["steps"]]
    assert commands == [step["command"] for step in card["steps"]]
    assert [step["target"] for step in plan["steps"]] == [step["target"] for step in card["steps"]]
    beginnings = [line.partition(card["id"])[0] for command in commands for line in command.splitlines()]
    assert all(any(line.startswith(begun) for line in text.splitlines()) for begun in beginnings)
    assert "these checks must be healthy: Security groups, Network ACLs." in " ".join(text.split())
    assert [one["proposals"] for one in office.history()[:2]] == [[], []]


def test_show_tells_a_stored_diagnosis_and_its_plan_again(office: Office) -> None:
    """By the ids that the history prints; what is in neither is refused."""
    office.waiting()
    stored = office.history()
    entry = next(one for one in stored if one["proposals"])
    plan = entry["proposals"][0]

    report = json.loads(office.bot.command("show", entry["diagnosis_id"], "--output", "json", ends_with=2))
    text = office.bot.command("show", plan["id"])
    story = json.loads(office.bot.command("show", plan["id"], "--output", "json"))

    assert (report["diagnosis_id"], report["root_causes"]) == (entry["diagnosis_id"], entry["root_causes"])
    assert all(line in text.splitlines() for step in plan["steps"] for line in step["command"].splitlines())
    assert (story["plan"]["id"], story["plan"]["rule"], story["state"]) == (plan["id"], plan["finding"], plan["state"])
    assert office.bot.command("show", "0" * 32, ends_with=1) == ""

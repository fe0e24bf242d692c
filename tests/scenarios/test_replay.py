"""Records: what they lack is said, whatever stands in them nothing breaks, and the commands make and read them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.app import make_replayer
from bot.domain.diagnosis import Diagnosis
from bot.domain.phrases import timestamp
from bot.report.replay_words import replay_json, replay_note
from bot.sandbox.running.running_world import RunningWorld
from bot.workflow.record import read_record, record_of
from bot.workflow.replay import Replayed, replay


def replayed(packed: bytes) -> Replayed:
    """Return what a record leads to."""
    return replay(read_record(packed, name="record"), make_replayer())


def repacked(packed: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """Return a record in which `change` did something to each reading."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            document = json.loads(old.read(name))
            if name != "record.json":
                change(document)
            new.writestr(name, json.dumps(document))
    return made.getvalue()


@pytest.fixture(scope="module")
def packed(world: RunningWorld, run_here: Callable[[], Diagnosis]) -> bytes:
    """A record of a healthy cluster."""
    world.restart(scenario="healthy", seed=2)
    return record_of(run_here(), version="0.0.9")


@pytest.mark.slow
def test_what_the_record_lacks_is_named_with_the_rules_that_need_it(packed: bytes) -> None:
    """A collector that came later, and one whose evidence had another form: never healthy."""

    def change(reading: dict[str, Any]) -> None:
        if reading["collector"] == "network_acls":
            reading["collector"] = "network_acls_of_old"
        if reading["collector"] == "corefile":
            reading["value"] = {"of": "another form"}

    again = replayed(repacked(packed, change))

    lacks = {lack.collector: lack for lack in again.lacks}
    verdicts = {one.rule: one.verdict.value for one in again.diagnosis.findings}
    assert again.diagnosis.verdict.value == "unknown"
    assert "dns_blocked_by_network_acl" in lacks["network_acls"].rules
    assert verdicts["dns_blocked_by_network_acl"] == "unknown"
    assert "holds no reading of `network_acls` (recorded by dnsbot 0.0.9)" in lacks["network_acls"].reason
    assert "another dnsbot (0.0.9) and is not understood" in lacks["corefile"].reason
    assert "network_acls" in replay_note(again, at=timestamp)
    assert json.loads(json.dumps(replay_json(again)))["replay"]["recorded_by"] == "0.0.9"


@pytest.mark.slow
def test_whatever_stands_in_a_reading_nothing_breaks(packed: bytes) -> None:
    """A record may be anybody's: its values are read as evidence or not at all."""
    junk: list[Any] = [None, [], {}, "x", 7, {"gaps": 3}, {"pods": {"alike": [], "class": [1], "own": {}}}]
    for value in junk:

        def change(reading: dict[str, Any], value: Any = value) -> None:  # junk
            reading["value"] = value

        assert replayed(repacked(packed, change)).diagnosis.verdict.value == "unknown"


@pytest.mark.slow
def test_the_commands_record_and_replay(world: RunningWorld, tmp_path: Path) -> None:
    """`diagnose --record FILE`, then `replay FILE` elsewhere: the same exit code and findings, and no cluster asked."""
    world.restart(scenario="network-acl", seed=3)
    file = tmp_path / "incident.dnsrec"
    environment = {**os.environ, **world.environment, "DATABASE_URL": f"sqlite:///{tmp_path}/history.db"}

    def dnsbot(*arguments: str) -> tuple[int, dict[str, Any], str]:
        done = subprocess.run(
            [sys.executable, "-m", "bot", *arguments, "--output", "json"],
            env=environment, capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip
        return done.returncode, json.loads(done.stdout or "{}"), done.stderr

    config = str(world.directory / "dnsbot.yaml")
    code, report, said = dnsbot("diagnose", "cluster-prod", "--record", str(file), "--config", config)
    calls = len(world.kubernetes_control("GET", "calls", None))
    again_code, again, _ = dnsbot("replay", str(file))
    cut = tmp_path / "cut"
    cut.write_bytes(file.read_bytes()[:-9])
    refused = dnsbot("replay", str(cut))

    assert (code, again_code) == (2, 2)
    assert f"kept in {file}" in said
    assert file.stat().st_mode & 0o077 == 0
    assert again.pop("replay")["lacks"] == []
    assert again == report
    assert len(world.kubernetes_control("GET", "calls", None)) == calls
    assert (refused[0], refused[1]) == (1, {})
    assert "is not read as a record: it is cut, damaged or no zip archive" in refused[2]
    assert dnsbot("replay", str(tmp_path / "none"))[0] == 1
    nowhere = dnsbot("diagnose", "cluster-prod", "--record", str(tmp_path / "no" / "x"), "--config", config)
    assert (nowhere[0], "No record can be written" in nowhere[2]) == (1, True)

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.slack import SlackFarEnd
from bot.sandbox.story.bot_process import BotFailed, BotProcess
from bot.sandbox.story.play import play

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
CONFIGURATION = """clusters:
  cluster-prod: {environment: production, region: eu-west-1, channel: C0123456789}
approvals:
  production: {required: 1, requester_may_approve: false, user_groups: [S01], expires_after: 30m}
"""


def children() -> set[int]:
    """Return the ids of this process's children, Linux."""
    me = os.getpid()
    return {int(text) for text in Path(f"/proc/{me}/task/{me}/children").read_text().split()}


def listens(port: int) -> bool:
    """Tell whether something listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def environment(slack: SlackFarEnd, folder: Path) -> dict[str, str]:
    """Return what `dnsbot run` needs in HTTP mode, with an AWS that nobody reaches."""
    return {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_SIGNING_SECRET": slack.signing_secret,
        "SLACK_API_URL": slack.url,
        "DATABASE_URL": f"sqlite:///{folder}/history.db",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@pytest.mark.parametrize(
    ("scenario", "seed", "code", "lines"),
    [
        (
            "security-group",
            2,
            0,
            (
                "Root cause: DNS is blocked by a security group",
                "somebody else must approve",
                "Approved by ben",
                "Verified",
                "problem (DNS is blocked by a security group)",
            ),
        ),
        (
            "private-endpoint-on-premises",
            1,
            0,
            (
                "Missing, in the order in which it must be built: inbound endpoint, forwarder on premises",
                "somebody else must approve",
                "Approved by ben",
                "Applied; waits for your forwarder: network hq",
                "Add-DnsServerConditionalForwarderZone",
                "no DNS problem found",
                "problem (The private endpoint's name does not resolve from another network)",
            ),
        ),
        ("healthy", 4, 0, ("cluster-prod: no DNS problem found",)),
        ("wrong-nameserver", 3, 2, ("problem (Pods use the wrong nameserver)",)),
    ],
    ids=["fixed", "waits for people", "healthy", "advice"],
)
def test_the_whole_story_is_played(scenario: str, seed: int, code: int, lines: tuple[str, ...]) -> None:
    """Found, refused, approved, fixed, verified and recorded: exit 0; nothing to approve: exit 2; nothing is left."""
    before, out = children(), io.StringIO()

    ended = play(RunningWorld(scenario=scenario, seed=seed, nodes=3), out=out)

    told = out.getvalue()
    assert ended == code, told
    assert [line for line in lines if line not in told] == []
    assert children() == before


def test_what_could_not_be_looked_at_is_not_a_healthy_world() -> None:
    """With a refused action the healthy world is not reported healthy: exit 1, and the permission is named."""
    out = io.StringIO()

    ended = play(RunningWorld(nodes=3, deny=("ec2:DescribeNetworkAcls",)), out=out)

    told = out.getvalue()
    assert ended == 1, told
    assert "ec2:DescribeNetworkAcls" in told
    kept = re.search(r"The bot's log is kept: (\S+)", told)
    assert kept is not None
    assert "level=" in Path(kept[1]).read_text()
    shutil.rmtree(Path(kept[1]).parent)


def test_serve_prints_what_is_needed_and_ends_on_sigterm(tmp_path: Path) -> None:
    """The printed lines configure a bot that works; after SIGTERM nothing listens any more."""
    command = [sys.executable, "-m", "bot", "sandbox", "--scenario", "security-group", "--serve", "--seed", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as served:  # our own program
        assert served.stdout is not None
        lines: list[str] = []
        while not lines or "Ready" not in lines[-1]:
            lines.append(served.stdout.readline())
            assert lines[-1], "it ended before it was ready"
        script = tmp_path / "environment.sh"
        script.write_text("".join(lines))
        shell = f". {script} && exec {sys.executable} -m bot diagnose cluster-prod"
        diagnosis = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False)  # noqa: S607  # our own program
        exported = dict(line[len("export ") :].strip().split("=", 1) for line in lines if line.startswith("export "))
        served.send_signal(signal.SIGTERM)
        code = served.wait(120)

    assert diagnosis.returncode == 2, diagnosis.stderr
    assert "DNS is blocked by a security group" in diagnosis.stdout
    assert code == 0
    assert not Path(exported["DNSBOT_CONFIG"]).exists()
    assert not any(listens(urlsplit(exported[name]).port or 0) for name in ("AWS_ENDPOINT_URL", "SLACK_API_URL"))


def test_a_bot_that_cannot_start_says_why(tmp_path: Path) -> None:
    """A blank secret stops the start; the error holds the end of the log."""
    (tmp_path / "dnsbot.yaml").write_text(CONFIGURATION)
    with SlackFarEnd() as slack:
        given = {**environment(slack, tmp_path), "SLACK_SIGNING_SECRET": " "}
        bot = BotProcess(configuration=tmp_path / "dnsbot.yaml", environment=given, log=tmp_path / "bot.log")

        with pytest.raises(BotFailed, match="SLACK_SIGNING_SECRET"), bot:
            pass

    assert not bot.running


def test_the_bot_knows_its_configuration_alone_and_ends_when_told(tmp_path: Path) -> None:
    """It says in its log where it listens, is ready, answers a command, and after the context its port is free."""
    (tmp_path / "dnsbot.yaml").write_text(CONFIGURATION)
    with SlackFarEnd() as slack:
        given = environment(slack, tmp_path)
        bot = BotProcess(configuration=tmp_path / "dnsbot.yaml", environment=given, log=tmp_path / "bot.log")
        with bot:
            slack.deliver_to(bot.url)
            acked = slack.person("ana").types("/dns-help")
            slack.person("ana").wait_for(lambda message: "/dns-diagnose" in str(message.blocks))
            ready = urllib.request.urlopen(f"http://127.0.0.1:{bot.health_port}/readyz", timeout=5)  # our own server
            with ready:
                said = json.load(ready)

    assert acked.ok
    assert said == {"state": "ready"}
    lines = [line for line in bot.log.read_text().splitlines() if "level=info" in line]
    assert [line for line in lines if 'event="listening for Slack"' in line and f"address={bot.url}" in line]
    assert [line for line in lines if "event=ready" in line and f"health=http://127.0.0.1:{bot.health_port}" in line]
    assert not bot.running
    assert not listens(bot.port)


def test_the_bot_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """SIGKILL leaves the parent no time; the child is told by the kernel."""
    (tmp_path / "dnsbot.yaml").write_text(CONFIGURATION)
    with SlackFarEnd() as slack:
        given = environment(slack, tmp_path)
        parent = f"""
import time
from pathlib import Path
from bot.sandbox.story.bot_process import BotProcess
folder = Path({str(tmp_path)!r})
with BotProcess(configuration=folder / "dnsbot.yaml", environment={given!r}, log=folder / "bot.log") as bot:
    print(bot.health_port, flush=True)
    time.sleep(60)
"""
        with subprocess.Popen(
            [sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True
        ) as process:  # our own program
            assert process.stdout is not None
            port = int(process.stdout.readline())
            healthy = urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5)  # our own server
            with healthy:
                assert healthy.status == 200
            process.kill()
        deadline = time.monotonic() + 25
        while listens(port) and time.monotonic() < deadline:
            time.sleep(0.1)

        assert not listens(port)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_play_that_is_broken_off_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    """In the middle of the story everything ends: no listener, no file."""
    command = [sys.executable, "-m", "bot", "sandbox", "--scenario", "security-group", "--play", "--seed", "2"]
    given = {**os.environ, "TMPDIR": str(tmp_path)}
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored, and so inherited, in a shell's background job
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=given
    ) as playing:  # our own program
        assert playing.stdout is not None
        told = ""
        while "3. ana types" not in told:
            line = playing.stdout.readline()
            assert line, told
            told += line
        ports = {int(port) for port in re.findall(r"http://127\.0\.0\.1:(\d+)", told)}
        playing.send_signal(number)
        playing.communicate(timeout=120)

    assert playing.returncode == 130
    assert len(ports) == 4
    assert [port for port in ports if listens(port)] == []
    assert list(tmp_path.iterdir()) == []

"""Packets captured on real nodes: where a group, an ACL or CoreDNS itself loses queries, and how captures end (C14)."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from bot.dns.packet_capture import read_exchanges
from bot.domain.cluster import PodName
from bot.domain.deadline import Deadline
from bot.kubernetes.packet_capture import ENDED, FILE, LABEL, MOST_BYTES, MOST_PACKETS, CapturePoint, capture_pod
from bot.kubernetes.probe_pods import CONTAINER
from bot.kubernetes.resources import PODS
from bot.sandbox.slack import as_text
from bot.sandbox.slack.roster import CLUSTER_CHANNEL
from bot.sandbox.story import report_reading as reading
from bot.sandbox.story.bot_process import BotProcess
from bot.sandbox.story.stage import Stage
from bot.sandbox.world.dns_pods import coredns_pods
from bot.sandbox.world.security_groups import admit, from_group, revoke
from bot.sandbox.world.world import CLUSTER, PROBE_IMAGE, PROBE_NAMESPACE, WORKLOAD_SELECTOR
from lab.bot_clients import sources, writers
from lab.contract.far_end import Json, eventually
from lab.running import RunningLab
from lab.tests.tables import Tell
from lab.tests.test_coredns_measures import office, time_is_over

pytestmark = pytest.mark.timeout(600)
SECONDS = 30
ALL: Json = {"Protocol": "-1", "CidrBlock": "0.0.0.0/0", "RuleAction": "allow"}
UDP, TCP = "17", "6"


@pytest.fixture(scope="module")
def lab() -> Iterator[RunningLab]:
    """A lab in which nothing is wrong at first."""
    with RunningLab(scenario="healthy", seed=1) as running:
        yield running


@contextmanager
def hardened_group(lab: RunningLab) -> Iterator[None]:
    """Let the cluster's group admit nothing on 53 (A5)."""
    group = lab.world.cluster_security_group_id
    kept = [from_group(group, "tcp", 443), from_group(group, "tcp", 10250)]
    revoke(lab.operator, group, from_group(group, "-1"))
    admit(lab.operator, group, *kept)
    lab.operator.settle()
    try:
        yield
    finally:
        revoke(lab.operator, group, *kept)
        admit(lab.operator, group, from_group(group, "-1"))
        lab.operator.settle()


@contextmanager
def closed_return_ports(lab: RunningLab) -> Iterator[None]:
    """Let no answer leave the subnet of a CoreDNS pod (A8)."""
    operator = lab.operator
    at = {pod["spec"]["nodeName"] for pod in coredns_pods(operator)}
    subnet = next(
        one for one in lab.world.home.subnets if one.id in {n.subnet_id for n in lab.world.nodes if n.name in at}
    )
    acl = operator.aws("ec2", "CreateNetworkAcl", VpcId=lab.world.home.id)["NetworkAcl"]["NetworkAclId"]
    ports = {"From": 32768, "To": 65535}
    deny: Json = {"CidrBlock": lab.world.home.cidr, "RuleAction": "deny", "PortRange": ports}
    entries: list[tuple[int, bool, Json]] = [(200, False, ALL), (200, True, ALL)]
    entries += [(10 * n, True, {**deny, "Protocol": one}) for n, one in enumerate((UDP, TCP), start=1)]
    for number, egress, entry in entries:
        operator.aws("ec2", "CreateNetworkAclEntry", NetworkAclId=acl, RuleNumber=number, Egress=egress, **entry)
    former = _associated(lab, subnet.network_acl_id, subnet.id)
    now = operator.aws("ec2", "ReplaceNetworkAclAssociation", AssociationId=former, NetworkAclId=acl)
    operator.settle()
    try:
        yield
    finally:
        back = now["NewAssociationId"]
        operator.aws("ec2", "ReplaceNetworkAclAssociation", AssociationId=back, NetworkAclId=subnet.network_acl_id)
        operator.settle()


def _associated(lab: RunningLab, acl: str, subnet: str) -> str:
    shown = lab.operator.aws("ec2", "DescribeNetworkAcls", NetworkAclIds=[acl])["NetworkAcls"][0]
    return next(str(one["NetworkAclAssociationId"]) for one in shown["Associations"] if one["SubnetId"] == subnet)


@contextmanager
def stopped_coredns(lab: RunningLab) -> Iterator[None]:
    """Let CoreDNS do nothing with what it gets."""
    processes = [one for pod in coredns_pods(lab.operator) for one in processes_in(pod, "coredns")]
    assert processes
    for one in processes:
        os.kill(one, signal.SIGSTOP)
    try:
        yield
    finally:
        for one in processes:
            os.kill(one, signal.SIGCONT)
        lab.operator.settle()


def processes_in(pod: Json, program: str) -> list[int]:
    """Return the processes of this lab that run a program in a pod's network."""
    found = []
    for place in Path("/proc").iterdir():
        try:
            words = (place / "cmdline").read_bytes().split(b"\0")
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            if words[0] == program.encode() and parent == os.getpid():
                routes = (place / "net" / "fib_trie").read_text()
                own = re.search(rf" {re.escape(pod['status']['podIP'])}\n\s+/32 host LOCAL", routes)
                found += [int(place.name)] if own else []
        except (OSError, ValueError):
            continue
    return found


def captures(lab: RunningLab) -> list[Json]:
    """Return the capture pods."""
    return lab.operator.get("pods", namespace=PROBE_NAMESPACE, labels=LABEL)


def capturing() -> list[str]:
    """Return the command lines of the captures that run on this machine."""
    done = subprocess.run(["pgrep", "-a", "tcpdump"], capture_output=True, text=True, check=False)  # noqa: S607
    return [line for line in done.stdout.splitlines() if FILE in line]


def files_of(stage: Stage, card: str) -> dict[str, bytes]:
    """Return the files in the thread of a card."""
    shown = [file for one in stage.slack.messages(CLUSTER_CHANNEL) if one.thread_ts == card for file in one.files]
    return {file.name: file.content or b"" for file in shown}


def captured(lab: RunningLab, stage: Stage, bot: BotProcess) -> tuple[str, dict[str, bytes]]:
    """Ask for a capture, approve it, and return its outcome and the files in its thread; nothing of it is left."""
    ana, ben = stage.slack.person("ana"), stage.slack.person("ben")
    assert ana.types(f"/dns-capture {CLUSTER} {SECONDS}s").ok
    card = ana.wait_for(reading.can_be_approved, timeout_seconds=180)
    assert "may be private" in as_text(card)
    ben.clicks(card, "approve")
    done = ben.wait_for(lambda m: m.ts == card.ts and bool(reading.outcome(m)), timeout_seconds=300)
    outcome = reading.outcome(done)
    assert "Verified: packet captures can be read now." in outcome
    files = eventually(lambda: files_of(stage, card.ts), bool, seconds=30)
    bot.kill()
    time_is_over(stage)
    bot.start()
    taken_back = "its time was over, and it was undone"
    ben.wait_for(lambda m: m.ts == card.ts and taken_back in as_text(m), timeout_seconds=120)
    assert eventually(lambda: captures(lab), lambda pods: not pods, seconds=30) == []
    assert eventually(capturing, lambda lines: not lines, seconds=SECONDS + 10.0) == []
    return outcome, files


@pytest.mark.parametrize(
    ("broken", "conclusion"),
    [
        pytest.param(hardened_group, "lost in the network between node ", id="group"),
        pytest.param(closed_return_ports, "was lost on the way back to", id="acl-return"),
        pytest.param(stopped_coredns, "got it and did not answer", id="coredns-silent"),
    ],
)
def test_a_capture_tells_on_which_side_queries_vanish(
    lab: RunningLab, tell: Tell, broken: object, conclusion: str
) -> None:
    """By approval, with the files in the card's thread; a bot that is killed leaves no capture and no pod."""
    with office(lab) as (stage, bot), broken(lab):  # type: ignore[operator]
        outcome, files = captured(lab, stage, bot)

    told = outcome.replace("\n", " ")
    tell("capture: conclusion", told[:400])
    assert conclusion in outcome
    assert {name.partition("-")[0] for name in files} == {"client", "coredns"}
    assert all(read_exchanges(content, ()).packets for name, content in files.items() if name.startswith("client"))


def test_a_flood_ends_a_capture_by_its_bounds(lab: RunningLab, tell: Tell) -> None:
    """By bytes where packets are long, by their number where they are short; the file is whole up to there."""
    client = next(one for one in lab.operator.get("pods", labels=WORKLOAD_SELECTOR) if one["status"].get("podIP"))
    server = coredns_pods(lab.operator)[0]["status"]["podIP"]
    sizes = {length: flooded(lab, client, server, length) for length in (400, 30)}

    for length, content in sizes.items():
        found = read_exchanges(content, [client["status"]["podIP"]])
        tell("flood: bytes of a query, bytes captured, packets", length, len(content), found.packets)
        assert len(content) <= MOST_BYTES
        assert found.packets <= MOST_PACKETS + 1
    assert len(sizes[400]) > MOST_BYTES - 4096


FLOOD = """
import socket, sys
end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for number in range(120_000):
    try:
        end.sendto(bytes(int(sys.argv[2])), (sys.argv[1], 53))
    except OSError:
        pass
"""


def flooded(lab: RunningLab, client: Json, server: str, length: int) -> bytes:
    """Capture at a client that sends a flood, until the capture has ended; return what was captured."""
    address, node = client["status"]["podIP"], client["spec"]["nodeName"]
    point = CapturePoint(
        node=node, pod="shop/flood", address=address, interface=interface_of(lab, node, address), of_dns=False
    )
    name = PodName(namespace=PROBE_NAMESPACE, name=f"dnsbot-capture-flood-{length}")
    body = capture_pod(name, point, [address], image=PROBE_IMAGE, plan_id="flood", seconds=60)
    writers(lab).probe_pods(Deadline.after(30)).create(PODS, body, namespace=PROBE_NAMESPACE)
    eventually(capturing, bool, seconds=30)
    inside = (processes_in(client, "sleep") or processes_in(client, "sh"))[0]
    subprocess.run(
        ["/usr/bin/nsenter", "-t", str(inside), "-n", sys.executable, "-c", FLOOD, server, str(length)],
        check=True,
    )
    run = sources(lab).nodes()
    try:
        prober = run.prober(Deadline.after(60), lambda _permission: nullcontext())
        eventually(lambda: prober.run_in(name, CONTAINER, ("cat", ENDED)).exit_code, lambda code: code == 0, seconds=60)
        parts = [
            prober.run_in(name, CONTAINER, ("dd", f"if={FILE}", "bs=2500000", f"skip={at}", "count=1")).stdout
            for at in range(5)
        ]
    finally:
        run.close()
        lab.operator.delete_pods(namespace=PROBE_NAMESPACE, labels=LABEL)
    return b"".join(parts)


def interface_of(lab: RunningLab, node: str, address: str) -> str:
    """Return the host's side of a pod's interface."""
    netns = lab.agent.node(node).netns
    shown = subprocess.check_output(["ip", "netns", "exec", netns, "ip", "route", "show", address], text=True)  # noqa: S607
    return shown.split(" dev ")[1].split()[0]

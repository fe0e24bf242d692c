from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.namespaces import Run
from lab.node_agent import launch
from lab.node_agent.images import root_of
from lab.programs import built_programs


@pytest.fixture
def file_of_the_machine() -> Iterator[Path]:
    """A file of this test's own below /usr."""
    with tempfile.TemporaryDirectory(dir="/usr/lib", prefix="dnsbot-lab-test-") as folder:
        (Path(folder) / "file").write_text("of the machine")
        yield Path(folder) / "file"


def _in_container(run: Run, image: str, command: str, *, before: str = ":") -> tuple[int, str]:
    """Run a shell command as the program of a container of this image; return its exit code and what it said.

    The image gets this machine's /usr/bin besides, where it has no shell of its own.
    `before`: a command of the same mount namespace that runs before the container is made.
    """
    root = root_of(image, (), built_programs())
    shell = () if ("/usr", "/usr") in root.mounts else (("/usr/bin", "/usr/bin"),)
    specification = {
        "root": str(run.directory / "root"),
        "mounts": (*root.mounts, *shell),
        "links": root.links,
        "program": "/usr/bin/sh",
        "arguments": ["sh", "-c", command],
        "environment": {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        "memory_group": "",
    }
    file = run.directory / "launch.json"
    file.write_text(json.dumps(specification))
    program = ["sh", "-c", f'{before} && exec "$@"', "-", sys.executable, "-I", "-S", launch.__file__, str(file)]
    process = run.run_in(
        run.netns("pod-a"), program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    said = process.communicate()[0].decode()
    return process.returncode, said


@pytest.mark.parametrize("image", ["registry/shop:1", "registry/eks/kube-proxy:v1.36.0"], ids=["tools", "kube-proxy"])
@pytest.mark.parametrize("command", ["rm -f {0}", "echo pod >{0}", "touch {0}.new"])
def test_a_container_cannot_change_the_machines_files(
    run: Run, file_of_the_machine: Path, image: str, command: str
) -> None:
    """What a pod deletes, overwrites or makes below /usr is refused, and the machine's file stays as it was."""
    code, said = _in_container(run, image, command.format(file_of_the_machine))

    assert code != 0
    assert "Read-only file system" in said
    assert file_of_the_machine.read_text() == "of the machine"
    assert [each.name for each in file_of_the_machine.parent.iterdir()] == ["file"]


def test_every_mount_of_the_machine_in_a_container_is_read_only_but_proc(run: Run, file_of_the_machine: Path) -> None:
    """A mount below /usr that comes along with it is read-only as well, and keeps its other options."""
    below = file_of_the_machine.with_name("a mount")
    below.mkdir()

    code, said = _in_container(
        run,
        "registry/eks/kube-proxy:v1.36.0",
        "cat /proc/self/mountinfo",
        before=f"mount -t tmpfs -o nosuid none '{below}'",
    )

    options = {words[4]: words[5].split(",") for words in map(str.split, said.splitlines())}
    assert code == 0
    assert {"/usr/lib", "/sys", "/proc", "/kube-proxy"} <= set(options)
    assert options[str(below).replace(" ", r"\040")][:2] == ["ro", "nosuid"]
    assert [
        place for place, has in options.items() if "ro" not in has and place != "/" and not place.startswith("/proc")
    ] == []


def test_a_kube_proxy_can_set_its_own_namespaces_sysctls_and_rules(run: Run) -> None:
    """What kube-proxy needs goes on to work: /proc/sys of its network namespace, iptables and its lock in /run."""
    command = "echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet && iptables-nft -N A && iptables-nft -S A; echo $?"

    code, said = _in_container(run, "registry/eks/kube-proxy:v1.36.0", f"{command}; : >/dev/null")

    assert (code, said.splitlines()) == (0, ["-N A", "0"])


@pytest.mark.parametrize(
    ("image", "has"),
    [
        ("registry/eks/kube-proxy:v1.36.0", {"conntrack", "iptables-save"}),
        ("registry/amazon-k8s-cni:v1.19.2", {"iptables-save"}),
    ],
    ids=["kube-proxy", "aws-node"],
)
def test_minimal_images_have_iptables_and_no_shell(image: str, has: set[str]) -> None:
    """As EKS's minimal images: what lists rules is there; `sh`, `cat`, `ip` and `ethtool` are not to be expected."""
    root = root_of(image, (), built_programs())

    inside = [place for _, place in root.mounts] + [place for place, _ in root.links]
    assert {Path(place).name for place in inside} & {"conntrack", "iptables-save", "sh", "cat", "ip", "ethtool"} == has
    assert not {"/usr", "/usr/bin", "/bin"} & set(inside)

"""What the VPC CNI lays on a node: marks and translation for packets out of the VPC, and a branch interface's rules.

Source: amazon-vpc-cni-k8s, pkg/networkutils (host network) and cmd/routed-eni-cni-plugin/driver (a pod's), with the
defaults of its README: no external SNAT, node ports on.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from bot.domain.enforcing_mode import EnforcingMode
from lab.errors import LabError
from lab.namespaces import joined

MARK = "0x80/0x80"
"""On connections that leave the VPC, so that they go by the primary interface."""
TO_POD, FROM_POD = 512, 1536
"""Priorities of rules by the pod's address."""
BY_LINK, LOCAL = 10, 20
"""Priorities of rules by the link that a packet comes in by, and of the node's own addresses after them."""
_MARKED = 1024
_FIRST_TABLE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchLinks:
    """A pod's branch interface on its node."""

    host_side: str
    """The link to the pod: `vlan…` in strict mode, `eni…` as of any other pod in standard mode."""
    branch: str
    """The branch interface itself: `vlan.eth.` and the number of its VLAN."""
    table: int
    """100 and the number of its VLAN."""
    address: str
    mode: EnforcingMode

    @classmethod
    def of(cls, *, pod: str, vlan: int, address: str, mode: EnforcingMode) -> BranchLinks:
        """Return them. `pod`: at most eleven characters that no other pod of the node has."""
        prefix = "vlan" if mode is EnforcingMode.STRICT else "eni"
        return cls(
            host_side=f"{prefix}{pod}",
            branch=f"vlan.eth.{vlan}",
            table=_FIRST_TABLE + vlan,
            address=address,
            mode=mode,
        )

    @property
    def routes(self) -> tuple[str, ...]:
        """What leads to the pod, for `ip`: a route of the branch's own table in strict mode, else of the main one."""
        way = f"route replace {self.address}/32 dev {self.host_side} scope link"
        return (f"{way} table {self.table}",) if self.mode is EnforcingMode.STRICT else (way,)

    @property
    def rules(self) -> tuple[str, ...]:
        """Which packets keep to the branch's table, for `ip rule`."""
        if self.mode is EnforcingMode.STRICT:
            return tuple(f"iif {link} lookup {self.table} priority {BY_LINK}" for link in (self.host_side, self.branch))
        return (
            f"from all to {self.address} lookup main priority {TO_POD}",
            f"from {self.address} lookup {self.table} priority {FROM_POD}",
        )


def lay_host_rules(netns: str, *, vpc_cidr: str, primary_address: str, random_ports: bool) -> None:
    """Lay a node's iptables rules: packets out of the VPC get its address, and leave by its primary interface.

    `random_ports`: `AWS_VPC_K8S_CNI_RANDOMIZESNAT` as it is unless set; without, packets keep their ports if they can.
    """
    text = _RULES.format(cidr=vpc_cidr, address=primary_address, random=" --random-fully" if random_ports else "")
    with joined(netns):
        done = subprocess.run(
            ["iptables-restore", "--noflush"],  # noqa: S607  # from the PATH
            input=text,
            text=True,
            capture_output=True,
            check=False,
        )
    if done.returncode:
        raise LabError(f"iptables-restore in {netns}: {done.stderr.strip()}")


MARKED_RULE = f"rule add fwmark {MARK} lookup main priority {_MARKED}"
_OUT, _PRIMARY = "AWS, outbound connections", "AWS, primary ENI"
_SNAT, _CONNMARK = "AWS SNAT CHAIN", "AWS CONNMARK CHAIN, VPC CIDR"
_RULES = f"""\
*mangle
-A PREROUTING -i eth0 -m comment --comment "{_PRIMARY}" -m addrtype --dst-type LOCAL --limit-iface-in -j CONNMARK --set-xmark {MARK}
-A PREROUTING -i eni+ -m comment --comment "{_PRIMARY}" -j CONNMARK --restore-mark --nfmask 0x80 --ctmask 0x80
-A PREROUTING -i vlan+ -m comment --comment "{_PRIMARY}" -j CONNMARK --restore-mark --nfmask 0x80 --ctmask 0x80
COMMIT
*nat
:AWS-CONNMARK-CHAIN-0 - [0:0]
:AWS-CONNMARK-CHAIN-1 - [0:0]
:AWS-SNAT-CHAIN-0 - [0:0]
:AWS-SNAT-CHAIN-1 - [0:0]
-A PREROUTING -i eni+ -m comment --comment "{_OUT}" -m state --state NEW -j AWS-CONNMARK-CHAIN-0
-A PREROUTING -m comment --comment "AWS, CONNMARK" -j CONNMARK --restore-mark --nfmask 0x80 --ctmask 0x80
-A POSTROUTING -m comment --comment "{_SNAT}" -j AWS-SNAT-CHAIN-0
-A AWS-CONNMARK-CHAIN-0 ! -d {{cidr}} -m comment --comment "{_CONNMARK}" -j AWS-CONNMARK-CHAIN-1
-A AWS-CONNMARK-CHAIN-1 -m comment --comment "AWS, CONNMARK" -j CONNMARK --set-xmark {MARK}
-A AWS-SNAT-CHAIN-0 ! -d {{cidr}} -m comment --comment "{_SNAT}" -j AWS-SNAT-CHAIN-1
-A AWS-SNAT-CHAIN-1 ! -o vlan+ -m comment --comment "AWS, SNAT" -m addrtype ! --dst-type LOCAL -j SNAT --to-source {{address}}{{random}}
COMMIT
"""  # noqa: E501  # as iptables-save prints them

"""What kinds of images have on board. Formats: BIND 9.16 and 9.18, busybox 1.36; a missing program is C5."""

from __future__ import annotations

from bot.sandbox.kubernetes.tools.counters import conntrack, ethtool
from bot.sandbox.kubernetes.tools.curl import curl
from bot.sandbox.kubernetes.tools.dig import dig_9_16, dig_9_18
from bot.sandbox.kubernetes.tools.ip import ip
from bot.sandbox.kubernetes.tools.nslookup import busybox_nslookup, nslookup_9_16, nslookup_9_18
from bot.sandbox.kubernetes.tools.packet_filter import iptables_save, ipvsadm, nft
from bot.sandbox.kubernetes.tools.small import cat, dd, sleep
from bot.sandbox.kubernetes.tools.toolbox import Toolbox

NOTHING = Toolbox(complete=True)
"""Distroless: no program but its own."""
NOTHING_OLD_RUNTIME = Toolbox(complete=True, old_runtime=True)
EKS_MINIMAL = Toolbox(tools={"iptables-save": iptables_save, "conntrack": conntrack}, complete=True)
"""What EKS builds kube-proxy and the VPC CNI on: iptables and conntrack, and no shell."""
NODE_TOOLS = Toolbox(
    tools={
        "cat": cat,
        "dd": dd,
        "sleep": sleep,
        "curl": curl,
        "dig": dig_9_18,
        "nslookup": nslookup_9_18,
        "ip": ip,
        "iptables-save": iptables_save,
        "nft": nft,
        "ipvsadm": ipvsadm,
        "conntrack": conntrack,
        "ethtool": ethtool,
    },
    complete=True,
)
BUSYBOX = Toolbox(tools={"cat": cat, "nslookup": busybox_nslookup, "sleep": sleep}, lacks=frozenset({"dig"}))
DEBIAN_11 = Toolbox(tools={"cat": cat, "dig": dig_9_16, "nslookup": nslookup_9_16, "sleep": sleep})
DEBIAN_12 = Toolbox(tools={"cat": cat, "curl": curl, "dig": dig_9_18, "nslookup": nslookup_9_18, "sleep": sleep})

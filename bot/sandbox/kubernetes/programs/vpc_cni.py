"""The VPC CNI of the DaemonSet aws-node: it decides which way the packets of new pods with a branch interface take.

It reads `POD_SECURITY_GROUP_ENFORCING_MODE` once, when it starts (amazon-vpc-cni-k8s, README). Addresses are given by
the kubelets here.
"""

from __future__ import annotations

from datetime import datetime

from bot.sandbox.kubernetes.container_runs import ContainerRun
from bot.sandbox.kubernetes.program import Host, Process, Program
from bot.sandbox.kubernetes.tools.on_board import EKS_MINIMAL

_MODE = "POD_SECURITY_GROUP_ENFORCING_MODE"


def start(host: Host, now: datetime) -> Process:
    """Start the agent of one node."""
    container = host.pod["spec"]["containers"][0]
    variables = {one["name"]: one.get("value", "") for one in container.get("env") or []}
    host.node.strict_branches = variables.get(_MODE) != "standard"
    host.node.snat = variables.get("AWS_VPC_K8S_CNI_EXTERNALSNAT", "false") != "true"
    run = ContainerRun(started=now)
    run.say(now, "Installed /host/opt/cni/bin/aws-cni", "Starting IPAM daemon in the background ... ok.")
    return Process(run=run)


PROGRAM = Program(name="vpc_cni", images=("/amazon-k8s-cni",), start=start, toolbox=EKS_MINIMAL)

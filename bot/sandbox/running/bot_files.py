"""The bot's configuration for a running world: `kubeconfig.yaml`, `dnsbot.yaml` and environment variables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bot.sandbox.world.bot_roles import READER, WRITER, role_arn
from bot.sandbox.world.world import ACCOUNT, CLUSTER, PROBE_IMAGE, PROBE_NAMESPACE, REGION, WORKLOAD_SELECTOR, WorldVpc

_CHANNEL = "C0123456789"


def kubeconfig(kubernetes_url: str) -> str:
    """Return a kubeconfig with a reading and a writing context."""
    return f"""apiVersion: v1
kind: Config
clusters:
- name: {CLUSTER}
  cluster: {{server: "{kubernetes_url}"}}
users:
- name: dnsbot-reader
  user: {{token: reader-token}}
- name: dnsbot-writer
  user: {{token: writer-token}}
contexts:
- name: {CLUSTER}
  context: {{cluster: {CLUSTER}, user: dnsbot-reader}}
- name: {CLUSTER}-write
  context: {{cluster: {CLUSTER}, user: dnsbot-writer}}
current-context: {CLUSTER}
"""


def configuration(directory: Path, neighbours: Sequence[WorldVpc] = (), public_resolution: str = "unknown") -> str:
    """Return the `dnsbot.yaml` of a world, with its neighbours as peers of the cluster."""
    return f"""clusters:
  {CLUSTER}:
    environment: production
    region: {REGION}
    role_arn: {role_arn(ACCOUNT, READER)}
    writer_role_arn: {role_arn(ACCOUNT, WRITER)}
    kubeconfig: {directory / "kubeconfig.yaml"}
    context: {CLUSTER}
    writer_context: {CLUSTER}-write
    channel: {_CHANNEL}
    workload_selector: {WORKLOAD_SELECTOR}
    node_probe: {{image: {PROBE_IMAGE}, namespace: {PROBE_NAMESPACE}}}
    debug_image: {PROBE_IMAGE}
    public_resolution: {public_resolution}
{_peers(neighbours)}approvals:
  production: {{required: 1, requester_may_approve: false, users: [], user_groups: [S01], expires_after: 30m}}
  default: {{required: 1, requester_may_approve: false, users: [], user_groups: [S01], expires_after: 30m}}
"""


def _peers(neighbours: Sequence[WorldVpc]) -> str:
    entries = (
        f"""    - name: {vpc.name}
      vpc_id: {vpc.id}
      region: {vpc.region}
      role_arn: {role_arn(vpc.account, READER)}
      writer_role_arn: {role_arn(vpc.account, WRITER)}
"""
        for vpc in neighbours
    )
    return f"    peers:\n{''.join(entries)}" if neighbours else ""


def write_bot_files(
    directory: Path, *, kubernetes_url: str, neighbours: Sequence[WorldVpc], public_resolution: str
) -> None:
    """Write both files into `directory`."""
    (directory / "kubeconfig.yaml").write_text(kubeconfig(kubernetes_url), encoding="utf-8")
    (directory / "dnsbot.yaml").write_text(configuration(directory, neighbours, public_resolution), encoding="utf-8")


def bot_environment(aws_url: str) -> dict[str, str]:
    """Return the variables that lead boto3 to the AWS far end."""
    return {
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }

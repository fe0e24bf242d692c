"""The bot's configuration for a running world: `kubeconfig.yaml`, `dnsbot.yaml` and environment variables."""

from __future__ import annotations

from pathlib import Path

from bot.sandbox.world import ACCOUNT, CLUSTER, REGION, WORKLOAD_SELECTOR

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


def configuration(directory: Path) -> str:
    """Return the `dnsbot.yaml` of a world."""
    return f"""clusters:
  {CLUSTER}:
    environment: production
    region: {REGION}
    role_arn: arn:aws:iam::{ACCOUNT}:role/dnsbot-read
    writer_role_arn: arn:aws:iam::{ACCOUNT}:role/dnsbot-write
    kubeconfig: {directory / "kubeconfig.yaml"}
    context: {CLUSTER}
    writer_context: {CLUSTER}-write
    channel: {_CHANNEL}
    workload_selector: {WORKLOAD_SELECTOR}
approvals:
  production: {{required: 1, requester_may_approve: false, users: [], user_groups: [S01], expires_after: 30m}}
  default: {{required: 1, requester_may_approve: false, users: [], user_groups: [S01], expires_after: 30m}}
"""


def write_bot_files(directory: Path, *, kubernetes_url: str) -> None:
    """Write both files into `directory`."""
    (directory / "kubeconfig.yaml").write_text(kubeconfig(kubernetes_url), encoding="utf-8")
    (directory / "dnsbot.yaml").write_text(configuration(directory), encoding="utf-8")


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

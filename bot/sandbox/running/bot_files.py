"""The bot's configuration for a running world: `kubeconfig.yaml`, `dnsbot.yaml` and environment variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from bot.sandbox.running.probes import StandingProbe
from bot.sandbox.world.bot_roles import READER, WRITER, role_arn
from bot.sandbox.world.world import (
    ACCOUNT,
    CLUSTER,
    PROBE_IMAGE,
    PROBE_NAMESPACE,
    REGION,
    WORKLOAD_SELECTOR,
    WorldSite,
    WorldVpc,
)

_CHANNEL = "C0123456789"
_NONE: Mapping[str, StandingProbe] = MappingProxyType({})


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


def probe_kubeconfig(name: str, url: str) -> str:
    """Return the kubeconfig of the small cluster in another network, from whose pods names are looked up."""
    return f"""apiVersion: v1
kind: Config
clusters:
- name: {name}
  cluster: {{server: "{url}"}}
users:
- name: dnsbot-probe
  user: {{token: reader-token}}
contexts:
- name: {name}
  context: {{cluster: {name}, user: dnsbot-probe}}
current-context: {name}
"""


def configuration(
    directory: Path,
    neighbours: Sequence[WorldVpc] = (),
    public_resolution: str = "unknown",
    probes: Mapping[str, StandingProbe] = _NONE,
    on_premises: Sequence[WorldSite] = (),
) -> str:
    """Return the `dnsbot.yaml` of a world, with its neighbours as peers of the cluster, and its networks on premises.

    `probes` are what looks names up in other networks, by the networks' names.
    """
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
{_peers(neighbours, probes)}{_on_premises(on_premises, probes)}approvals:
  production: {{required: 1, requester_may_approve: false, users: [], user_groups: [S01], expires_after: 30m}}
  default: {{required: 1, requester_may_approve: false, users: [], user_groups: [S01], expires_after: 30m}}
"""


def _on_premises(sites: Sequence[WorldSite], probes: Mapping[str, StandingProbe]) -> str:
    entries = (
        f"    - name: {site.name}\n      cidrs: [{site.cidr}]\n{_probe(probes.get(site.name))}" for site in sites
    )
    return f"    on_premises:\n{''.join(entries)}" if sites else ""


def _probe(found: StandingProbe | None) -> str:
    return f"      probe: {found.told}\n" if found else ""


def _peers(neighbours: Sequence[WorldVpc], probes: Mapping[str, StandingProbe]) -> str:
    entries = (
        f"""    - name: {vpc.name}
      vpc_id: {vpc.id}
      region: {vpc.region}
      role_arn: {role_arn(vpc.account, READER)}
      writer_role_arn: {role_arn(vpc.account, WRITER)}
{_probe(probes.get(vpc.name))}"""
        for vpc in neighbours
    )
    return f"    peers:\n{''.join(entries)}" if neighbours else ""


def write_bot_files(
    directory: Path,
    *,
    kubernetes_url: str,
    neighbours: Sequence[WorldVpc],
    public_resolution: str,
    probes: Mapping[str, StandingProbe] = _NONE,
    on_premises: Sequence[WorldSite] = (),
) -> None:
    """Write both files into `directory`, and a kubeconfig for each cluster whose pods look names up."""
    (directory / "kubeconfig.yaml").write_text(kubeconfig(kubernetes_url), encoding="utf-8")
    write_probe_kubeconfigs(directory, probes)
    text = configuration(directory, neighbours, public_resolution, probes, on_premises)
    (directory / "dnsbot.yaml").write_text(text, encoding="utf-8")


def write_probe_kubeconfigs(directory: Path, probes: Mapping[str, StandingProbe]) -> None:
    """Write a kubeconfig for each cluster whose pods look names up."""
    for name, probe in probes.items():
        if probe.url:
            text = probe_kubeconfig(name, probe.url)
            (directory / f"probe-{name}.yaml").write_text(text, encoding="utf-8")


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

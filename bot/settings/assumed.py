"""Settings without a dnsbot.yaml: one cluster, by a context of the kubeconfig, and what was assumed for it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from bot.clients.connection import ClusterConnection
from bot.domain.askers import AskerPolicy
from bot.domain.cluster import ClusterTarget
from bot.errors import ConfigurationError
from bot.settings.entries import REGION
from bot.settings.kubeconfig import EKS_NAME, Kubeconfig, KubeContext, Told, read_kubeconfig
from bot.settings.load import Settings, SlackSecrets, corefile_check, kept_database


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How a cluster is reached that no dnsbot.yaml names; whatever is empty is looked for."""

    kubeconfig: str = ""
    context: str = ""
    region: str = ""
    eks_name: str = ""
    selector: str = ""
    """Labels of application pods to look names up from."""

    @property
    def given(self) -> bool:
        """Whether anything was said."""
        return bool(self.kubeconfig or self.context or self.region or self.eks_name or self.selector)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What a run without dnsbot.yaml works with."""

    settings: Settings
    cluster: str
    """The one cluster of the settings."""
    words: tuple[str, ...]
    """What was typed beside the cluster."""
    lines: tuple[str, ...]
    """What was assumed, a line each."""


def assume(
    reach: Reach,
    words: tuple[str, ...],
    *,
    playbooks: Collection[str],
    environment: Mapping[str, str] | None = None,
) -> Assumed:
    """Return settings for the context that is named, by option or by the first word, or for the current one.

    A first word that is one of the `playbooks` and no context's name stays among the words.
    Raises `ConfigurationError` where there is no kubeconfig, or no such context in it.
    """
    env = os.environ if environment is None else environment
    check_reach(reach)
    kubeconfig = read_kubeconfig(reach.kubeconfig, env)
    context, rest = _chosen(kubeconfig, reach, words, playbooks)
    region, eks_name = region_of(context, reach, env), eks_name_of(context, reach)
    cluster = eks_name.value or context.name
    profile = "" if env.get("AWS_PROFILE") else context.profile
    database_url = kept_database(env)
    connection = ClusterConnection(
        target=ClusterTarget(
            name=cluster, eks_name=eks_name.value, region=region.value, workload_selector=reach.selector
        ),
        kubeconfig=kubeconfig.paths,
        context=context.name,
        profile=profile,
    )
    settings = Settings(
        file=context.file,
        clusters={cluster: connection},
        approvals={},
        askers=AskerPolicy(),
        slack=SlackSecrets(),
        database_url=database_url,
        corefile_check=corefile_check(env),
    )
    lines = _lines(kubeconfig, context, reach, eks_name, region, profile)
    return Assumed(settings=settings, cluster=cluster, words=rest, lines=(*lines, *_not_had(reach, database_url)))


def _chosen(
    kubeconfig: Kubeconfig, reach: Reach, words: tuple[str, ...], playbooks: Collection[str]
) -> tuple[KubeContext, tuple[str, ...]]:
    """Return the context, and the words that do not name it."""
    if reach.context or not words:
        context = kubeconfig.named(reach.context)
        named = words and words[0] in {context.name, context.eks_name.value, reach.eks_name}
        return context, words[1:] if named else words
    if words[0] in playbooks and words[0] not in kubeconfig.names:
        return kubeconfig.named(""), words
    return kubeconfig.named(words[0]), words[1:]


def eks_name_of(context: KubeContext, reach: Reach) -> Told:
    """Return the EKS cluster's name; the context's own where nothing names one."""
    if reach.eks_name:
        return Told(value=reach.eks_name, where="--eks-name")
    if context.eks_name.value:
        return context.eks_name
    name = context.name if EKS_NAME.fullmatch(context.name) else ""
    return Told(value=name, where="the context's name, since nothing in it names an EKS cluster")


def region_of(context: KubeContext, reach: Reach, env: Mapping[str, str]) -> Told:
    """Return the cluster's region; empty where nothing tells it."""
    if reach.region:
        return Told(value=reach.region, where="--region")
    if context.region.value:
        return context.region
    variable = next((name for name in ("AWS_REGION", "AWS_DEFAULT_REGION") if env.get(name)), "")
    return Told(value=env.get(variable, ""), where=variable)


def check_reach(reach: Reach) -> None:
    """Refuse what is no region or no name of an EKS cluster, with `ConfigurationError`."""
    if reach.region and not REGION.fullmatch(reach.region):
        raise ConfigurationError(f"--region {reach.region!r} is not an AWS region such as eu-west-1.")
    if reach.eks_name and not EKS_NAME.fullmatch(reach.eks_name):
        raise ConfigurationError(
            f"--eks-name {reach.eks_name!r} is not the name of an EKS cluster: letters, digits, - and _, at most 100. "
            "aws eks list-clusters prints them."
        )


def _lines(
    kubeconfig: Kubeconfig, context: KubeContext, reach: Reach, eks_name: Told, region: Told, profile: str
) -> Iterator[str]:
    current = "" if reach.context or context.name != kubeconfig.current else ", the current one"
    yield f"context {context.name}{current}, of the kubeconfig {context.file}"
    name = f"{eks_name.value} (from {eks_name.where})" if eks_name.value else "not known; --eks-name names it"
    where = f"{region.value} (from {region.where})" if region.value else "not known; --region names it"
    yield f"EKS cluster {name}, region {where}"
    if profile:
        yield f"AWS profile {profile}, as the context's credential plugin is given it; AWS_PROFILE names another"


def _not_had(reach: Reach, database_url: str) -> Iterator[str]:
    if not database_url:
        yield "no database: nothing is kept of this; DATABASE_URL names one"
    if not reach.selector:
        yield "no application pods to look names up from; --selector LABELS or --pod NAMESPACE/NAME names some"

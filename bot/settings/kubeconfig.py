"""What a kubeconfig says of its contexts: the EKS cluster, its region and the AWS profile behind each.

Told by `aws eks update-kubeconfig` in the cluster's ARN, by it and eksctl in the arguments of `aws eks get-token`
or `aws-iam-authenticator token`, and by the endpoint's name, which holds the region (EKS User Guide, "Connect kubectl
to an EKS cluster by creating a kubeconfig file").
Nothing is called and nothing is run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ValidationError

from bot.domain.phrases import nearest
from bot.errors import ConfigurationError
from bot.settings.files import kubeconfigs

EKS_NAME = re.compile(r"[0-9A-Za-z][\w-]{0,99}", re.ASCII)
_ARN = re.compile(rf"arn:[\w-]+:eks:([a-z0-9-]+):\d{{12}}:cluster/({EKS_NAME.pattern})", re.ASCII)
_EKSCTL = re.compile(
    rf"(?:[^@\s]{{1,253}}@)?({EKS_NAME.pattern})\.([a-z]{{2,10}}(?:-[a-z]{{1,20}}){{1,4}}-\d)\.eksctl\.io", re.ASCII
)
_ENDPOINT = re.compile(
    r"https://[\w-]+\.\w+\.([a-z0-9-]+)\.eks\.amazonaws\.com(?:\.cn)?(?::\d+)?/?", re.ASCII | re.IGNORECASE
)
_NAME_OPTIONS = ("--cluster-name", "--cluster-id", "-i")

T = TypeVar("T")


def _none_is_empty(given: object) -> object:
    return [] if given is None else given


_List = Annotated[list[T], BeforeValidator(_none_is_empty)]


class _Variable(BaseModel):
    name: str = ""
    value: str = ""


class _Exec(BaseModel):
    args: _List[str] = []
    env: _List[_Variable] = []

    def option(self, *names: str) -> str:
        """Return an option's value, written `--region X` or `--region=X`; empty: it is not there."""
        for at, argument in enumerate(self.args):
            name, given, value = argument.partition("=")
            if name in names:
                return value if given else "".join(self.args[at + 1 : at + 2])
        return ""

    def variable(self, *names: str) -> str:
        """Return the first of these variables that the program is given; empty: none."""
        return next((one.value for name in names for one in self.env if one.name == name), "")


class _User(BaseModel):
    exec: _Exec | None = None


class _Cluster(BaseModel):
    server: str = ""


class _Leads(BaseModel):
    cluster: str = ""
    user: str = ""


class _NamedUser(BaseModel):
    name: str
    user: _User | None = None


class _NamedCluster(BaseModel):
    name: str
    cluster: _Cluster | None = None


class _NamedContext(BaseModel):
    name: str
    context: _Leads | None = None


class _File(BaseModel):
    """One kubeconfig; what is not read here is passed over."""

    clusters: _List[_NamedCluster] = []
    users: _List[_NamedUser] = []
    contexts: _List[_NamedContext] = []
    current_context: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One thing that a kubeconfig says, and where."""

    value: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeContext:
    """One context."""

    name: str
    file: Path
    """That holds it."""
    eks_name: Told
    """Empty: nothing there names an EKS cluster."""
    region: Told
    profile: str
    """AWS profile that its credential plugin is given; empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubeconfig:
    """One or more kubeconfig files, as kubectl merges them: whatever comes first holds."""

    paths: str
    """As the official client takes them, separated by the system's path separator."""
    contexts: tuple[KubeContext, ...]
    current: str

    def named(self, name: str) -> KubeContext:
        """Return a context by its name or its EKS cluster's, or the current one. Raises `ConfigurationError`."""
        if not (name or self.current):
            raise ConfigurationError(
                f"The kubeconfig {self.paths} has no current context. Choose one: kubectl config use-context NAME, or "
                f"--context NAME. {nearest('', self.names, 'context')}"
            )
        wanted = name or self.current
        found = [one for one in self.contexts if one.name == wanted]
        found = found or [one for one in self.contexts if one.eks_name.value == wanted]
        if len(found) != 1:
            several = ", ".join(one.name for one in found)
            raise ConfigurationError(
                f"In the kubeconfig {self.paths} several contexts lead to {wanted!r}. Name one of them: {several}."
                if found
                else f"The kubeconfig {self.paths} has no context {wanted!r}. {nearest(wanted, self.names, 'context')}"
            )
        return found[0]

    @property
    def names(self) -> tuple[str, ...]:
        """What a context can be called by: its own name, and its EKS cluster's."""
        return tuple(dict.fromkeys(word for one in self.contexts for word in (one.name, one.eks_name.value) if word))


def read_kubeconfig(given: str, environment: Mapping[str, str]) -> Kubeconfig:
    """Return the kubeconfig that is `given`, or KUBECONFIG's, or `~/.kube/config`. Raises `ConfigurationError`.

    Files of KUBECONFIG that do not exist are passed over, as kubectl does.
    """
    written = given or kubeconfigs(environment)
    paths = [Path(path).expanduser() for path in ([given] if given else written.split(os.pathsep)) if path]
    files = [(path, _read(path)) for path in paths if given or path.exists()]
    if not files:
        raise ConfigurationError(
            f"There is no kubeconfig at {written}. Make one (aws eks update-kubeconfig --name CLUSTER), name one with "
            "--kubeconfig or KUBECONFIG, or write a dnsbot.yaml (docs/configuration.md)."
        )
    return Kubeconfig(
        paths=os.pathsep.join(str(path.resolve()) for path, _ in files),
        contexts=tuple(_contexts(files)),
        current=next((file.current_context for _, file in files if file.current_context), ""),
    )


def _read(path: Path) -> _File:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(document, Mapping):
            raise ConfigurationError(f"The kubeconfig {path} is empty or not a YAML mapping.")
        return _File.model_validate({**document, "current_context": document.get("current-context")})
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        what = error.strerror if isinstance(error, OSError) else str(error).partition("\n")[0]
        raise ConfigurationError(f"The kubeconfig {path} cannot be read: {what}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigurationError(f"The kubeconfig {path} is not understood at {where}: {first['msg']}.") from error


def _contexts(files: Sequence[tuple[Path, _File]]) -> Iterator[KubeContext]:
    clusters: dict[str, _Cluster] = {}
    users: dict[str, _User] = {}
    for _, file in files:
        clusters = {one.name: one.cluster or _Cluster() for one in file.clusters} | clusters
        users = {one.name: one.user or _User() for one in file.users} | users
    seen: set[str] = set()
    for path, file in files:
        for one in file.contexts:
            if one.name not in seen:
                seen.add(one.name)
                leads = one.context or _Leads()
                user, cluster = users.get(leads.user, _User()), clusters.get(leads.cluster, _Cluster())
                yield _context(one.name, path, leads, user.exec or _Exec(), cluster)


def _context(name: str, path: Path, leads: _Leads, plugin: _Exec, cluster: _Cluster) -> KubeContext:
    arn = next(filter(None, map(_ARN.fullmatch, (leads.cluster, name, leads.user))), None)
    eksctl = next(filter(None, map(_EKSCTL.fullmatch, (leads.cluster, name))), None)
    endpoint = _ENDPOINT.fullmatch(cluster.server)
    names = (
        Told(value=arn[2] if arn else "", where="the context's ARN"),
        Told(value=plugin.option(*_NAME_OPTIONS), where="the arguments of its credential plugin"),
        Told(value=eksctl[1] if eksctl else "", where="the context's name"),
    )
    regions = (
        Told(value=arn[1] if arn else "", where="the context's ARN"),
        Told(value=plugin.option("--region"), where="the arguments of its credential plugin"),
        Told(value=eksctl[2] if eksctl else "", where="the context's name"),
        Told(value=endpoint[1].lower() if endpoint else "", where="the endpoint's name"),
        Told(value=plugin.variable("AWS_REGION", "AWS_DEFAULT_REGION"), where="the variables of its credential plugin"),
    )
    return KubeContext(
        name=name,
        file=path.resolve(),
        eks_name=_first(names),
        region=_first(regions),
        profile=plugin.option("--profile") or plugin.variable("AWS_PROFILE"),
    )


def _first(told: Sequence[Told]) -> Told:
    return next((one for one in told if one.value), Told())

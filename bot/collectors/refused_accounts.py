"""Who was refused by the Kubernetes API (403): CoreDNS's and kube-proxy's ServiceAccounts, and the roles they have.

Looked at only where a log shows a 403: else it costs nothing. Then one list of ClusterRoleBindings, of which those that
name these accounts are kept, and a GET for each of their ClusterRoles. A role that only a RoleBinding in a namespace
gives does not let them list in all namespaces, and is not looked at. In a playbook: `{collector: refused_accounts}`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.collectors.coredns_logs import CorednsLogs
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.kube_proxy_logs import KubeProxyLogs
from bot.collectors.kube_proxy_pods import KubeProxyPods
from bot.dns.api_failure import ApiFailureKind
from bot.dns.call_failure import CallFailure
from bot.domain.evidence import Collector, Gap
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import count
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import EvidenceUnavailable, NotFound
from bot.kubernetes.pods import Pod
from bot.kubernetes.resources import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES
from bot.kubernetes.roles import Binding, Role

_ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedAccount:
    """A ServiceAccount whose calls the API refused, and what it may do in all namespaces."""

    account: str
    """`NAMESPACE/NAME`."""
    roles: tuple[Role, ...]
    unbound: tuple[str, ...] = ()
    """ClusterRoles that bindings name and that do not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedAccounts:
    """The accounts with a 403 in their program's log; none where no log shows one."""

    accounts: tuple[RefusedAccount, ...]
    gaps: tuple[Gap, ...] = ()
    """Roles that could not be read."""

    def find(self, account: str) -> RefusedAccount | None:
        """Return an account by `NAMESPACE/NAME`."""
        return next((one for one in self.accounts if one.account == account), None)


def collect(look: View) -> RefusedAccounts:
    """Read the roles of the accounts that were refused."""
    accounts = sorted({*_of_coredns(look), *_of_kube_proxy(look)})
    if not accounts:
        return RefusedAccounts(accounts=())
    with reading("list ClusterRoleBindings"):
        bindings = look.cluster.list(CLUSTER_ROLE_BINDINGS, Binding.of)
    wanted = {one.role for one in bindings if set(one.accounts) & set(accounts)}
    roles: dict[str, Role] = {}
    gaps: list[Gap] = []
    gone: set[str] = set()
    for name in sorted(wanted):
        try:
            answer = look.cluster.get(CLUSTER_ROLES, name)
            with reading(f"get ClusterRole {name}"):
                roles[name] = Role.of(answer)
        except NotFound:
            gone.add(name)
        except EvidenceUnavailable as error:
            gaps.append(Gap.of(f"ClusterRole {name}", error))
    return RefusedAccounts(
        accounts=tuple(_with_roles(account, bindings, roles, gone) for account in accounts), gaps=tuple(gaps)
    )


def _with_roles(account: str, bindings: Iterable[Binding], roles: dict[str, Role], gone: set[str]) -> RefusedAccount:
    named = sorted({one.role for one in bindings if account in one.accounts})
    return RefusedAccount(
        account=account,
        roles=tuple(roles[name] for name in named if name in roles),
        unbound=tuple(name for name in named if name in gone),
    )


def _of_coredns(look: View) -> set[str]:
    logs, pods = look.find(CorednsLogs), look.find(CorednsPods)
    if logs is None or pods is None:
        return set()
    return _accounts(logs.api_failures(pods, ApiFailureKind.FORBIDDEN), pods.pods)


def _of_kube_proxy(look: View) -> set[str]:
    logs, pods = look.find(KubeProxyLogs), look.find(KubeProxyPods)
    if logs is None or pods is None:
        return set()
    return _accounts(logs.api_failures(ApiFailureKind.FORBIDDEN), pods.pods)


def _accounts(failures: Iterable[CallFailure], pods: Iterable[Pod]) -> set[str]:
    """Return whom the API names, else as whom the pod runs."""
    run_as = {pod.name: f"{pod.namespace}/{pod.service_account or 'default'}" for pod in pods}
    found = set()
    for one in failures:
        named = one.failure.subject.removeprefix(_ACCOUNT)
        found.add(named.replace(":", "/", 1) if named != one.failure.subject else run_as.get(one.pod, ""))
    return found - {""}


def summarise(found: RefusedAccounts) -> str:
    """Say who was refused, and how many roles they have."""
    if not found.accounts:
        return "no 403 in CoreDNS's and kube-proxy's logs"
    return ", ".join(f"{one.account} has {count(len(one.roles), 'ClusterRole')}" for one in found.accounts)


COLLECTOR = Collector(
    name="refused_accounts",
    title="Roles of ServiceAccounts that the API refused",
    evidence=RefusedAccounts,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        KubernetesPermission(
            verb="list",
            resource="clusterrolebindings",
            group="rbac.authorization.k8s.io",
            unlocks="which role CoreDNS or kube-proxy lacks a right in, after a 403",
        ),
        KubernetesPermission(
            verb="get",
            resource="clusterroles",
            group="rbac.authorization.k8s.io",
            unlocks="what that role allows",
        ),
    ),
    wants=(CorednsLogs, CorednsPods, KubeProxyLogs, KubeProxyPods),
)

"""The resource types that this server knows, with the field selectors each supports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
"""An object as the API sends it."""

_EVERYWHERE = frozenset({"metadata.name"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """One resource type: `deployments.apps/v1`."""

    plural: str
    kind: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True
    fields: frozenset[str] = frozenset()
    """Field selectors besides metadata.name and metadata.namespace (page "Field Selectors")."""

    @property
    def api_version(self) -> str:
        """`v1` or `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def full_name(self) -> str:
        """`pods` or `deployments.apps`, as messages name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def selectable(self) -> frozenset[str]:
        """All field labels that a field selector may name."""
        own = _EVERYWHERE | self.fields
        return own | {"metadata.namespace"} if self.namespaced else own


_POD_FIELDS = frozenset(
    {
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    }
)
_EVENT_FIELDS = frozenset(
    {f"involvedObject.{field}" for field in ("kind", "namespace", "name", "uid", "apiVersion", "fieldPath")}
    | {"reason", "reportingComponent", "source", "type"}
)

PODS = ResourceType(plural="pods", kind="Pod", fields=_POD_FIELDS)
NODES = ResourceType(plural="nodes", kind="Node", namespaced=False, fields=frozenset({"spec.unschedulable"}))
NAMESPACES = ResourceType(plural="namespaces", kind="Namespace", namespaced=False, fields=frozenset({"status.phase"}))
SERVICES = ResourceType(plural="services", kind="Service", fields=frozenset({"spec.clusterIP", "spec.type"}))
CONFIG_MAPS = ResourceType(plural="configmaps", kind="ConfigMap")
SERVICE_ACCOUNTS = ResourceType(plural="serviceaccounts", kind="ServiceAccount")
EVENTS = ResourceType(plural="events", kind="Event", fields=_EVENT_FIELDS)
ENDPOINTS = ResourceType(plural="endpoints", kind="Endpoints")
ENDPOINT_SLICES = ResourceType(plural="endpointslices", kind="EndpointSlice", group="discovery.k8s.io")
DEPLOYMENTS = ResourceType(plural="deployments", kind="Deployment", group="apps")
REPLICA_SETS = ResourceType(
    plural="replicasets", kind="ReplicaSet", group="apps", fields=frozenset({"status.replicas"})
)
DAEMON_SETS = ResourceType(plural="daemonsets", kind="DaemonSet", group="apps")
CONTROLLER_REVISIONS = ResourceType(plural="controllerrevisions", kind="ControllerRevision", group="apps")
STATEFUL_SETS = ResourceType(plural="statefulsets", kind="StatefulSet", group="apps")
DISRUPTION_BUDGETS = ResourceType(plural="poddisruptionbudgets", kind="PodDisruptionBudget", group="policy")
NETWORK_POLICIES = ResourceType(plural="networkpolicies", kind="NetworkPolicy", group="networking.k8s.io")
SECURITY_GROUP_POLICIES = ResourceType(
    plural="securitygrouppolicies", kind="SecurityGroupPolicy", group="vpcresources.k8s.aws", version="v1beta1"
)
CLUSTER_ROLES = ResourceType(
    plural="clusterroles", kind="ClusterRole", group="rbac.authorization.k8s.io", namespaced=False
)
CLUSTER_ROLE_BINDINGS = ResourceType(
    plural="clusterrolebindings", kind="ClusterRoleBinding", group="rbac.authorization.k8s.io", namespaced=False
)
ACCESS_REVIEWS = ResourceType(
    plural="selfsubjectaccessreviews", kind="SelfSubjectAccessReview", group="authorization.k8s.io", namespaced=False
)
FLOW_SCHEMAS = ResourceType(
    plural="flowschemas", kind="FlowSchema", group="flowcontrol.apiserver.k8s.io", namespaced=False
)
PRIORITY_LEVELS = ResourceType(
    plural="prioritylevelconfigurations",
    kind="PriorityLevelConfiguration",
    group="flowcontrol.apiserver.k8s.io",
    namespaced=False,
)

STORED = (
    PODS,
    NODES,
    NAMESPACES,
    SERVICES,
    CONFIG_MAPS,
    SERVICE_ACCOUNTS,
    EVENTS,
    ENDPOINTS,
    ENDPOINT_SLICES,
    DEPLOYMENTS,
    REPLICA_SETS,
    DAEMON_SETS,
    CONTROLLER_REVISIONS,
    STATEFUL_SETS,
    DISRUPTION_BUDGETS,
    NETWORK_POLICIES,
    SECURITY_GROUP_POLICIES,
    CLUSTER_ROLES,
    CLUSTER_ROLE_BINDINGS,
    FLOW_SCHEMAS,
    PRIORITY_LEVELS,
)
WITH_GENERATION = (DEPLOYMENTS, REPLICA_SETS, DAEMON_SETS, STATEFUL_SETS, NETWORK_POLICIES)


def find_type(group: str, version: str, plural: str) -> ResourceType | None:
    """Return the type served at this path, or None."""
    for candidate in (*STORED, ACCESS_REVIEWS):
        if (candidate.group, candidate.version, candidate.plural) == (group, version, plural):
            return candidate
    return None


def type_of(document: Json) -> ResourceType | None:
    """Return the type that a whole object is of, by its apiVersion and kind."""
    for candidate in STORED:
        if (candidate.api_version, candidate.kind) == (document.get("apiVersion"), document.get("kind")):
            return candidate
    return None

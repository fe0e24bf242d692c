"""The Kubernetes resources that the bot reads or changes, and the namespace of the cluster's own programs."""

from __future__ import annotations

from bot.domain.ports import Resource

KUBE_SYSTEM = "kube-system"
"""Where CoreDNS, kube-proxy and the other add-ons run."""
COREDNS_PODS = "k8s-app=kube-dns"
"""Label of CoreDNS's pods and selector of the DNS service: the name of what CoreDNS came after."""
KUBE_PROXY_PODS = "k8s-app=kube-proxy"
"""Label of kube-proxy's pods."""

CONFIG_MAPS = Resource(plural="configmaps")
EVENTS = Resource(plural="events")
NAMESPACES = Resource(plural="namespaces")
NODES = Resource(plural="nodes")
PODS = Resource(plural="pods")
SERVICES = Resource(plural="services")
SERVICE_ACCOUNTS = Resource(plural="serviceaccounts")

CONTROLLER_REVISIONS = Resource(group="apps", plural="controllerrevisions")
DAEMON_SETS = Resource(group="apps", plural="daemonsets")
DEPLOYMENTS = Resource(group="apps", plural="deployments")
REPLICA_SETS = Resource(group="apps", plural="replicasets")
STATEFUL_SETS = Resource(group="apps", plural="statefulsets")

CLUSTER_ROLES = Resource(group="rbac.authorization.k8s.io", plural="clusterroles")
CLUSTER_ROLE_BINDINGS = Resource(group="rbac.authorization.k8s.io", plural="clusterrolebindings")
ENDPOINT_SLICES = Resource(group="discovery.k8s.io", plural="endpointslices")
NETWORK_POLICIES = Resource(group="networking.k8s.io", plural="networkpolicies")
DISRUPTION_BUDGETS = Resource(group="policy", plural="poddisruptionbudgets")
SECURITY_GROUP_POLICIES = Resource(group="vpcresources.k8s.aws", version="v1beta1", plural="securitygrouppolicies")

"""The REST paths of the EKS API that the sandbox serves."""

from __future__ import annotations

import re
from urllib.parse import unquote

_NAME = r"(?P<name>[^/]+)"

_ROUTES = tuple(
    (method, re.compile(f"{pattern}/?"), action)
    for method, pattern, action in (
        ("GET", "/clusters", "ListClusters"),
        ("POST", "/clusters", "CreateCluster"),
        ("GET", f"/clusters/{_NAME}", "DescribeCluster"),
        ("DELETE", f"/clusters/{_NAME}", "DeleteCluster"),
        ("POST", f"/clusters/{_NAME}/update-config", "UpdateClusterConfig"),
        ("GET", f"/clusters/{_NAME}/updates", "ListUpdates"),
        ("GET", f"/clusters/{_NAME}/updates/(?P<item>[^/]+)", "DescribeUpdate"),
        ("GET", f"/clusters/{_NAME}/addons", "ListAddons"),
        ("POST", f"/clusters/{_NAME}/addons", "CreateAddon"),
        ("GET", f"/clusters/{_NAME}/addons/(?P<item>[^/]+)", "DescribeAddon"),
        ("DELETE", f"/clusters/{_NAME}/addons/(?P<item>[^/]+)", "DeleteAddon"),
        ("POST", f"/clusters/{_NAME}/addons/(?P<item>[^/]+)/update", "UpdateAddon"),
        ("GET", f"/clusters/{_NAME}/node-groups", "ListNodegroups"),
        ("POST", f"/clusters/{_NAME}/node-groups", "CreateNodegroup"),
        ("GET", f"/clusters/{_NAME}/node-groups/(?P<item>[^/]+)", "DescribeNodegroup"),
        ("DELETE", f"/clusters/{_NAME}/node-groups/(?P<item>[^/]+)", "DeleteNodegroup"),
        ("GET", f"/clusters/{_NAME}/fargate-profiles", "ListFargateProfiles"),
        ("POST", f"/clusters/{_NAME}/fargate-profiles", "CreateFargateProfile"),
        ("GET", f"/clusters/{_NAME}/fargate-profiles/(?P<item>[^/]+)", "DescribeFargateProfile"),
    )
)


def eks_action(method: str, path: str) -> str:
    """Return the operation that this request names, or an empty string."""
    return next((action for verb, route, action in _ROUTES if verb == method and route.fullmatch(path)), "")


def eks_names(path: str) -> tuple[str, str]:
    """Return the cluster's name and the item's (add-on, node group, update) from the path; empty where absent."""
    for _, route, _ in _ROUTES:
        found = route.fullmatch(path)
        if found:
            names = found.groupdict()
            return unquote(names.get("name") or ""), unquote(names.get("item") or "")
    return "", ""

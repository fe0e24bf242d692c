"""EKS, written here: moto has no add-ons, no cluster security group, one endpoint for all clusters.

Sources: EKS API Reference; EKS User Guide, "View Amazon EKS security group requirements for clusters".
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from moto.moto_api._internal import mock_random

from bot.sandbox.aws.answers import Answer, error_answer, json_answer, not_implemented_answer
from bot.sandbox.aws.eks_cluster import EksError, new_cluster
from bot.sandbox.aws.eks_routes import eks_names
from bot.sandbox.aws.requests import Call

_ADDON_VERSIONS = {"coredns": "v1.11.4-eksbuild.2", "kube-proxy": "v1.32.0-eksbuild.2", "vpc-cni": "v1.19.2-eksbuild.1"}


def _missing(what: str) -> EksError:
    return EksError("ResourceNotFoundException", what, 404)


class Eks:
    """All clusters, by account, region and name."""

    def __init__(self) -> None:
        self.clusters: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
        self._items: dict[tuple[str, str, str, str], dict[str, dict[str, Any]]] = {}
        self._operations: dict[str, Callable[[str, Call, dict[str, Any]], dict[str, Any]]] = {
            "ListClusters": self._list_clusters,
            "CreateCluster": self._create_cluster,
            "DescribeCluster": self._describe_cluster,
            "DeleteCluster": self._delete_cluster,
            "UpdateClusterConfig": self._update_config,
            "ListUpdates": self._list_items("updates", "updateIds"),
            "DescribeUpdate": self._describe_item("updates", "update", "No update found for ID"),
            "ListAddons": self._list_items("addons", "addons"),
            "CreateAddon": self._create_addon,
            "DescribeAddon": self._describe_item("addons", "addon", "No addon"),
            "DeleteAddon": self._delete_item("addons", "addon", "No addon"),
            "UpdateAddon": self._update_addon,
            "ListNodegroups": self._list_items("node-groups", "nodegroups"),
            "CreateNodegroup": self._create_nodegroup,
            "DescribeNodegroup": self._describe_item("node-groups", "nodegroup", "No node group found for name"),
            "DeleteNodegroup": self._delete_item("node-groups", "nodegroup", "No node group found for name"),
            "ListFargateProfiles": self._list_items("fargate-profiles", "fargateProfileNames"),
            "CreateFargateProfile": self._create_fargate_profile,
            "DescribeFargateProfile": self._describe_item(
                "fargate-profiles", "fargateProfile", "No Fargate Profile found with name"
            ),
        }

    def answer(self, account: str, call: Call) -> Answer:
        """Answer one call in EKS's protocol."""
        operation = self._operations.get(call.operation)
        if operation is None:
            return not_implemented_answer(call)
        try:
            asked = json.loads(call.body or b"{}")
            return json_answer(operation(account, call, asked))
        except EksError as error:
            return error_answer(call, code=error.code, message=error.message, status=error.status)
        except (KeyError, ValueError) as error:
            message = f"{call.operation}: missing or malformed {error}"
            return error_answer(call, code="InvalidParameterException", message=message, status=400)

    def merge(self, account: str, region: str, name: str, members: dict[str, Any]) -> dict[str, Any]:
        """Set members of a cluster as its description shows them; `resourcesVpcConfig` is merged one level deep."""
        cluster = self._cluster(account, region, name)
        for key, value in members.items():
            if isinstance(value, dict) and isinstance(cluster.get(key), dict):
                cluster[key] = {**cluster[key], **value}
            else:
                cluster[key] = value
        return cluster

    def merge_item(
        self, account: str, region: str, name: str, kind: str, item: str, members: dict[str, Any]
    ) -> dict[str, Any]:
        """Set members of an add-on, node group or Fargate profile as its description shows them."""
        self._cluster(account, region, name)
        items = self._items.setdefault((account, region, name, kind), {})
        if item not in items:
            raise _missing(f"No {kind} item found for name: {item}")
        items[item] |= members
        return items[item]

    def _cluster(self, account: str, region: str, name: str) -> dict[str, Any]:
        try:
            return self.clusters[account, region][name]
        except KeyError:
            raise _missing(f"No cluster found for name: {name}.") from None

    def _list_clusters(self, account: str, call: Call, asked: dict[str, Any]) -> dict[str, Any]:
        del asked
        return _page(sorted(self.clusters.get((account, call.region), {})), "clusters", call)

    def _create_cluster(self, account: str, call: Call, asked: dict[str, Any]) -> dict[str, Any]:
        name, region = asked["name"], call.region
        if name in self.clusters.get((account, region), {}):
            raise EksError("ResourceInUseException", f"Cluster already exists with name: {name}", 409)
        cluster = new_cluster(account, region, asked)
        self.clusters.setdefault((account, region), {})[name] = cluster
        return {"cluster": cluster}

    def _describe_cluster(self, account: str, call: Call, asked: dict[str, Any]) -> dict[str, Any]:
        del asked
        return {"cluster": self._cluster(account, call.region, eks_names(call.path)[0])}

    def _delete_cluster(self, account: str, call: Call, asked: dict[str, Any]) -> dict[str, Any]:
        del asked
        name = eks_names(call.path)[0]
        cluster = self._cluster(account, call.region, name)
        del self.clusters[account, call.region][name]
        return {"cluster": {**cluster, "status": "DELETING"}}

    def _update_config(self, account: str, call: Call, asked: dict[str, Any]) -> dict[str, Any]:
        name = eks_names(call.path)[0]
        self._cluster(account, call.region, name)
        changed: dict[str, Any] = {key: asked[key] for key in ("resourcesVpcConfig", "logging") if key in asked}
        self.merge(account, call.region, name, changed)
        return self._update(account, call, "EndpointAccessUpdate")

    def _update(self, account: str, call: Call, kind: str) -> dict[str, Any]:
        update_id = str(mock_random.uuid4())
        update = {
            "id": update_id,
            "status": "Successful",
            "type": kind,
            "params": [],
            "createdAt": time.time(),
            "errors": [],
        }
        self._items.setdefault((account, call.region, eks_names(call.path)[0], "updates"), {})[update_id] = update
        return {"update": update}

    def _create_addon(self, account: str, call: Call, asked: dict[str, Any]) -> dict[str, Any]:
        name, region, addon = eks_names(call.path)[0], call.region, asked["addonName"]
        created = {
            "addonName": addon,
            "clusterName": name,
            "status": "ACTIVE",
            "addonVersion": asked.get("addonVersion") or _ADDON_VERSIONS.get(addon, "v1.0.0-eksbuild.1"),
            "health": {"issues": []},
            "addonArn": f"arn:aws:eks:{region}:{account}:addon/{name}/{addon}/{mock_random.uuid4()}",
            "createdAt": time.time(),
            "modifiedAt": time.time(),
            "tags": asked.get("tags", {}),
        }
        if asked.get("configurationValues"):
            created["configurationValues"] = asked["configurationValues"]
        return {"addon": self._add(account, call, "addons", addon, created)}

    def _update_addon(self, account: str, call: Call, asked: dict[str, Any]) -> dict[str, Any]:
        name, addon = eks_names(call.path)
        changed: dict[str, Any] = {key: asked[key] for key in ("addonVersion", "configurationValues") if key in asked}
        self.merge_item(account, call.region, name, "addons", addon, {**changed, "modifiedAt": time.time()})
        return self._update(account, call, "AddonUpdate")

    def _create_nodegroup(self, account: str, call: Call, asked: dict[str, Any]) -> dict[str, Any]:
        cluster, name = eks_names(call.path)[0], asked["nodegroupName"]
        version = self._cluster(account, call.region, cluster)["version"]
        created = {
            "nodegroupName": name,
            "nodegroupArn": f"arn:aws:eks:{call.region}:{account}:nodegroup/{cluster}/{name}/{mock_random.uuid4()}",
            "clusterName": cluster,
            "version": version,
            "releaseVersion": f"{version}.0-20251101",
            "createdAt": time.time(),
            "modifiedAt": time.time(),
            "status": "ACTIVE",
            "capacityType": asked.get("capacityType", "ON_DEMAND"),
            "scalingConfig": asked.get("scalingConfig", {"minSize": 2, "maxSize": 2, "desiredSize": 2}),
            "instanceTypes": asked.get("instanceTypes", ["m5.large"]),
            "subnets": asked["subnets"],
            "amiType": asked.get("amiType", "AL2023_x86_64_STANDARD"),
            "nodeRole": asked["nodeRole"],
            "labels": asked.get("labels", {}),
            "taints": asked.get("taints", []),
            "resources": {"autoScalingGroups": [{"name": f"eks-{name}-{mock_random.uuid4()}"}]},
            "health": {"issues": []},
            "tags": asked.get("tags", {}),
        }
        return {"nodegroup": self._add(account, call, "node-groups", name, created)}

    def _create_fargate_profile(self, account: str, call: Call, asked: dict[str, Any]) -> dict[str, Any]:
        cluster, name = eks_names(call.path)[0], asked["fargateProfileName"]
        prefix = f"arn:aws:eks:{call.region}:{account}:fargateprofile"
        created = {
            "fargateProfileName": name,
            "fargateProfileArn": f"{prefix}/{cluster}/{name}/{mock_random.uuid4()}",
            "clusterName": cluster,
            "createdAt": time.time(),
            "podExecutionRoleArn": asked["podExecutionRoleArn"],
            "subnets": asked.get("subnets", []),
            "selectors": asked.get("selectors", []),
            "status": "ACTIVE",
            "tags": asked.get("tags", {}),
        }
        return {"fargateProfile": self._add(account, call, "fargate-profiles", name, created)}

    def _add(self, account: str, call: Call, kind: str, name: str, created: dict[str, Any]) -> dict[str, Any]:
        cluster = eks_names(call.path)[0]
        self._cluster(account, call.region, cluster)
        items = self._items.setdefault((account, call.region, cluster, kind), {})
        if name in items:
            raise EksError("ResourceInUseException", f"{name} already exists in cluster {cluster}", 409)
        items[name] = created
        return created

    def _list_items(self, kind: str, member: str) -> Callable[[str, Call, dict[str, Any]], dict[str, Any]]:
        def listed(account: str, call: Call, asked: dict[str, Any]) -> dict[str, Any]:
            del asked
            name = eks_names(call.path)[0]
            self._cluster(account, call.region, name)
            return _page(sorted(self._items.get((account, call.region, name, kind), {})), member, call)

        return listed

    def _describe_item(
        self, kind: str, member: str, missing: str
    ) -> Callable[[str, Call, dict[str, Any]], dict[str, Any]]:
        def described(account: str, call: Call, asked: dict[str, Any]) -> dict[str, Any]:
            del asked
            cluster, name = eks_names(call.path)
            self._cluster(account, call.region, cluster)
            items = self._items.get((account, call.region, cluster, kind), {})
            if name not in items:
                raise _missing(f"{missing}: {name}")
            return {member: items[name]}

        return described

    def _delete_item(
        self, kind: str, member: str, missing: str
    ) -> Callable[[str, Call, dict[str, Any]], dict[str, Any]]:
        describe = self._describe_item(kind, member, missing)

        def deleted(account: str, call: Call, asked: dict[str, Any]) -> dict[str, Any]:
            found = describe(account, call, asked)
            cluster, name = eks_names(call.path)
            del self._items[account, call.region, cluster, kind][name]
            return {member: {**found[member], "status": "DELETING"}}

        return deleted


def _page(names: list[str], member: str, call: Call) -> dict[str, Any]:
    size = int(call.query.get("maxResults", 100))
    start = int(call.query.get("nextToken", 0))
    token = {"nextToken": str(start + size)} if start + size < len(names) else {}
    return {member: names[start : start + size], **token}

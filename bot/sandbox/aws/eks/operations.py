"""The operations of EKS. Sources: EKS API Reference; EKS User Guide, "Updating an Amazon EKS add-on"."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from moto.moto_api._internal import mock_random

from bot.sandbox.aws.api_models import Asked
from bot.sandbox.aws.eks import addon_configuration as configuration
from bot.sandbox.aws.eks.cluster_store import ClusterStore, merge, missing, refuse_moving, taken
from bot.sandbox.aws.eks.kinds import ADDON, ADDON_VERSIONS, CLUSTER, KINDS, Document, Kind
from bot.sandbox.aws.eks.new_cluster import new_cluster
from bot.sandbox.aws.json_pages import page
from bot.sandbox.aws.life_cycle import Phase
from bot.sandbox.aws.requests import Call
from bot.sandbox.aws.service import Cloud, Operation
from bot.sandbox.world.world import ACCOUNT, REGION

_UPDATES = "updates"
_PAGE = 100
_KUBERNETES = "1.32"


class Eks:
    """All clusters."""

    def __init__(self, cloud: Cloud) -> None:
        self._clock = cloud.clock
        self._store = ClusterStore(cloud.changes)
        self._by_others: dict[tuple[str, str], dict[str, str]] = {}
        """Variables that others than EKS have set in an add-on's objects, by cluster and add-on."""
        self._refused: dict[tuple[str, str], str] = {}
        """What the cluster's API server says where it refuses EKS an add-on's objects, by cluster and add-on."""

    def operations(self) -> dict[str, Operation]:
        """Return all operations by name."""
        return {
            "ListClusters": self._list_clusters,
            "CreateCluster": self._create_cluster,
            "DescribeCluster": self._describe_cluster,
            "DeleteCluster": self._delete_cluster,
            "UpdateClusterConfig": self._update_config,
            "UpdateAddon": self._update_addon,
            "DescribeAddonConfiguration": self._describe_addon_configuration,
            "DescribeAddonVersions": self._describe_addon_versions,
            "ListUpdates": self._list_updates,
            "DescribeUpdate": self._describe_update,
            **{f"List{kind.operation}s": partial(self._list_items, kind) for kind in KINDS},
            **{f"Create{kind.operation}": partial(self._create_item, kind) for kind in KINDS},
            **{f"Describe{kind.operation}": partial(self._describe_item, kind) for kind in KINDS},
            **{f"Delete{kind.operation}": partial(self._delete_item, kind) for kind in KINDS},
        }

    def put(self, names: list[str], document: Document) -> Document:
        """Set members of a cluster, or of what belongs to it, as its description shows them.

        PUT /sandbox/eks/clusters/NAME {"account"?, "region"?, …}, …/NAME/addons/ADDON, …/NAME/node-groups/GROUP;
        …/NAME/addons/ADDON/changed-by-others {variable: value} says what others have set in the add-on's objects;
        …/NAME/addons/ADDON/refused {"message"} what the cluster answers EKS there, empty where it lets it.
        """
        account, region = document.pop("account", ACCOUNT), document.pop("region", REGION)
        _, name, *item = names
        if not item:
            return merge(self._store.cluster(account, region, name), document)
        kind, item_name, *own = item
        if own == ["changed-by-others"]:
            self._by_others[name, item_name] = document
            return document
        if own == ["refused"]:
            self._refused[name, item_name] = document["message"]
            return document
        items = self._store.items(account, region, name, kind)
        if item_name not in items:
            raise missing(f"No {kind} item found for name: {item_name}")
        return merge(items[item_name], document)

    def _list_clusters(self, call: Call, asked: Asked) -> Document:
        return _listed("clusters", self._store.clusters(call.account, call.region), asked)

    def _create_cluster(self, call: Call, asked: Asked) -> Document:
        name, clusters = asked["name"], self._store.clusters(call.account, call.region)
        if name in clusters:
            raise taken(f"Cluster already exists with name: {name}")
        cluster = new_cluster(call.account, call.region, asked) | {"createdAt": self._clock.stamp()}
        clusters[name] = cluster
        self._store.change(call, CLUSTER.create, cluster)
        return {"cluster": cluster}

    def _describe_cluster(self, call: Call, asked: Asked) -> Document:
        return {"cluster": self._store.cluster(call.account, call.region, asked["name"])}

    def _delete_cluster(self, call: Call, asked: Asked) -> Document:
        name = asked["name"]
        cluster = self._store.cluster(call.account, call.region, name)
        refuse_moving(cluster, f"Cluster {name}", "deleted")
        gone = partial(self._store.forget, call.account, call.region, name)
        self._store.change(call, CLUSTER.delete, cluster, done=gone)
        return {"cluster": cluster}

    def _update_config(self, call: Call, asked: Asked) -> Document:
        cluster = self._store.cluster(call.account, call.region, asked["name"])
        members = ("resourcesVpcConfig", "logging", "computeConfig", "storageConfig", "kubernetesNetworkConfig")
        changed: Document = {key: asked[key] for key in members if key in asked}
        refuse_moving(cluster, f"Cluster {asked['name']}", "updated")
        kind = "AutoModeUpdate" if "computeConfig" in asked else "EndpointAccessUpdate"
        return self._update(call, kind, CLUSTER.update, cluster, asked["name"], changed)

    def _update_addon(self, call: Call, asked: Asked) -> Document:
        addon = self._item(ADDON, call, asked)
        name, cluster = asked["addonName"], asked["clusterName"]
        refuse_moving(addon, f"Addon {name}", "updated")
        changed: Document = {key: asked[key] for key in ("addonVersion", "configurationValues") if key in asked}
        wanted = {**addon, **changed}
        values = wanted.get("configurationValues", "")
        configuration.check(name, wanted["addonVersion"], values)
        kept = asked.get("resolveConflicts", "NONE") == "NONE"
        conflict = configuration.conflict(name, values, self._by_others.get((cluster, name), {})) if kept else ""
        issues = self._refusals(cluster, name) or ([_issue(configuration.CONFLICT, conflict)] if conflict else [])
        return self._update(call, "AddonUpdate", ADDON.life.update, addon, cluster, changed, issues=issues)

    def _describe_addon_configuration(self, call: Call, asked: Asked) -> Document:
        del call
        name, version = asked["addonName"], asked["addonVersion"]
        schema = json.dumps(configuration.schema_of(name, version))
        return {"addonName": name, "addonVersion": version, "configurationSchema": schema}

    def _describe_addon_versions(self, call: Call, asked: Asked) -> Document:
        """Describe all in one page, the newest first, as for each version of Kubernetes that is asked about."""
        del call
        kubernetes = asked.get("kubernetesVersion", _KUBERNETES)
        named = [name for name in ADDON_VERSIONS if asked.get("addonName", name) == name]
        if not named:
            raise missing(f"Addon {asked['addonName']} specified is not supported")

        def described(name: str) -> list[Document]:
            return [
                {
                    "addonVersion": version,
                    "architecture": ["amd64", "arm64"],
                    "compatibilities": [
                        {"clusterVersion": kubernetes, "platformVersions": ["*"], "defaultVersion": index == 0}
                    ],
                }
                for index, version in reversed(list(enumerate(ADDON_VERSIONS[name])))
            ]

        return {
            "addons": [
                {"addonName": name, "type": "networking", "addonVersions": described(name), "publisher": "eks"}
                for name in named
            ]
        }

    def _update(  # what is updated, from what to what, and what stands against it
        self,
        call: Call,
        kind: str,
        phase: Phase,
        updated: Document,
        cluster: str,
        changed: Document,
        *,
        issues: Sequence[Document] = (),
    ) -> Document:
        """Begin an update; what it changes is in force once it has succeeded, and not where an issue stops it."""
        update: Document = {
            "id": str(mock_random.uuid4()),
            "type": kind,
            "params": [],
            "createdAt": self._clock.stamp(),
        }
        of_addon = {"addonName": updated["addonName"]} if "addonName" in updated else {}
        self._updates(call, {"name": cluster, **of_addon})[update["id"]] = update

        def told(status: str, message: str) -> None:
            found = [_issue("Unknown", message)] if message else [] if status == phase.during else issues
            update["status"] = "InProgress" if status == phase.during else "Failed" if found else "Successful"
            update["errors"] = [
                {"errorCode": one["code"], "errorMessage": one["message"], "resourceIds": []} for one in found
            ]

        def done() -> None:
            merge(updated, {"health": {"issues": list(issues)}} if issues else changed)
            updated["modifiedAt"] = self._clock.stamp()

        ends = replace(phase, after=phase.failed) if issues else phase
        self._store.change(call, ends, updated, done=done, told=told)
        return {"update": update}

    def _list_updates(self, call: Call, asked: Asked) -> Document:
        return _listed("updateIds", self._updates(call, asked), asked)

    def _describe_update(self, call: Call, asked: Asked) -> Document:
        found = self._updates(call, asked).get(asked["updateId"])
        if found is None:
            raise missing(f"No update found for ID: {asked['updateId']}")
        return {"update": found}

    def _updates(self, call: Call, asked: Asked) -> dict[str, Document]:
        """Return the updates by id of what is asked about: of an add-on where it is named, else of the cluster."""
        of_addon = f"/{asked['addonName']}" if asked.get("addonName") else ""
        return self._store.items(call.account, call.region, asked["name"], f"{_UPDATES}{of_addon}")

    def _item(self, kind: Kind, call: Call, asked: Asked) -> Document:
        items = self._store.items(call.account, call.region, asked["clusterName"], kind.path)
        name = asked[kind.name_member]
        if name not in items:
            raise missing(f"{kind.missing}: {name}")
        return items[name]

    def _list_items(self, kind: Kind, call: Call, asked: Asked) -> Document:
        held = self._store.items(call.account, call.region, asked["clusterName"], kind.path)
        return _listed(kind.listed_as, held, asked)

    def _describe_item(self, kind: Kind, call: Call, asked: Asked) -> Document:
        item = self._item(kind, call, asked)
        return {kind.member: self._watched(item) if kind is ADDON else item}

    def _watched(self, addon: Document) -> Document:
        """Return an add-on as EKS describes it, which watches whether it may do its work in the cluster."""
        held = addon["health"]["issues"]
        refusals = [one for one in self._refusals(addon["clusterName"], addon["addonName"]) if one not in held]
        if not refusals:
            return addon
        status = "DEGRADED" if addon["status"] == "ACTIVE" else addon["status"]
        return {**addon, "status": status, "health": {"issues": [*held, *refusals]}}

    def _refusals(self, cluster: str, addon: str) -> list[Document]:
        message = self._refused.get((cluster, addon), "")
        return [_issue("AccessDenied", message)] if message else []

    def _create_item(self, kind: Kind, call: Call, asked: Asked) -> Document:
        cluster, name = asked["clusterName"], asked[kind.name_member]
        items = self._store.items(call.account, call.region, cluster, kind.path)
        if name in items:
            raise taken(f"{name} already exists in cluster {cluster}")
        now = self._clock.stamp()
        created = kind.new(call, self._store.cluster(call.account, call.region, cluster), asked) | {
            kind.name_member: name,
            "clusterName": cluster,
            "createdAt": now,
            "modifiedAt": now,
            "health": {"issues": []},
            "tags": asked.get("tags", {}),
        }
        items[name] = created
        self._store.change(call, kind.life.create, created)
        return {kind.member: created}

    def _delete_item(self, kind: Kind, call: Call, asked: Asked) -> Document:
        name, found = asked[kind.name_member], self._item(kind, call, asked)
        refuse_moving(found, name, "deleted")
        items = self._store.items(call.account, call.region, asked["clusterName"], kind.path)
        self._store.change(call, kind.life.delete, found, done=partial(items.pop, name))
        return {kind.member: found}


def _issue(code: str, message: str) -> Document:
    return {"code": code, "message": message, "resourceIds": []}


def _listed(member: str, held: Mapping[str, Document], asked: Asked) -> Document:
    names, token = page(sorted(held), asked.get("maxResults", _PAGE), asked.get("nextToken", ""))
    return {member: names, **({"nextToken": token} if token else {})}

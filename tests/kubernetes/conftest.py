"""A pod, a node, a DaemonSet and an event with all members that are read, as the API gives them."""

from __future__ import annotations

from copy import deepcopy

import pytest

from bot.domain.json_values import RawObject

POD: RawObject = {
    "metadata": {
        "namespace": "shop",
        "name": "web-5d-x",
        "uid": "uid-1",
        "creationTimestamp": "2026-11-20T08:59:00Z",
        "labels": {"app": "web", "pod-template-hash": "5d"},
        "annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-19T08:00:00Z"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "web-5d", "uid": "uid-rs", "controller": True}],
    },
    "spec": {
        "nodeName": "node-1",
        "serviceAccountName": "web",
        "dnsPolicy": "None",
        "dnsConfig": {"nameservers": ["10.9.9.9"]},
        "hostNetwork": True,
        "containers": [
            {"name": "proxy", "image": "registry/proxy:1"},
            {
                "name": "app",
                "image": "registry/app:2",
                "resources": {"limits": {"memory": "170Mi"}},
                "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}},
            },
        ],
    },
    "status": {
        "phase": "Running",
        "podIP": "10.0.1.20",
        "conditions": [
            {"type": "PodScheduled", "status": "True"},
            {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-20T09:00:10Z"},
        ],
        "containerStatuses": [
            {"name": "proxy", "ready": True, "restartCount": 0, "state": {"running": {}}},
            {
                "name": "app",
                "ready": True,
                "restartCount": 7,
                "state": {"running": {"startedAt": "2026-11-20T09:00:00Z"}},
                "lastState": {
                    "terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2026-11-20T08:59:59Z"}
                },
            },
        ],
    },
}
NODE: RawObject = {
    "metadata": {
        "name": "node-1",
        "labels": {
            "eks.amazonaws.com/nodegroup": "blue",
            "topology.kubernetes.io/zone": "eu-west-1a",
            "kubernetes.io/os": "windows",
        },
    },
    "spec": {
        "providerID": "aws:///eu-west-1a/i-1",
        "taints": [{"key": "dedicated", "value": "dns", "effect": "NoSchedule"}],
    },
    "status": {
        "addresses": [
            {"type": "InternalIP", "address": "10.0.1.5"},
            {"type": "InternalIP", "address": "10.0.1.6"},
            {"type": "Hostname", "address": "node-1"},
        ],
        "conditions": [{"type": "Ready", "status": "True"}],
    },
}
DAEMON_SET: RawObject = {
    "metadata": {"name": "aws-node", "generation": 4},
    "spec": {
        "template": {
            "metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-19T08:00:00Z"}},
            "spec": {
                "containers": [
                    {
                        "name": "aws-node",
                        "env": [
                            {"name": "ENABLE_POD_ENI", "value": "true"},
                            {"name": "EMPTY"},
                            {"name": "MY_NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
                        ],
                    }
                ]
            },
        },
    },
    "status": {
        "observedGeneration": 4,
        "desiredNumberScheduled": 3,
        "updatedNumberScheduled": 3,
        "numberReady": 3,
    },
}
EVENT: RawObject = {
    "metadata": {"creationTimestamp": "2026-11-21T08:00:00Z"},
    "reason": "BackOff",
    "message": "Back-off restarting failed container",
    "count": 30,
    "lastTimestamp": "2026-11-21T08:59:00Z",
    "series": {"count": 31, "lastObservedTime": "2026-11-21T08:59:30.123456Z"},
}


@pytest.fixture
def pod() -> RawObject:
    """A pod of a Deployment; its second container was restarted for its memory."""
    return deepcopy(POD)


@pytest.fixture
def node() -> RawObject:
    """A node of an EKS node group."""
    return deepcopy(NODE)


@pytest.fixture
def daemon_set() -> RawObject:
    """The DaemonSet aws-node, rolled out on three nodes."""
    return deepcopy(DAEMON_SET)


@pytest.fixture
def event() -> RawObject:
    """An event that was seen 31 times."""
    return deepcopy(EVENT)


@pytest.fixture(scope="session")
def answers() -> dict[str, RawObject]:
    """All of them by name, not to be changed."""
    return {"pod": POD, "node": NODE, "daemon set": DAEMON_SET, "event": EVENT}

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.chart import CHART, NAMESPACE, RELEASE, VALUE_SETS, render, values_file
from lab.contract.far_end import eventually
from lab.control_plane import ADMIN, ControlPlane
from lab.kubernetes_api import ApiRefused
from lab.namespaces import Run, joined
from lab.programs import Programs, built_programs

DEPLOY = CHART.parent
RESTRICTED, INSTALLED = "restricted", "installed"
"""Namespaces: one that enforces the profile, one that helm installs into (the dry runs go to the release's own)."""
Pod = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A real API server, and helm and kubectl that speak to it as its administrator."""

    programs: Programs
    plane: ControlPlane
    netns: str
    kubeconfig: Path

    def run(self, program: str, *arguments: str, documents: Sequence[Any] = ()) -> subprocess.CompletedProcess[str]:
        """Run helm or kubectl; `documents` go to standard input."""
        command = [self.programs.path(program), "--kubeconfig", str(self.kubeconfig), *arguments]
        given = yaml.safe_dump_all(documents)
        with joined(self.netns):
            return subprocess.run(command, input=given, capture_output=True, text=True, check=False)

    def call(self, method: str, path: str, document: object = None) -> Any:
        """Call the API server as its administrator."""
        with joined(self.netns):
            return self.plane.api(ADMIN).call(method, path, document)

    def may(self, group: str, verb: str, resource: str, namespace: str = "", name: str = "") -> bool:
        """Return whether somebody who is only a member of `group` may do this."""
        plural, _, api_group = resource.partition(".")
        plural, _, subresource = plural.partition("/")
        attributes = {"verb": verb, "resource": plural, "subresource": subresource, "group": api_group}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": "arn:aws:sts::111122223333:assumed-role/dnsbot-read/dnsbot-read",
                "groups": [group],
                "resourceAttributes": {**attributes, "namespace": namespace, "name": name},
            },
        }
        answer = self.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
        return bool(answer["status"]["allowed"])


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A control plane without nodes, in a network namespace of its own."""
    programs = built_programs()
    with Run() as run, ExitStack() as stack:
        netns = run.netns("deploy")
        with joined(netns):
            plane = stack.enter_context(ControlPlane(run, netns, programs))
        kubeconfig = run.directory / "admin.yaml"
        kubeconfig.write_text(plane.kubeconfig(("admin", ADMIN)))
        one = Cluster(programs=programs, plane=plane, netns=netns, kubeconfig=kubeconfig)
        for name in (NAMESPACE, INSTALLED, "shop", "checkout"):
            one.call("POST", "/api/v1/namespaces", _namespace(name))
        enforced = {"pod-security.kubernetes.io/enforce": "restricted"}
        one.call("POST", "/api/v1/namespaces", _namespace(RESTRICTED, enforced))
        yield one


def _namespace(name: str, labels: dict[str, str] | None = None) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels or {}}}


def _dry_run(cluster: Cluster, documents: Sequence[Any]) -> subprocess.CompletedProcess[str]:
    return cluster.run("kubectl", "apply", "--dry-run=server", "-o", "name", "-f", "-", documents=documents)


def _pod_of(cluster: Cluster, value_set: str) -> Pod:
    (deployment,) = [one for one in render(cluster.programs, value_set) if one["kind"] == "Deployment"]
    template = deployment["spec"]["template"]
    metadata = {**template["metadata"], "name": value_set, "namespace": RESTRICTED}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


@pytest.mark.parametrize("value_set", VALUE_SETS)
def test_every_rendered_object_is_accepted(cluster: Cluster, value_set: str) -> None:
    """The real API server takes each one in a server-side dry run, with unknown fields refused."""
    objects = render(cluster.programs, value_set)

    done = _dry_run(cluster, objects)

    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == len(objects)
    assert "Warning" not in done.stderr


@pytest.mark.parametrize("name", sorted(path.stem for path in (DEPLOY / "rbac").glob("*.yaml")))
def test_files_for_further_clusters_are_accepted(cluster: Cluster, name: str) -> None:
    """`kubectl apply -f deploy/rbac` works without helm."""
    done = cluster.run("kubectl", "apply", "--dry-run=server", "-f", str(DEPLOY / "rbac" / f"{name}.yaml"))

    assert done.returncode == 0, done.stderr


def test_a_misspelt_field_is_refused(cluster: Cluster) -> None:
    """The dry run that accepts the chart is one that can say no."""
    objects = render(cluster.programs, "socket-mode-sqlite")
    (deployment,) = [one for one in objects if one["kind"] == "Deployment"]
    deployment["spec"]["template"]["spec"]["dnsPolcy"] = "Default"

    done = _dry_run(cluster, objects)

    assert done.returncode == 1
    assert 'unknown field "spec.template.spec.dnsPolcy"' in done.stderr


@pytest.mark.parametrize("value_set", VALUE_SETS)
def test_pod_is_admitted_where_restricted_is_enforced(cluster: Cluster, value_set: str) -> None:
    """The pod template, sent as a Pod, is stored in a namespace that enforces the `restricted` profile."""
    made = cluster.call("POST", f"/api/v1/namespaces/{RESTRICTED}/pods", _pod_of(cluster, value_set))

    assert made["metadata"]["uid"]
    assert made["spec"]["dnsPolicy"] == "Default"


def _run_as_root(pod: Pod) -> None:
    pod["spec"]["securityContext"]["runAsUser"] = 0


def _escalate(pod: Pod) -> None:
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True


def _keep_capabilities(pod: Pod) -> None:
    del pod["spec"]["containers"][0]["securityContext"]["capabilities"]


def _any_system_call(pod: Pod) -> None:
    del pod["spec"]["securityContext"]["seccompProfile"]


def _host_network(pod: Pod) -> None:
    pod["spec"]["hostNetwork"] = True
    pod["spec"]["containers"][0]["ports"] = []


def _host_path(pod: Pod) -> None:
    pod["spec"]["volumes"].append({"name": "host", "hostPath": {"path": "/"}})


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        pytest.param(_run_as_root, "runAsUser=0", id="root"),
        pytest.param(_escalate, "allowPrivilegeEscalation != false", id="privilege escalation"),
        pytest.param(_keep_capabilities, "unrestricted capabilities", id="capabilities"),
        pytest.param(_any_system_call, "seccompProfile", id="no seccomp profile"),
        pytest.param(_host_network, "host namespaces", id="host network"),
        pytest.param(_host_path, "restricted volume types", id="host path"),
    ],
)
def test_a_looser_pod_is_refused(cluster: Cluster, break_it: Callable[[Pod], None], said: str) -> None:
    """Each limit counts: without it the same namespace refuses the pod, and says which one."""
    pod = copy.deepcopy(_pod_of(cluster, "http-postgres-irsa"))
    pod["metadata"]["name"] = "looser"
    break_it(pod)

    with pytest.raises(ApiRefused) as refused:
        cluster.call("POST", f"/api/v1/namespaces/{RESTRICTED}/pods", pod)

    assert refused.value.status == 403
    assert "violates PodSecurity" in str(refused.value)
    assert said in json.loads(str(refused.value).partition(" 403 ")[2])["message"]


def test_install_upgrade_and_uninstall(cluster: Cluster) -> None:
    """Helm puts everything in, binds the roles to their groups, and takes all away but the history."""
    postgres = ["--namespace", INSTALLED, "--values", str(values_file("http-postgres-irsa"))]
    sqlite = ["--namespace", INSTALLED, "--values", str(values_file("socket-mode-sqlite"))]

    installed = cluster.run("helm", "install", RELEASE, str(CHART), *sqlite)
    assert installed.returncode == 0, installed.stderr
    assert "dnsbot doctor" in installed.stdout
    assert eventually(lambda: cluster.may("dnsbot-look-up", "create", "pods/exec", "kube-system"), bool)
    assert not cluster.may("dnsbot-write", "patch", "deployments.apps", "shop")

    upgraded = cluster.run("helm", "upgrade", RELEASE, str(CHART), *postgres)
    assert upgraded.returncode == 0, upgraded.stderr
    _roles_hold(cluster)

    removed = cluster.run("helm", "uninstall", RELEASE, "--namespace", INSTALLED, "--wait")
    assert removed.returncode == 0, removed.stderr
    assert not eventually(lambda: cluster.may("dnsbot-read", "list", "nodes"), lambda may: not may)
    claims = cluster.call("GET", f"/api/v1/namespaces/{INSTALLED}/persistentvolumeclaims")["items"]
    assert [claim["metadata"]["name"] for claim in claims] == [RELEASE]


def _roles_hold(cluster: Cluster) -> None:
    """Reader, prober and writer may do their own work, in their own places, and not each other's."""
    assert eventually(lambda: cluster.may("dnsbot-read", "get", "configmaps", "kube-system", "coredns"), bool)
    assert not cluster.may("dnsbot-read", "list", "configmaps", "kube-system")
    assert not cluster.may("dnsbot-read", "get", "configmaps", "shop", "coredns")
    assert cluster.may("dnsbot-read", "get", "pods/log", "kube-system")
    assert not cluster.may("dnsbot-read", "get", "pods/log", "shop")
    assert cluster.may("dnsbot-look-up", "create", "pods/exec", "shop")
    assert not cluster.may("dnsbot-look-up", "create", "pods/exec", "kube-system")
    assert cluster.may("dnsbot-write", "patch", "deployments.apps", "shop")
    assert cluster.may("dnsbot-write", "patch", "deployments.apps", "kube-system")  # CoreDNS's own
    assert not cluster.may("dnsbot-write", "patch", "deployments.apps", "billing")
    assert not cluster.may("dnsbot-write", "list", "pods", "shop")
    for group in ("dnsbot-read", "dnsbot-look-up", "dnsbot-write"):
        assert not cluster.may(group, "get", "secrets", "shop")
    for verb, resource in (("create", "pods/exec"), ("patch", "deployments.apps"), ("delete", "pods")):
        assert not cluster.may("dnsbot-read", verb, resource, "shop")

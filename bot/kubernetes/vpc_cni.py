"""The Amazon VPC CNI as Kubernetes runs it: the DaemonSet aws-node, its version and the variables that it reads.

Source: amazon-vpc-cni-k8s, README (variables and their defaults) and its Helm chart aws-vpc-cni.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from bot.domain.enforcing_mode import ENFORCING_MODE, EnforcingMode
from bot.domain.json_values import RawObject
from bot.kubernetes.members import moment, number, optional_text, part, parts, text
from bot.kubernetes.owners import manager_of
from bot.kubernetes.workloads import environment, template_spec

AWS_NODE = "aws-node"
"""Name of the DaemonSet and of its container."""
AWS_NODE_PODS = f"k8s-app={AWS_NODE}"
"""Label of its pods."""
EXTERNAL_SNAT = "AWS_VPC_K8S_CNI_EXTERNALSNAT"
"""Whether packets out of the VPC keep the pod's address."""
FIRST_WITH_MODES = (1, 11)
"""The first version that knows the enforcing modes."""
_VERSION = re.compile(r"v?(\d{1,5})\.(\d{1,5})(?:\.(\d{1,5}))?(?![\d.])")


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsNode:
    """The DaemonSet aws-node."""

    uid: str
    image: str
    """Of its container aws-node."""
    mode: str
    """`POD_SECURITY_GROUP_ENFORCING_MODE` as it is set; empty: it is not, or has no value of its own."""
    mode_from: str = ""
    """What its value comes from (`configMapKeyRef`), where it is no value of its own."""
    external_snat: bool
    """Whether `AWS_VPC_K8S_CNI_EXTERNALSNAT` is true."""
    manager: str
    """Who says that it manages the object: `Helm release aws-vpc-cni in kube-system`, `Argo CD application network`."""

    @property
    def version(self) -> tuple[int, ...]:
        """The version that the image's tag names: `(1, 19, 2)`; empty: it names none."""
        return version_of(self.image)

    @property
    def enforces(self) -> EnforcingMode:
        """What pods that are made from now on will be under."""
        return EnforcingMode.of(self.mode)

    @classmethod
    def of(cls, answer: RawObject) -> Self:
        """Return the DaemonSet from the API's answer."""
        metadata = answer["metadata"]
        containers = parts(template_spec(answer), "containers")
        own = next((one for one in containers if text(one, "name") == AWS_NODE), {})
        variables = environment(answer, AWS_NODE)
        given = next((one for one in parts(own, "env") if text(one, "name") == ENFORCING_MODE), {})
        return cls(
            uid=optional_text(metadata, "uid"),
            image=optional_text(own, "image"),
            mode=variables.get(ENFORCING_MODE, ""),
            mode_from=next(iter(part(given, "valueFrom")), ""),
            external_snat=variables.get(EXTERNAL_SNAT, "").lower() == "true",
            manager=manager_of(answer),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsNodePod:
    """One pod of aws-node: what pods that are made on its node, after it, are under."""

    node: str
    name: str
    created_at: datetime
    mode: EnforcingMode

    @classmethod
    def of(cls, answer: RawObject) -> Self:
        """Return the pod from the API's answer."""
        metadata, spec = answer["metadata"], answer["spec"]
        variables = environment({"spec": {"template": {"spec": spec}}}, AWS_NODE)
        return cls(
            node=optional_text(spec, "nodeName"),
            name=text(metadata, "name"),
            created_at=moment(metadata, "creationTimestamp"),
            mode=EnforcingMode.of(variables.get(ENFORCING_MODE, "")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsNodeRevision:
    """One template that the DaemonSet aws-node has had, as its ControllerRevision keeps it: ten, unless it says else.

    Source: Kubernetes documentation, "Perform a Rollback on a DaemonSet": going back to an earlier template gives its
    revision the next number, and leaves it its age.
    """

    number: int
    created_at: datetime
    owner_uid: str
    """Of the DaemonSet."""
    mode: EnforcingMode

    @classmethod
    def of(cls, answer: RawObject) -> Self:
        """Return the revision from the API's answer."""
        metadata = answer["metadata"]
        owners = parts(metadata, "ownerReferences")
        variables = environment(part(answer, "data"), AWS_NODE)
        return cls(
            number=number(answer, "revision"),
            created_at=moment(metadata, "creationTimestamp"),
            owner_uid=next((text(one, "uid") for one in owners if one.get("controller")), ""),
            mode=EnforcingMode.of(variables.get(ENFORCING_MODE, "")),
        )


def version_of(image: str) -> tuple[int, ...]:
    """Return the version of an image reference's tag: `(1, 19, 2)` of `…/amazon-k8s-cni:v1.19.2-eksbuild.1`."""
    found = _VERSION.match(image.partition("@")[0].rpartition(":")[2])
    return tuple(int(number) for number in found.groups(default="0")) if found else ()

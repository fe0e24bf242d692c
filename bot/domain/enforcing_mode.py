"""Which security groups the VPC CNI lets judge the traffic of a pod with a branch interface.

Source: document rows B7 and B9; amazon-vpc-cni-k8s, README, "POD_SECURITY_GROUP_ENFORCING_MODE (v1.11.0+)", and
pkg/sgpp: a value that it does not know counts as strict, letter by letter.
"""

from __future__ import annotations

from enum import StrEnum


class EnforcingMode(StrEnum):
    """A pod keeps the mode that it was made under until it is replaced."""

    STRICT = "strict"
    """All its traffic leaves through the branch interface and passes its groups alone; the node is never seen."""
    STANDARD = "standard"
    """Traffic within the node passes no group, traffic out of the VPC those of the node's primary interface."""

    @classmethod
    def of(cls, value: str) -> EnforcingMode:
        """Return the mode that a value of the variable stands for; an absent one is empty."""
        return cls.STANDARD if value == cls.STANDARD.value else cls.STRICT


ENFORCING_MODE = "POD_SECURITY_GROUP_ENFORCING_MODE"
"""The variable of aws-node's container `aws-node` that names the mode; VPC CNI 1.11 is the first that reads it."""

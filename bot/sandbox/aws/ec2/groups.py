"""Security groups by id, as every EC2 call that names them looks them up."""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import EC2ClientError

from bot.sandbox.aws.moto_access import MotoObject


def known_groups(backend: MotoObject, group_ids: list[str]) -> list[Any]:
    """Return these security groups, or raise InvalidGroup.NotFound for the first unknown one."""
    groups = {group_id: group for groups in backend.groups.values() for group_id, group in groups.items()}
    for group_id in group_ids:
        if group_id not in groups:
            raise EC2ClientError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
    return [groups[group_id] for group_id in group_ids]

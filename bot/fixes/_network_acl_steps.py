"""Steps that create and delete network-ACL entries: one step per ACL and direction.

Entries carry no tags and no ids: an entry is known by ACL, direction and number, so undo deletes a number only while
it holds exactly what was created there. `ReplaceNetworkAclEntry` is never used. Sources: EC2 API Reference,
CreateNetworkAclEntry, DeleteNetworkAclEntry; VPC User Guide, "Network ACL rules".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.collectors.network_acls import NetworkAcls
from bot.domain.json_values import JsonObject, JsonValue
from bot.domain.plans import Reading, Rehearsal, Step, WriterKind, Writing
from bot.domain.ports import AwsReader
from bot.domain.reading import reading
from bot.errors import EvidenceUnavailable, NotFound, UnitError, WorldChanged, WriteFailed
from bot.network.answers import network_acls
from bot.network.model import AclEntry, NetworkAcl

PROTOCOL_NUMBERS = {"udp": "17", "tcp": "6"}
_PROTOCOL_NAMES = {number: name for name, number in PROTOCOL_NUMBERS.items()} | {"-1": "all protocols", "1": "icmp"}

CLOSING_DENY = 32767
"""The closing deny is 32767, that of IPv6 32768: both match last, take no own entry's place and cannot be deleted."""
_CREATE, _DELETE = "CreateNetworkAclEntry", "DeleteNetworkAclEntry"
_NOBODY = {
    "action": "allow",
    "protocol": PROTOCOL_NUMBERS["udp"],
    "cidr": "192.0.2.0/24",
    "from_port": 53,
    "to_port": 53,
}
"""The entry that is rehearsed: from addresses that nobody has (RFC 5737)."""


def described(entry: AclEntry) -> dict[str, JsonValue]:
    """Return an entry as it stands in plans and journals; ports None mean all."""
    return {
        "number": entry.number,
        "action": "allow" if entry.allow else "deny",
        "protocol": entry.protocol,
        "cidr": str(entry.cidr),
        "from_port": entry.from_port,
        "to_port": entry.to_port,
    }


def of_direction(acl: NetworkAcl, *, egress: bool) -> list[dict[str, JsonValue]]:
    """Return the entries of one direction in order of number."""
    own = sorted((one for one in acl.entries if one.egress == egress), key=lambda one: (one.number, str(one.cidr)))
    return [described(one) for one in own]


def create_step(fix: str, *, acl: NetworkAcl, egress: bool, entries: Sequence[Mapping[str, JsonValue]]) -> Step:
    """Return the step that creates `entries` in one ACL and direction."""
    before = of_direction(acl, egress=egress)
    new = [dict(entry) for entry in entries]
    lines = sorted(
        [(int(str(one["number"])), f"  {_line(one)}") for one in before]
        + [(int(str(one["number"])), f"+ {_line(one)}") for one in new]
    )
    numbers = ", ".join(str(one["number"]) for one in new)
    return Step(
        fix=fix,
        action="create",
        target=f"network ACL {acl.id}, {_way(egress=egress)} entries",
        parameters={"network_acl_id": acl.id, "egress": egress, "entries": new},
        before=before,
        diff=tuple(line for _, line in lines),
        undo=f"Delete the entries {numbers} of this direction, each only while it is still what this plan created.",
        command="\n".join(_create_command(acl.id, one, egress=egress) for one in new),
        writer=WriterKind.AWS,
    )


def read(step: Step, look: Reading) -> JsonValue:
    """Return the entries of the step's ACL and direction; for a deletion, those at its numbers."""
    entries = _now(step, look.aws)
    if step.action == "create":
        return entries
    return _at_numbers_of(step, entries)


def apply(step: Step, writing: Writing) -> JsonObject:
    """Create or delete entries; return `{"created": […]}` or `{"deleted": […]}`."""
    if step.action == "create":
        return {"created": _create(step, writing)}
    if step.action == "delete":
        return {"deleted": _delete(step, writing)}
    message = f"{step.fix} knows no action {step.action!r}"
    raise UnitError(message)


def inverse(step: Step, effects: JsonObject) -> Step | None:
    """Return the step that deletes exactly the entries that `apply` reported as created."""
    created = effects.get("created")
    if not isinstance(created, Sequence) or not created:
        return None
    entries = [dict(entry) for entry in created if isinstance(entry, Mapping)]
    acl_id, egress = _place(step)
    return Step(
        fix=step.fix,
        action="delete",
        target=step.target,
        parameters={"network_acl_id": acl_id, "egress": egress, "entries": entries},
        before=entries,
        diff=tuple(f"- {_line(entry)}" for entry in entries),
        undo="",
        command="\n".join(_delete_command(acl_id, entry, egress=egress) for entry in entries),
        writer=WriterKind.AWS,
        owner=step.owner,
    )


def _create(step: Step, writing: Writing) -> list[dict[str, JsonValue]]:
    """Create the entries one by one; when one fails, take back those that this call created."""
    made: list[Mapping[str, Any]] = []
    for entry in _listed(step):
        try:
            if _create_one(step, writing, entry):
                made.append(entry)
        except WriteFailed as error:
            _take_back(step, writing, made, error)
            raise
    return [dict(entry) for entry in _listed(step)]


def _create_one(step: Step, writing: Writing, entry: Mapping[str, Any]) -> bool:
    """Return whether this call created the entry; False: exactly this entry was there already."""
    acl_id, egress = _place(step)
    try:
        writing.aws_writer.write("ec2", _CREATE, **_creation(acl_id, entry, egress=egress))
    except WriteFailed as error:
        if not error.ambiguous and not str(error).startswith("NetworkAclEntryAlreadyExists"):
            raise
        if dict(entry) not in _now(step, writing.aws):
            raise
        return error.ambiguous
    return True


def _take_back(step: Step, writing: Writing, made: Sequence[Mapping[str, Any]], error: WriteFailed) -> None:
    """Delete what this step had created before it failed. What cannot be deleted is named, not hidden."""
    if not made:
        return
    numbers = ", ".join(str(entry["number"]) for entry in made)
    try:
        _delete_each(step, writing, made)
    except (WriteFailed, WorldChanged, EvidenceUnavailable) as second:
        raise WriteFailed(
            f"{error} The entries {numbers} created before it could not be taken back ({second}); delete them by hand.",
            ambiguous=True,
        ) from error
    if error.ambiguous:
        return
    raise WriteFailed(f"{error} The entries {numbers} created before it were deleted again.") from error


def _delete(step: Step, writing: Writing) -> list[dict[str, JsonValue]]:
    return [dict(entry) for entry in _delete_each(step, writing, _listed(step))]


def _delete_each(step: Step, writing: Writing, entries: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Delete each entry that is still exactly what was created; one that is gone already is left out."""
    acl_id, egress = _place(step)
    present = {entry["number"]: entry for entry in _now(step, writing.aws)}
    for entry in entries:
        found = present.get(entry["number"])
        if found is not None and found != dict(entry):
            raise WorldChanged(
                f"Entry {entry['number']} of {acl_id} is no longer what this plan created ({_line(found)}); "
                "it was left alone. Look at it, and diagnose again."
            )
    gone = [entry for entry in entries if entry["number"] in present]
    for entry in gone:
        writing.aws_writer.write("ec2", _DELETE, **_deletion(acl_id, int(entry["number"]), egress=egress))
    return gone


def rehearsals(evidence: Mapping[type, object]) -> tuple[Rehearsal, ...]:
    """Return what creates an entry in an ACL that a subnet has, and what deletes one of its entries."""
    found = evidence.get(NetworkAcls)
    used = [acl for acl in found.acls if acl.subnet_ids] if isinstance(found, NetworkAcls) else []
    if not used:
        return ()
    taken = {entry.number for entry in used[0].entries}
    number = next(number for number in range(1, len(taken) + 2) if number not in taken)
    created = _rehearsal(used[0], _CREATE, _creation(used[0].id, {**_NOBODY, "number": number}, egress=False))
    own = [(acl, entry) for acl in used for entry in acl.entries if entry.number < CLOSING_DENY]
    deleted = [_rehearsal(acl, _DELETE, _deletion(acl.id, entry.number, egress=entry.egress)) for acl, entry in own[:1]]
    return (created, *deleted)


def _rehearsal(acl: NetworkAcl, operation: str, parameters: Mapping[str, Any]) -> Rehearsal:
    return Rehearsal(
        operation=operation, parameters=parameters, judges=(f"ec2:{operation}",), target=f"network ACL {acl.id}"
    )


def _creation(acl_id: str, entry: Mapping[str, Any], *, egress: bool) -> dict[str, Any]:
    cidr = "Ipv6CidrBlock" if ":" in entry["cidr"] else "CidrBlock"
    return {
        "NetworkAclId": acl_id,
        "RuleNumber": entry["number"],
        "Egress": egress,
        "Protocol": entry["protocol"],
        "RuleAction": entry["action"],
        "PortRange": {"From": entry["from_port"], "To": entry["to_port"]},
        cidr: entry["cidr"],
    }


def _deletion(acl_id: str, number: int, *, egress: bool) -> dict[str, Any]:
    return {"NetworkAclId": acl_id, "RuleNumber": number, "Egress": egress}


def _now(step: Step, aws: AwsReader) -> list[dict[str, JsonValue]]:
    acl_id, egress = _place(step)
    answer = aws.read("ec2", "DescribeNetworkAcls", NetworkAclIds=[acl_id])
    with reading("ec2:DescribeNetworkAcls"):
        acls = network_acls(answer["NetworkAcls"])
    for acl in acls:
        if acl.id == acl_id:
            return of_direction(acl, egress=egress)
    raise NotFound(f"Network ACL {acl_id} does not exist any more. Diagnose again.")


def _at_numbers_of(step: Step, entries: Iterable[dict[str, JsonValue]]) -> list[JsonValue]:
    numbers = {entry["number"] for entry in _listed(step)}
    present = {entry["number"]: entry for entry in entries if entry["number"] in numbers}
    return [present[entry["number"]] for entry in _listed(step) if entry["number"] in present]


def _place(step: Step) -> tuple[str, bool]:
    return str(step.parameters["network_acl_id"]), bool(step.parameters["egress"])


def _listed(step: Step) -> list[Mapping[str, Any]]:
    entries = step.parameters["entries"]
    return [one for one in entries if isinstance(one, Mapping)] if isinstance(entries, Sequence) else []


def _way(*, egress: bool) -> str:
    return "outbound" if egress else "inbound"


def _line(entry: Mapping[str, JsonValue]) -> str:
    protocol = _PROTOCOL_NAMES.get(str(entry["protocol"]), f"protocol {entry['protocol']}")
    first, last = entry["from_port"], entry["to_port"]
    ports = "" if first is None else f" {first}" if first == last else f" {first}-{last}"
    return f"{entry['number']}: {entry['action']} {protocol}{ports} {entry['cidr']}"


def _create_command(acl_id: str, entry: Mapping[str, JsonValue], *, egress: bool) -> str:
    block = "--ipv6-cidr-block" if ":" in str(entry["cidr"]) else "--cidr-block"
    return (
        f"aws ec2 create-network-acl-entry --network-acl-id {acl_id} {'--egress' if egress else '--ingress'} "
        f"--rule-number {entry['number']} --protocol {entry['protocol']} --rule-action {entry['action']} "
        f"{block} {entry['cidr']} --port-range From={entry['from_port']},To={entry['to_port']}"
    )


def _delete_command(acl_id: str, entry: Mapping[str, JsonValue], *, egress: bool) -> str:
    way = "--egress" if egress else "--ingress"
    return f"aws ec2 delete-network-acl-entry --network-acl-id {acl_id} {way} --rule-number {entry['number']}"

"""What add-ons can be configured with, and what becomes of a configuration that is sent.

Sources: EKS API Reference, DescribeAddonConfiguration, UpdateAddon (`configurationValues`, `resolveConflicts`) and
ErrorDetail; EKS User Guide, "Determine fields you can customize for Amazon EKS add-ons".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import jsonschema
import yaml

from bot.sandbox.aws.service import ServiceError

_VARIABLES = (
    "ADDITIONAL_ENI_TAGS",
    "AWS_VPC_CNI_NODE_PORT_SUPPORT",
    "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG",
    "AWS_VPC_K8S_CNI_EXTERNALSNAT",
    "ENABLE_POD_ENI",
    "ENABLE_PREFIX_DELEGATION",
    "MINIMUM_IP_TARGET",
    "WARM_ENI_TARGET",
    "WARM_IP_TARGET",
    "WARM_PREFIX_TARGET",
)
_MODE, _FIRST_WITH_MODES = "POD_SECURITY_GROUP_ENFORCING_MODE", (1, 11)
_FIRST_WITH_CONSTRAINTS, _FIRST_WITH_SCALING = (1, 9, 3, 5), (1, 9, 3, 15)
CONFLICT = "ConfigurationConflict"


def schema_of(addon: str, version: str) -> dict[str, Any]:
    """Return the JSON Schema of an add-on's version; of others than coredns and vpc-cni one that takes anything."""
    if addon == "coredns":
        return _coredns(version)
    if addon != "vpc-cni":
        return {"$schema": "http://json-schema.org/draft-06/schema#", "type": "object"}
    found = re.match(r"v(\d+)\.(\d+)", version)
    modes = found is not None and (int(found[1]), int(found[2])) >= _FIRST_WITH_MODES
    names = sorted((*_VARIABLES, *((_MODE,) if modes else ())))
    return {
        "$ref": "#/definitions/VpcCni",
        "$schema": "http://json-schema.org/draft-06/schema#",
        "definitions": {
            "Env": {
                "additionalProperties": False,
                "properties": {name: {"format": "string", "type": "string"} for name in names},
                "title": "Env",
                "type": "object",
            },
            "VpcCni": {
                "additionalProperties": False,
                "properties": {
                    "enableNetworkPolicy": {"format": "string", "type": "string"},
                    "env": {"$ref": "#/definitions/Env"},
                    "resources": {"type": "object"},
                    "tolerations": {"items": {"type": "object"}, "type": "array"},
                },
                "title": "VpcCni",
                "type": "object",
            },
        },
    }


def _coredns(version: str) -> dict[str, Any]:
    """Return the schema of coredns: spread constraints since v1.9.3-eksbuild.5, scaling by EKS in later builds.

    Source: AWS Containers blog, "Recent changes to the CoreDNS add-on"; EKS User Guide, "Scale CoreDNS Pods for high
    DNS traffic".
    """
    found = re.match(r"v(\d+)\.(\d+)\.(\d+)-eksbuild\.(\d+)", version)
    made = tuple(int(part) for part in found.groups()) if found else ()
    members: dict[str, Any] = {
        "affinity": {"type": ["object", "null"]},
        "computeType": {"type": "string"},
        "corefile": {"type": "string"},
        "nodeSelector": {"type": ["object", "null"]},
        "podAnnotations": {"type": "object"},
        "podLabels": {"type": "object"},
        "replicaCount": {"type": "integer"},
        "resources": {"type": "object"},
        "tolerations": {"type": "array", "items": {"type": "object"}},
    }
    if made >= _FIRST_WITH_CONSTRAINTS:
        members["topologySpreadConstraints"] = {"type": "array"}
    if made >= _FIRST_WITH_SCALING:
        members["autoScaling"] = {
            "additionalProperties": False,
            "properties": {
                "enabled": {"type": "boolean"},
                "minReplicas": {"type": "integer", "minimum": 2, "maximum": 1000},
                "maxReplicas": {"type": "integer", "minimum": 2, "maximum": 1000},
            },
            "required": ["enabled"],
            "type": "object",
        }
    return {
        "$ref": "#/definitions/Coredns",
        "$schema": "http://json-schema.org/draft-06/schema#",
        "definitions": {
            "Coredns": {"additionalProperties": False, "properties": members, "title": "Coredns", "type": "object"}
        },
    }


def variables_of(configuration: str) -> dict[str, str]:
    """Return the variables that a configuration sets."""
    return dict(_parsed(configuration).get("env") or {})


def check(addon: str, version: str, configuration: str) -> None:
    """Refuse what the version's schema does not take."""
    checker = jsonschema.Draft6Validator(schema_of(addon, version))
    errors = [f"{one.json_path}: {one.message}" for one in checker.iter_errors(_parsed(configuration))]
    if errors:
        message = f"ConfigurationValue provided in request is not supported: Json schema validation failed: {errors}"
        raise ServiceError("InvalidParameterException", message)


def conflict(addon: str, configuration: str, by_others: Mapping[str, str]) -> str:
    """Return what EKS says of fields that others have set to something else; empty: there are none."""
    fields = _coredns_fields(configuration, by_others) if addon == "coredns" else _cni_fields(configuration, by_others)
    told = "Conflicts found when trying to apply. Will not continue due to resolve conflicts mode. Conflicts:"
    return "\n".join([told, *fields]) if fields else ""


def _cni_fields(configuration: str, by_others: Mapping[str, str]) -> list[str]:
    wanted = variables_of(configuration)
    return [
        f'DaemonSet.apps aws-node - .spec.template.spec.containers[name="aws-node"].env[name="{name}"].value'
        for name, value in sorted(by_others.items())
        if name in wanted and wanted[name] != value
    ]


_FIELDS = {
    "corefile": "ConfigMap coredns - .data.Corefile",
    "replicaCount": "Deployment.apps coredns - .spec.replicas",
}
"""Where a member of the configuration of coredns stands, if not in the pod template."""


def _coredns_fields(configuration: str, by_others: Mapping[str, str]) -> list[str]:
    wanted = _parsed(configuration)
    return [
        _FIELDS.get(name, f"Deployment.apps coredns - .spec.template.spec.{name}")
        for name, value in sorted(by_others.items())
        if name in wanted and wanted[name] != json.loads(value)
    ]


def _parsed(configuration: str) -> dict[str, Any]:
    try:
        found = json.loads(configuration) if configuration.lstrip().startswith("{") else yaml.safe_load(configuration)
    except (ValueError, yaml.YAMLError) as error:
        raise ServiceError(
            "InvalidParameterException", f"ConfigurationValues is neither JSON nor YAML: {error}"
        ) from None
    return found or {}

from __future__ import annotations

from tests.field_reports.field import Field
from tests.field_reports.report import Report


def arrange(field: Field) -> None:
    """A Service of type ExternalName names an address."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "legacy", "namespace": "carts"},
        "spec": {"type": "ExternalName", "externalName": "10.0.7.7"},
    }
    field.add("services", service)


REPORT = Report(
    name="f32",
    source="coredns/coredns#2324",
    happened="A Service of type ExternalName names an IP address: the name does not resolve by design.",
    right="none of ours",
    before="none (healthy)",
    arrange=arrange,
    verdict="healthy",
)

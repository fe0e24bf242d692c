from __future__ import annotations

from tests.field_reports.field import Field
from tests.field_reports.report import Report

FAILED = (
    "[ERROR] plugin/reload: Corefile changed but reload failed: starting with listener file descriptors: "
    "plugin/forward: this plugin can only be used once per Server Block"
)


def arrange(field: Field) -> None:
    """Both pods logged the failed reload and serve on."""
    for pod in field.coredns():
        field.log(pod, "[INFO] Reloading", FAILED)


REPORT = Report(
    name="f03",
    source="coredns/coredns#4729",
    happened="A second forward by an imported *.override: failed reload, the old configuration serves on.",
    right="coredns_crash_corefile (latent)",
    before="coredns_crash_corefile (problem)",
    arrange=arrange,
    causes=("coredns_crash_corefile",),
    verdict="problem",
)

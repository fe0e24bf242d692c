"""Renew what is made from the units' declarations: `python -m bot.report CHECKOUT` (or `make docs`).

That is the table of docs/permissions.md, the IAM and RBAC files of `deploy/`, and the document that looks up on an
instance.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import bot.collectors
import bot.fixes
import bot.rules
from bot.report.deployment import deployment_files
from bot.report.permissions import markdown_table, needs
from bot.report.probe_document import probe_document
from bot.workflow.catalogue import load_catalogue

if __name__ == "__main__":
    found = needs(load_catalogue(bot.collectors, bot.rules, bot.fixes))
    table = markdown_table(found)
    checkout = Path(sys.argv[1])
    page = checkout / "docs" / "permissions.md"
    mark = r"(<!-- permissions -->\n).*?(<!-- /permissions -->)"
    page.write_text(re.sub(mark, lambda match: match[1] + table + match[2], page.read_text(), flags=re.DOTALL))
    deploy, files = checkout / "deploy", deployment_files(found)
    for path, text in files.items():
        target = deploy / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    probe = deploy / "probe"
    (probe / "ssm-document.json").write_text(probe_document((probe / "dnsprobe.py").read_text()))
    for folder in ("rbac", "chart/files"):
        for left in (deploy / folder).iterdir():
            if f"{folder}/{left.name}" not in files:
                left.unlink()

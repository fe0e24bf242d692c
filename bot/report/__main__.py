"""Renew what is made from the units' declarations: `python -m bot.report CHECKOUT` (or `make docs`).

That is the tables of docs/permissions.md and docs/causes.md, the IAM and RBAC files of `deploy/`, and the document that
looks up on an instance.
"""

from __future__ import annotations

import pkgutil
import re
import sys
from pathlib import Path

import bot.collectors
import bot.fixes
import bot.rules
from bot.report.causes import causes_table
from bot.report.deployment import deployment_files
from bot.report.permissions import markdown_table, needs
from bot.report.probe_document import probe_document
from bot.workflow.catalogue import load_catalogue
from bot.workflow.load_playbook import load_playbooks


def _renew(page: Path, mark: str, table: str) -> None:
    """Put a table between its two marks on a page."""
    between = rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)"
    page.write_text(re.sub(between, lambda match: match[1] + table + match[2], page.read_text(), flags=re.DOTALL))


if __name__ == "__main__":
    catalogue = load_catalogue(bot.collectors, bot.rules, bot.fixes)
    found = needs(catalogue)
    checkout = Path(sys.argv[1])
    commands = [module.name for module in pkgutil.iter_modules([str(checkout / "bot" / "slack" / "commands")])]
    playbooks = load_playbooks((checkout / "playbooks").glob("*.yaml"), catalogue, commands)
    _renew(checkout / "docs" / "permissions.md", "permissions", markdown_table(found))
    _renew(checkout / "docs" / "causes.md", "causes", causes_table(catalogue, playbooks.values()))
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

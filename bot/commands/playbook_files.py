"""`dnsbot playbooks`."""

from __future__ import annotations

import sys
from pathlib import Path

from bot.app import command_names, load_units, shipped_playbooks
from bot.asking import known_playbook
from bot.commands.printing import print_json
from bot.domain.phrases import count
from bot.errors import ConfigurationError, PlaybookError
from bot.report.playbook_page import page_json, playbook_page
from bot.report.playbook_text import playbook_text
from bot.workflow.load_playbook import load_playbooks


def list_playbooks() -> None:
    """Print the playbooks."""
    for playbook in shipped_playbooks(load_units()).values():
        print(f"{playbook.name}: {playbook.title}")
        print(f"    {playbook.purpose}")
        print(f"    gathers {len(playbook.gather)} kinds of evidence, judges {len(playbook.findings)} rules:")
        for use in playbook.findings:
            fixes = ", ".join(fix.fix for fix in (*use.fixes, *use.measures))
            print(f"      {use.rule} ({use.severity.value})" + (f": may propose {fixes}" if fixes else ""))


def show_playbook(name: str, *, as_json: bool) -> None:
    """Print one playbook whole: what it looks at, concludes and may propose, with calls and permissions."""
    units = load_units()
    playbooks = shipped_playbooks(units)
    page = playbook_page(playbooks[known_playbook(name, playbooks)], units)
    if as_json:
        print_json(page_json(page))
    else:
        sys.stdout.write(playbook_text(page))


def check_playbooks(files: tuple[Path, ...]) -> None:
    """Validate playbook files. Raises `ConfigurationError` with what is wrong first in each, a line a file."""
    units, wrong = load_units(), list[str]()
    for file in files:
        try:
            load_playbooks([file], units, command_names())
        except PlaybookError as error:
            wrong.append(str(error))
    if wrong:
        raise ConfigurationError("\n".join(wrong))
    checked = load_playbooks(files, units, command_names()) if files else shipped_playbooks(units)
    rules = sum(len(playbook.findings) for playbook in checked.values())
    print(f"{count(len(checked), 'playbook')}, {count(rules, 'rule')}: nothing is wrong.")

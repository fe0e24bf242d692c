"""Renew what is made from the units' declarations: `python -m bot.report README.md` (or `make docs`)."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import bot.collectors
import bot.fixes
import bot.rules
from bot.report.permissions import markdown_table, needs
from bot.workflow.catalogue import load_catalogue

if __name__ == "__main__":
    table = markdown_table(needs(load_catalogue(bot.collectors, bot.rules, bot.fixes)))
    readme = Path(sys.argv[1])
    mark = r"(<!-- permissions -->\n).*?(<!-- /permissions -->)"
    readme.write_text(re.sub(mark, lambda match: match[1] + table + match[2], readme.read_text(), flags=re.DOTALL))

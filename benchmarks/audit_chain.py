"""Measures how fast an audit chain is verified, and how long one row takes to be added. See `benchmarks/README.md`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from bot.domain.audit import Head, Seals
from bot.domain.json_values import JsonObject, canonical
from bot.history import migrate
from bot.history.audit import Ledger
from bot.history.audit_heads import HeadsFile
from bot.history.engine import Database, open_database
from bot.history.store import SqlHistory
from bot.history.tables import audit

SEALS = Seals((b"k" * 32,))
ADDED = 200


def fill(database: Database, rows: int, heads: Path) -> None:
    """Write a chain as repairs write it: a step in each row, and a head for each."""
    seal, values, kept = "", [], []
    for seq in range(1, rows + 1):
        entry: JsonObject = {"step": seq % 6, "effects": {"rules": [f"sgr-{seq:017x}"]}, "at": "2026-11-21"}
        seal = SEALS.seal(seal, (seq, "step", f"{seq:032x}", canonical(entry)))
        values.append({"seq": seq, "kind": "step", "proposal_id": f"{seq:032x}", "entry": entry, "seal": seal})
        kept.append(Head(seq=seq, seal=seal).text)
    with database.writing() as connection:
        connection.execute(audit.insert(), values)
    heads.write_text("\n".join(kept) + "\n")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=200_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        url, heads = f"sqlite:///{folder}/history.db", Path(folder) / "heads"
        migrate(url)
        database = open_database(url)
        fill(database, rows, heads)
        history = SqlHistory(database=database, evidence_classes={}, seals=SEALS, heads=HeadsFile(heads))
        for _ in range(3):
            wall, cpu = time.perf_counter(), time.process_time()
            check = history.audit_check()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            sys.stdout.write(
                f"{check.walked.rows} rows, well: {check.well}: {rows / wall:,.0f} rows a second of wall time, "
                f"{rows / cpu:,.0f} of processor time\n"
            )
        began = time.perf_counter()
        for number in range(ADDED):
            with database.writing() as connection:
                ledger = Ledger(connection, SEALS)
                ledger.add("step", "p1", {"step": number})
                ledger.write()
            if ledger.head is not None:
                HeadsFile(heads).keep(ledger.head)
        sys.stdout.write(f"one row added, with its head kept: {(time.perf_counter() - began) / ADDED * 1000:.1f} ms\n")
        history.close()


if __name__ == "__main__":
    main()

"""Reads the ledger as an auditor would: the SQLite file itself, with no help from Dewpoint beyond `dewpoint ledger`,
which first takes in what a crash left in the journal.
"""

import json
import sqlite3


def report(dewpoint, *args):
    """`dewpoint ledger --json`."""
    ran = dewpoint.run("ledger", "--json", *args)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def records(dewpoint):
    """Every record, as dictionaries."""
    report(dewpoint)
    [file] = [
        f for f in (dewpoint.folder / "data").rglob("*") if f.is_file() and f.read_bytes()[:15] == b"SQLite format 3"
    ]
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as store:
        store.row_factory = sqlite3.Row
        [table] = [
            name
            for (name,) in store.execute("select name from sqlite_master where type = 'table'")
            if {"request_id", "outcome"} <= {column[1] for column in store.execute(f"pragma table_info({name})")}
        ]
        return [dict(row) for row in store.execute(f"select * from {table}")]

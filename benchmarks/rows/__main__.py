"""Run one of the measures in a copy of the newsroom, with a model server on the loopback for the vectors."""

from __future__ import annotations

import argparse
import sys

from benchmarks.rows.site import newsroom

ROWS = {"followed": 20_000, "searched": 100_000, "killed": 400}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rows")
    parser.add_argument("measure", choices=ROWS)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--kills", type=int, default=40)
    given = parser.parse_args()
    rows = given.rows or ROWS[given.measure]
    with newsroom() as site:
        if given.measure == "killed":
            from benchmarks.rows.killed import kill_and_compare

            sys.exit(kill_and_compare(site, rows=rows, kills=given.kills))
        site.call(given.measure, rows)


if __name__ == "__main__":
    main()

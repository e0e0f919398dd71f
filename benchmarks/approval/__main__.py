"""Tools that ask first, disturbed: kills, double clicks, two tabs, expiry.

    python -m benchmarks.approval [--kills 1000] [--pairs 100]

Each decision is made in a process of its own, on one SQLite file. A killed one gets SIGKILL at a random moment of its
life; then the reader comes back, and clicks again where the page offers it. What the tool does is a line in a file,
which no transaction takes back. Lost is what was confirmed and neither done nor said to be cut off; repeated, what was
done twice; untrue, what was said of a call and is not so.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.urls import get_resolver

from tests.servers import ROOT, environment

BATCH = 20  # orders that are asked for at once
CHANCE = random.Random(16)


@dataclass
class Row:
    """One kind of disturbance, and what became of the calls."""

    name: str
    ends: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    repeated: int = 0
    untrue: int = 0

    def note(self, state: str, times: int) -> None:
        """Count a call that is said to be in `state`, and was done so often."""
        self.ends[state] += 1
        self.lost += state in ("waiting", "confirmed", "running")
        self.repeated += times > 1
        self.untrue += times != 1 if state == "done" else times > 0 and state != "cut_off"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        measure(options.kills, options.pairs)
        return
    with tempfile.TemporaryDirectory(prefix="approval-") as folder:
        told = environment(Path(folder), RUNS_PER_USER="1000", PYTHONPATH=str(ROOT))
        counts = [f"--kills={options.kills}", f"--pairs={options.pairs}"]
        for command in (["manage.py", "migrate", "-v0"], ["-m", "benchmarks.approval", "--inside", *counts]):
            done = subprocess.run([sys.executable, *command], cwd=ROOT, env=told)
            if done.returncode:
                sys.exit(done.returncode)


def measure(kills: int, pairs: int) -> None:
    import django

    django.setup()
    from benchmarks.approval import reader, shop
    from chatsite.tools import tool
    from chatsite.tools.declaring import registry

    tool(approve=True)(shop.cancel_order)
    assert list(registry().tools) == ["cancel_order"]
    get_resolver().reverse_dict  # noqa: B018 - all modules are there before the first fork: kills meet work, not imports
    logging.disable(logging.INFO)
    reader.do(reader.make_reader)
    life = _life(numbers := iter(range(1, 10**6)))
    rows = [
        _kills(kills, numbers, life),
        _at_once("the same button twice at once", pairs, numbers, decisions=[True, True]),
        _at_once("confirmed and refused at once", pairs, numbers, decisions=[True, False]),
        _expiry(pairs, numbers, life),
    ]
    show(rows)
    if any(row.lost or row.repeated or row.untrue for row in rows):
        sys.exit(1)


def _asked(count: int, numbers: Iterator[int], seconds: float | None = None) -> Iterator[tuple[int, str, str]]:
    """Yield number, run and call of each order that is asked for: a few at once, so that none is out of time."""
    from benchmarks.approval import reader

    for begun in range(0, count, BATCH):
        batch = [next(numbers) for _ in range(min(BATCH, count - begun))]
        for number, (run, call) in zip(batch, reader.do(reader.ask, batch, seconds), strict=True):
            yield number, run, call


def _life(numbers: Iterator[int]) -> float:
    """Return how many seconds a process takes from its beginning to the end of the answer."""
    from benchmarks.approval import reader

    took = []
    for _number, run, call in _asked(9, numbers):
        began = time.perf_counter()
        reader.do(reader.decide, run, call)
        took.append(time.perf_counter() - began)
    return sorted(took)[len(took) // 2]


def _kills(kills: int, numbers: Iterator[int], life: float) -> Row:
    from benchmarks.approval import reader, shop

    row = Row("SIGKILL at a random moment")
    for number, run, call in _asked(kills, numbers):
        reader.end(reader.begin(reader.decide, run, call), kill_after=CHANCE.uniform(0, life))
        state = reader.do(reader.come_back, run, call)
        row.note(state, shop.effects()[number])
    return row


def _at_once(name: str, pairs: int, numbers: Iterator[int], *, decisions: list[bool]) -> Row:
    from benchmarks.approval import reader, shop

    row = Row(name)
    for number, run, call in _asked(pairs, numbers):
        children = [reader.begin(reader.decide, run, call, approved) for approved in decisions]
        for child in children:
            reader.end(child)
        row.note(reader.do(reader.state_of, run, call), shop.effects()[number])
    return row


def _expiry(pairs: int, numbers: Iterator[int], life: float) -> Row:
    from benchmarks.approval import reader, shop

    row = Row("confirmed as the time runs out")
    for _ in range(pairs):
        [(number, run, call)] = _asked(1, numbers, CHANCE.uniform(0, 2 * life))
        reader.do(reader.decide, run, call)
        row.note(reader.do(reader.come_back, run, call), shop.effects()[number])
    return row


def show(rows: list[Row]) -> None:
    print("| disturbed by | calls | done | refused | out of time | cut off | lost | repeated | untrue |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        ends = [row.ends[state] for state in ("done", "refused", "expired", "cut_off")]
        cells = [sum(row.ends.values()), *ends, row.lost, row.repeated, row.untrue]
        print(f"| {row.name} | {' | '.join(f'{cell:,}' for cell in cells)} |")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")
    main()

"""Kills at random moments, and what differs after all of them."""

from __future__ import annotations

import json
import random
import signal
import time
from collections import Counter

from benchmarks.rows.site import Newsroom

LONGEST_LIFE = 3.0  # seconds of work before a kill, at most
DIFFERENCES = (
    "rows without their document", "documents without their row", "titles or texts that differ",
    "live texts that differ", "not ready", "changes or removals that wait",
)  # fmt: skip


def kill_and_compare(site: Newsroom, *, rows: int, kills: int) -> int:
    """Print what differs. Return 1 where anything does, else 0."""
    chance, ends = random.Random(7), Counter[str]()
    for number in range(kills):
        with site.start("work", rows, number) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(chance.uniform(0, LONGEST_LIFE))
            process.send_signal(signal.SIGKILL)
            ends["at work" if "done" not in process.stdout.read() else "it had ended"] += 1
    with site.start("work", rows, 0) as process:
        process.communicate()
    with site.start("look") as process:
        figures: dict[str, int] = json.loads(process.communicate()[0])
    print(f"{kills} kills: " + ", ".join(f"{count} {name}" for name, count in ends.items()))
    for name, figure in figures.items():
        print(f"{name:<34}{figure:>10,}")
    wrong = sum(figures[name] for name in DIFFERENCES) + (figures["chunks"] != figures["points"])
    return int(wrong > 0)

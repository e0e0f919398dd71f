"""Many random states, one after another, and what came of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random

from benchmarks.rights.model import random_state, viewers
from benchmarks.rights.surfaces import Scene, faults, looks
from benchmarks.rights.world import World, applied, build


@dataclass
class Table:
    """Per surface: checks, leaks, and what was missing."""

    states: int = 0
    checks: Counter[str] = field(default_factory=Counter)
    leaks: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        rows = [(name, self.checks[name], self.leaks[name], self.missing[name]) for name in sorted(self.checks)]
        rows.append(("all", self.checks.total(), self.leaks.total(), self.missing.total()))
        lines = [f"{name:<22}{checks:>10,}{leaks:>8,}{missing:>9,}" for name, checks, leaks, missing in rows]
        return "\n".join([f"{'surface':<22}{'checks':>10}{'leaks':>8}{'missing':>9}", *lines])


def run_states(states: int, *, seed: int) -> Table:
    """Build the world in an empty database, and look at it in so many states, in each with the eyes of one viewer. An
    interrupt ends it early."""
    random, table, world = Random(seed), Table(), build()
    try:
        while table.states < states:
            _look_around(world, random, table)
            table.states += 1
    except KeyboardInterrupt:
        pass
    return table


def _look_around(world: World, random: Random, table: Table) -> None:
    names = viewers()
    state, viewer = random_state(random), world.viewers[names[table.states % len(names)]]
    with applied(state, world):
        scene = Scene(world, state, viewer, random)
        for look in looks(scene):
            leaked, missing = faults(look, scene)
            table.checks[look.surface] += 1
            table.leaks[look.surface] += bool(leaked)
            table.missing[look.surface] += bool(missing)
            if leaked or missing:
                told = f"leaked {sorted(leaked)}" if leaked else f"missing {sorted(missing)}"
                table.faults.append(f"state {table.states}, {viewer.name}, {look.surface}: {told}")

"""Random states of rights: no surface shows what may not be read, and none keeps back what may."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from benchmarks.rights.model import State, random_state, viewers
from benchmarks.rights.run import run_states
from benchmarks.rights.surfaces import SURFACES
from benchmarks.rights.world import shown

STATES = 100


def test_no_surface_leaks_or_misses_a_document_in_any_state(index: None, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT, settings.SITE_INGESTS = tmp_path / "media", False
    table = run_states(STATES, seed=2)
    assert table.faults == []
    assert set(table.checks) == SURFACES
    assert min(table.checks[name] for name in SURFACES - {"starters"}) >= 8


@pytest.fixture
def state() -> State:
    return random_state(Random(0))


def test_model_of_rights_knows_groups_owners_keys_and_attached_files(state: State) -> None:
    for shelf in state.shelves:
        shelf.public, shelf.groups, shelf.owner = False, set(), None
    state.active, state.superusers, state.deleted, state.revoked = [True] * 4, set(), set(), set()
    state.groups, state.shelves[0].groups, state.shelves[1].owner = [{0}, set(), set(), set()], {0}, 1
    state.keys, state.withdrawn, state.site_readers, state.sites = [{1}, None], set(), [1], [{0, 1}]
    assert state.shelves_for("user 0") == {0}
    assert state.shelves_for("user 1") == state.shelves_for("key 0") == state.shelves_for("site 0") == {1}
    assert [state.shelves_for(name) for name in ("user 2", "key 1", "browser")] == [set(), set(), set()]
    assert {name for name in viewers() if 12 in state.readable(name)} == {"user 0"}
    state.active[1] = False
    assert state.readable("key 0") == state.readable("site 0") == set()


def test_words_tell_what_a_text_shows() -> None:
    assert shown("Notes qz12t of qcx03 smell of vanilla, unlike qz77b.") == (
        {"qz12t", "qcx03", "vanilla", "qz77b"}, {2, 13}, {3}
    )  # fmt: skip

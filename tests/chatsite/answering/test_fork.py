"""A forked child begins with no run of its parent's, and with all places free."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import AnonymousUser

from chatsite.answering import capacity, kept
from chatsite.reader import Reader


def in_child(check: Callable[[], bool]) -> bool:
    """Whether `check` holds in a forked child."""
    pid = os.fork()
    if pid == 0:  # leaves without what pytest does at the end
        held = False
        try:
            held = check()
        finally:
            os._exit(0 if held else 1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_case_88_places_taken_before_a_fork_are_free_in_the_child(settings: Any) -> None:
    settings.RUNS_PER_PROCESS = 1
    place = capacity.place_for_run(Reader(AnonymousUser()))

    def take() -> bool:
        capacity.place_for_run(Reader(AnonymousUser()))
        return True

    try:
        assert in_child(take)
    finally:
        place.release()


def test_case_88_runs_of_the_parent_are_not_followed_as_the_childs_and_its_lock_is_free() -> None:
    kept._here[kept.uuid.uuid4()] = None  # type: ignore[assignment]
    try:
        with kept._lock:
            assert in_child(lambda: kept._here == {} and kept._lock.acquire(blocking=False))
    finally:
        kept._here.clear()

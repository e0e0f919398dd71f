"""A few draw at once and a few wait: one document has a part of both, so that another's pages are drawn."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import pytest

from retrieval.errors import PagesBusy
from retrieval.pages import drawer
from retrieval.pages.drawer import Drawer


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawer, "PATIENCE_SECONDS", 0.0)


@pytest.mark.usefixtures("impatient")
def test_case_125_one_document_leaves_a_seat_for_another() -> None:
    seats = Drawer()
    with ExitStack() as stack:
        for _ in range(drawer.SEATS_OF_ONE):
            stack.enter_context(seats.seat("slow"))
        with pytest.raises(PagesBusy), seats.seat("slow"):
            pass
        stack.enter_context(seats.seat("other"))
        with pytest.raises(PagesBusy), seats.seat("third"):
            pass
    with seats.seat("third"), seats.seat("slow"), seats.seat("slow"):
        pass


def test_who_waits_gets_the_seat_that_becomes_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawer, "PATIENCE_SECONDS", 60.0)
    seats, seated = Drawer(), threading.Event()

    def draw() -> None:
        with seats.seat("slow"):
            seated.set()

    with seats.seat("slow"), seats.seat("slow"):
        waiting = threading.Thread(target=draw)
        waiting.start()
        assert not seated.wait(0.1)
    assert seated.wait(60)
    waiting.join()


def test_case_125_beyond_the_line_one_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawer, "PATIENCE_SECONDS", 600.0)  # whoever waited would wait too long for this test
    monkeypatch.setattr(drawer, "WAITING_OF_ONE", 0)
    seats = Drawer()
    with seats.seat("slow"), seats.seat("slow"), pytest.raises(PagesBusy), seats.seat("slow"):
        pass

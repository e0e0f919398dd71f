"""Who runs a source, when, and what becomes of runs that hang, are killed, or are taken away."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from io import StringIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from retrieval import doctor
from retrieval.models import Collection, Document, SyncedEntry, SyncedSource, SyncRun
from retrieval.syncing import (
    DocumentSource,
    EntryGone,
    EntryRefused,
    KnownEntries,
    ListingIncomplete,
    SourceContent,
    SourceEntry,
    document_source,
)
from retrieval.syncing import due as due_module
from retrieval.syncing.declaring import withdraw_source
from retrieval.syncing.due import Runs, ask_for, run_now, take, take_back
from retrieval.syncing.running import RUNS_KEPT, confirm_gone
from retrieval.syncing.schedule import next_due
from tests.retrieval.syncing.sources import counts, events, look_at, make_source, titles


class Shelf(DocumentSource):
    """A source of one's own, whose entries a test sets."""

    kind = "shelf"
    label = "Shelf"
    texts: dict[str, str] = {}
    raising: Exception | None = None
    waiting: threading.Event | None = None

    def entries(self, since: KnownEntries) -> Iterator[SourceEntry]:
        for key, text in type(self).texts.items():
            yield SourceEntry(key, lambda text=text: self.content(text), title=key.title())  # type: ignore[misc]
        if self.waiting:
            self.waiting.wait(60)
        if self.raising:
            raise self.raising

    def content(self, text: str) -> SourceContent:
        if text == "gone":
            raise EntryGone("There is nothing.")
        if text == "raises":
            raise ZeroDivisionError(text)
        if text == "bad":
            raise EntryRefused("It is bad.")
        return SourceContent(text, "text.md")


@pytest.fixture(autouse=True)
def shelf(settings: Any, tmp_path: Path) -> Iterator[type[Shelf]]:
    settings.MEDIA_ROOT = tmp_path / "media"
    document_source(Shelf)
    Shelf.texts, Shelf.raising, Shelf.waiting = {}, None, None
    yield Shelf
    withdraw_source("shelf")


@pytest.fixture
def source(public: Collection) -> SyncedSource:
    return make_source(public, "shelf", name="Shelf")


def put(*keys: str) -> None:
    Shelf.texts = {key: f"Of {key}." for key in keys}


# ---- what is gone ----------------------------------------------------------------------------------------------------
def test_half_may_go_and_more_than_half_waits_for_a_person(source: SyncedSource) -> None:
    put(*"abcd")
    look_at(source)
    put(*"ab")
    assert counts(look_at(source)) == {"unchanged": 2, "gone": 2}
    put()
    run = look_at(source)
    source.refresh_from_db()
    assert (run.state, source.held, titles()) == ("held", 2, ["A", "B"])
    put("b")  # half of it is there again
    look_at(source)
    source.refresh_from_db()
    assert (source.held, titles()) == (0, ["B"])


def test_confirmed_deletion_deletes_what_was_shown_and_no_more(source: SyncedSource) -> None:
    put(*"abc")
    look_at(source)
    put("c", "d", "e", "f")  # what is new says nothing about what is gone
    run = look_at(source)
    source.refresh_from_db()
    assert (run.state, counts(run), source.held) == ("held", {"added": 3, "unchanged": 1}, 2)
    assert confirm_gone(source) == 2
    assert titles() == ["C", "D", "E", "F"]
    run.refresh_from_db()
    assert (run.state, run.gone) == ("done", 2)
    assert events(run)[-2:] == [(("gone"), key, "It is gone, and its deletion was confirmed.") for key in "ab"]


@pytest.mark.parametrize(
    ("raised", "state"),
    [(ListingIncomplete("Cut off."), "incomplete"), (OSError("broken"), "failed"), (ValueError("wrong"), "failed")],
)
def test_listing_that_is_not_whole_lets_nothing_go(source: SyncedSource, raised: Exception, state: str) -> None:
    put(*"abc")
    look_at(source)
    put("a", "b")
    Shelf.raising = raised
    run = look_at(source)
    assert (run.state, titles()) == (state, ["A", "B", "C"])


def test_entry_that_says_itself_that_it_is_gone_goes_also_then(source: SyncedSource) -> None:
    put(*"abc")
    look_at(source)
    Shelf.texts |= {"a": "gone"}
    Shelf.raising = ListingIncomplete("Cut off.")
    run = look_at(source)
    assert (run.state, titles(), events(run)) == ("incomplete", ["B", "C"], [("gone", "a", "There is nothing.")])


def test_refused_entry_keeps_its_document_and_long_or_repeated_keys_do_no_harm(source: SyncedSource) -> None:
    put("a", "b")
    look_at(source)
    Shelf.texts = {"a": "bad", "b": "Of b.", "x" * 2_001: "Long.", "e": "", "f" * 2_000: "As long as may be."}
    run = look_at(source)
    assert counts(run) == {"added": 1, "unchanged": 1, "refused": 3}
    assert [reason for what, _key, reason in events(run) if what == "refused"] == [
        "It is bad.",
        "Its name is longer than 2,000 bytes.",
        "It is empty.",
    ]
    assert len(titles()) == 3


def test_two_entries_may_say_the_same_and_one_that_staff_deleted_comes_back(source: SyncedSource) -> None:
    Shelf.texts = {"a": "Same.", "b": "Same."}
    assert counts(look_at(source)) == {"added": 2}
    Document.objects.get(title="A").delete()
    assert counts(look_at(source)) == {"added": 1, "unchanged": 1}
    assert titles() == ["A", "B"]


def test_entry_that_raises_stops_no_other_and_many_of_them_end_the_run(
    source: SyncedSource, caplog: pytest.LogCaptureFixture
) -> None:
    Shelf.texts = {"a": "A.", "b": "raises", "c": "C."}
    assert counts(look_at(source)) == {"added": 2, "refused": 1}
    Shelf.texts |= {f"r{number}": "raises" for number in range(12)}
    run = look_at(source)
    assert (run.state, run.refused, titles()) == ("failed", 11, ["A", "C"])
    assert str(run.error) == "10 entries have failed, one after the other."


def test_title_that_staff_gave_stays_until_the_source_gives_another(source: SyncedSource) -> None:
    put("a")
    look_at(source)
    Document.objects.update(title="By staff", title_given=True)
    Shelf.texts = {"a": "New text."}
    look_at(source)
    assert titles() == ["By staff"]


# ---- who runs it -----------------------------------------------------------------------------------------------------
def test_source_is_run_by_one_process_at_a_time(source: SyncedSource) -> None:
    assert take(source, holder="site") is not None
    assert run_now(SyncedSource.objects.get()) is None
    Runs().work()
    assert SyncRun.objects.count() == 1


def test_run_whose_process_was_killed_is_taken_up_where_it_was(source: SyncedSource) -> None:
    put(*"abc")
    look_at(source)
    killed = take(SyncedSource.objects.get(), holder="site")
    assert killed is not None
    SyncedEntry.objects.filter(key="b").delete()  # it was killed before it could note what it had stored
    take_back()
    source.refresh_from_db()
    killed.refresh_from_db()
    assert (killed.state, source.token, source.next_due <= timezone.now()) == ("interrupted", "", True)
    run = look_at(source)
    assert (counts(run), titles()) == ({"unchanged": 3}, ["A", "B", "C"])


def test_lease_without_a_sign_of_life_ends(source: SyncedSource, index: None) -> None:
    from retrieval.configuration import runtime

    take(source, holder="command")  # in a process that is gone
    runs = Runs()
    runs._beat()
    runs._beat()
    assert SyncedSource.objects.get().token  # it is too early
    runs._leases._seen = {
        pk: (sign, at - runtime().settings.lease_seconds) for pk, (sign, at) in runs._leases._seen.items()
    }
    runs._beat()
    assert SyncedSource.objects.get().token == ""


def test_source_that_ends_its_process_again_and_again_waits_for_its_schedule(source: SyncedSource) -> None:
    for _ in range(3):
        assert take(SyncedSource.objects.get(), holder="site") is not None
        take_back()
    source.refresh_from_db()
    assert source.next_due > timezone.now()


def test_paused_source_is_left_alone_and_its_run_writes_no_more(source: SyncedSource) -> None:
    put(*"ab")
    run = take(source, holder="site")
    assert run is not None
    running = due_module.Running(source, run)
    SyncedSource.objects.update(active=False, token="")
    assert (running.follow().state, titles()) == ("interrupted", [])
    assert run_now(SyncedSource.objects.get()) is None


@pytest.mark.django_db(transaction=True)
def test_source_that_hangs_holds_up_no_other_and_writes_no_more(
    source: SyncedSource, public: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("a")
    Shelf.waiting = threading.Event()
    runs = Runs()
    ask_for(source)
    runs.work()
    thread, running = runs._under_way[source.pk]
    try:
        until = time.monotonic() + 60
        while not titles() and time.monotonic() < until:
            time.sleep(0.01)
        running.progressed_at -= due_module.STUCK_SECONDS + 1
        other = make_source(public, "shelf", name="Other")
        runs.work()
        hung = SyncRun.objects.get(source=source)
        assert (hung.state, SyncedSource.objects.get(pk=source.pk).token) == ("failed", "")
        assert str(hung.error) == "It did not get on for 15 minutes, and was given up."
        Shelf.waiting.set()
        thread.join(60)
        assert SyncRun.objects.get(source=source).state == "failed"  # what it did later is not written
        assert run_now(other) is not None
    finally:
        Shelf.waiting.set()
        thread.join(60)


def test_run_that_is_asked_to_stop_goes_on_the_next_time(source: SyncedSource) -> None:
    put(*"abc")
    seen: list[str] = []

    def stopping() -> bool:
        seen.append("")
        return len(seen) > 2

    run = run_now(source, stopping=stopping)
    source.refresh_from_db()
    assert run is not None
    assert (run.state, titles(), source.next_due <= timezone.now()) == ("interrupted", ["A", "B"], True)
    assert counts(look_at(source)) == {"added": 1, "unchanged": 2}


def test_log_is_bounded(source: SyncedSource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrieval.syncing.running.EVENTS_KEPT", 2)
    put(*"abc")
    run = look_at(source)
    assert (run.added, len(events(run))) == (3, 2)
    SyncRun.objects.bulk_create(SyncRun(source=source, state="done") for _ in range(RUNS_KEPT + 5))
    look_at(source)
    assert SyncRun.objects.count() == RUNS_KEPT


# ---- when it is due --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("every", "at", "weekday", "expected"),
    [
        ("hand", None, None, None),
        ("hour", None, None, "2026-03-28T12:00"),
        ("hour", clock_time(5, 30), None, "2026-03-28T11:30"),
        ("day", clock_time(12, 0), None, "2026-03-29T10:00"),  # clocks go forward that night
        ("day", clock_time(2, 30), None, "2026-03-29T01:30"),  # which no clock shows
        ("week", clock_time(6, 0), 5, "2026-04-04T04:00"),
        ("week", None, None, "2026-03-29T22:00"),
    ],
)
def test_next_time(every: str, at: clock_time | None, weekday: int | None, expected: str | None) -> None:
    source = SyncedSource(every=every, at=at, weekday=weekday)
    moment = next_due(source, after=datetime(2026, 3, 28, 11, 0, tzinfo=UTC), zone=ZoneInfo("Europe/Berlin"))
    assert (moment and moment.strftime("%Y-%m-%dT%H:%M")) == expected


def test_time_that_a_wrong_clock_has_set_is_not_waited_for(source: SyncedSource) -> None:
    far = timezone.now() + timedelta(days=365)
    SyncedSource.objects.update(next_due=far)
    assert [*due_module.due(timezone.now())] == [source]
    SyncedSource.objects.update(next_due=timezone.now() + timedelta(days=6))
    assert [*due_module.due(timezone.now())] == []


# ---- what the operator sees ------------------------------------------------------------------------------------------
def test_command_and_doctor_say_what_became_of_each(source: SyncedSource, tmp_path: Path, index: None) -> None:
    put("a")
    out, err = StringIO(), StringIO()
    call_command("sync_sources", "Shelf", stdout=out, stderr=err)
    assert (out.getvalue(), err.getvalue()) == ("Shelf: in step: 1 added\n", "")
    Shelf.raising = ValueError("wrong")
    with pytest.raises(CommandError, match="1 sources need a person"):
        call_command("sync_sources", stdout=out, stderr=err)
    assert err.getvalue() == "Shelf: It raised ValueError: wrong.\n"
    found = [(one.state, one.well) for one in doctor._sources()]
    assert found == [
        ("source Shelf of Handbook: It raised ValueError: wrong.", False),
        ("1, of which 1 need a person; 0 due now", True),
    ]
    with pytest.raises(CommandError, match="No source is called 'Nothing'"):
        call_command("sync_sources", "Nothing")
    withdraw_source("shelf")
    assert "which nothing declares" in next(iter(doctor._sources())).state
    assert str(look_at(source).error) == "Nothing declares sources of the kind “shelf” any more."

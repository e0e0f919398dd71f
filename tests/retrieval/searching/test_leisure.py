"""A search may take its time while no other waits."""

from __future__ import annotations

from retrieval.searching.leisure import Searches

LONG, OVER = 1_000_000, -1


def test_a_search_has_time_while_it_is_the_only_one() -> None:
    searches = Searches()
    with searches.one(milliseconds=LONG) as first:
        assert first()
        with searches.one(milliseconds=LONG) as second:
            assert not first()
            assert not second()
        assert first()


def test_a_search_has_no_time_when_its_own_is_over() -> None:
    with Searches().one(milliseconds=OVER) as spare:
        assert not spare()


def test_a_search_without_a_limit_reads_whoever_waits() -> None:
    searches = Searches()
    with searches.one(milliseconds=0) as first, searches.one(milliseconds=LONG):
        assert first()


def test_a_search_that_fails_is_counted_no_longer() -> None:
    searches = Searches()
    try:
        with searches.one(milliseconds=LONG):
            raise LookupError
    except LookupError:
        pass
    with searches.one(milliseconds=LONG) as spare:
        assert spare()

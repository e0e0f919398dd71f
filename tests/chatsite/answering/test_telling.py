"""The telling of a run asks for what its reader may see; but not again for what that reader's own search has seen."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import Any

import pytest
from django.contrib.auth.models import User

from chatsite.answering.sight import Sight
from chatsite.answering.telling import LOOK_SECONDS, PassagesFound, Telling
from chatsite.reader import Reader
from retrieval.models import Collection
from retrieval.searching.search import SearchResult, search

TEA = "# Tea\n\nWait four minutes before you pour the tea.\n"


@pytest.fixture
def found(public: Collection, reader: User, put: Any) -> SearchResult:
    put(public, "tea.md", TEA)
    return search("How long do I wait?", user=reader)


def passages_found(found: SearchResult, sight: Sight) -> PassagesFound:
    return PassagesFound(dict(enumerate(found.passages, 1)), sight)


def just_seen(reader: User, found: SearchResult) -> Sight:
    return Sight(Reader(reader), found.documents, looked=monotonic() + 60)  # however slow the machine


def test_what_the_readers_own_search_has_seen_is_not_asked_again(
    found: SearchResult, reader: User, django_assert_num_queries: Any
) -> None:
    entry = passages_found(found, just_seen(reader, found))
    with django_assert_num_queries(0):
        [event] = Telling(reader=Reader(reader)).events([entry])
    assert event.body["sources"][0]["content"] == TEA.strip()
    assert event.body["sources"][0]["title"] == found.passages[0].title


def test_another_reader_is_shown_what_that_one_may_see(
    found: SearchResult, reader: User, django_assert_num_queries: Any
) -> None:
    Collection.objects.update(public=False)
    entry = passages_found(found, just_seen(reader, found))
    other = User.objects.create(username="other")
    with django_assert_num_queries(1):
        [event] = Telling(reader=Reader(other)).events([entry])
    assert event.body["sources"][0]["content"] == ""


def test_what_was_seen_a_while_ago_is_asked_again(found: SearchResult, reader: User) -> None:
    Collection.objects.update(public=False)
    late = replace(just_seen(reader, found), looked=monotonic() - 2 * LOOK_SECONDS)
    [event] = Telling(reader=Reader(reader)).events([passages_found(found, late)])
    assert event.body["sources"][0]["content"] == ""


def test_passages_that_no_search_has_seen_are_asked_for(found: SearchResult, reader: User) -> None:
    [event] = Telling(reader=Reader(reader)).events([passages_found(found, Sight(Reader(reader), {}))])
    assert event.body["sources"][0]["content"] == TEA.strip()

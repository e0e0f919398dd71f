"""How many answers are written at once: a process refuses more than it can hold, and a reader more than a fair share.

A refusal costs no search, no model and no thread that waits, so that it comes at once however busy the process is.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable
from itertools import count

from django.conf import settings
from django.contrib.auth import get_user_model

from chatsite import errors
from chatsite.models import Conversation, Run
from chatsite.reader import Reader
from retrieval.models import User

FULL_RETRY_SECONDS = 5
USER_RETRY_SECONDS = 10
FOLLOWED = 3  # pages from which each question of a reader may be followed, all of them together

TooMany = Callable[..., errors.AnswerError]


class Places:
    """Places, one for each answer or reader of one, until it is released."""

    def __init__(self) -> None:
        self._taken: dict[int, str] = {}
        self._held: Counter[str] = Counter()
        self._numbers = count()
        self._lock = threading.Lock()

    def take(self, *, limit: int, by: str, share: int, too_many: TooMany) -> Place:
        """Take one of `limit` places, of which whoever is named `by` may hold `share`.

        Raises AnswerError: 503 when all are taken, 429, which `too_many` makes, when that one holds its share.
        """
        with self._lock:
            if len(self._taken) >= limit:
                raise errors.busy(limit, retry_after=FULL_RETRY_SECONDS)
            if self._held[by] >= share:
                raise too_many(share, retry_after=USER_RETRY_SECONDS)
            number = next(self._numbers)
            self._taken[number] = by
            self._held[by] += 1
        return Place(self, number)

    def held(self, *, by: str) -> int:
        """Return how many places whoever is named `by` holds."""
        with self._lock:
            return self._held[by]

    def release(self, number: int) -> None:
        with self._lock:
            by = self._taken.pop(number, None)
            if by is not None:
                self._held[by] -= 1
                self._held += Counter()  # forget who holds none


class Place:
    """Release it however what it was taken for ends; twice is as good as once."""

    def __init__(self, places: Places, number: int) -> None:
        self._places = places
        self._number = number

    def release(self) -> None:
        self._places.release(self._number)


_runs = Places()
_followers = Places()


def _forget_after_fork() -> None:
    """Begin anew in a forked child: what holds the parent's places runs in the parent."""
    global _runs, _followers
    _runs, _followers = Places(), Places()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


def place_for_run(reader: Reader) -> Place:
    """Take a place for an answer. Raises AnswerError: 503 when this process is full, 429 when the reader holds a share
    of it."""
    most, share = settings.RUNS_PER_PROCESS, _share(reader)
    return _runs.take(limit=most, by=reader.counted_as, share=share, too_many=_too_many(reader))


def check_place(reader: Reader) -> None:
    """Refuse a question before anything is looked up for it. Raises AnswerError (429) when the reader holds a share of
    this process."""
    share = _share(reader)
    if _runs.held(by=reader.counted_as) >= share and share < settings.RUNS_PER_PROCESS:
        raise _too_many(reader)(share, retry_after=USER_RETRY_SECONDS)


def _too_many(reader: Reader) -> TooMany:
    return errors.too_many_at_once if reader.has_account else errors.too_many_of_address


def _share(reader: Reader) -> int:
    half = max(1, settings.RUNS_PER_PROCESS // 2)  # so that there is room for somebody else
    return half if reader.has_account else min(half, settings.RUNS_PER_ADDRESS)


def place_for_follower(reader: Reader) -> Place:
    """Take a place for one that follows an answer, which holds a thread of the server as well. Raises AnswerError
    (503, 429)."""
    most = 2 * settings.RUNS_PER_PROCESS
    asks = settings.RUNS_PER_USER if reader.has_account else settings.RUNS_PER_ADDRESS
    share = max(1, min(most // 2, FOLLOWED * asks))
    return _followers.take(limit=most, by=reader.counted_as, share=share, too_many=errors.too_many_followed)


def hold_share(user: User) -> None:
    """Have one question at a time of this user's counted, to the end of the transaction, so that the limit holds."""
    if user.is_authenticated:
        get_user_model()._default_manager.select_for_update().filter(pk=user.pk).first()


def check_share(conversation: Conversation) -> None:
    """Whoever asks has a place left, in all processes together. A program without a key is counted by its address
    alone, in each process.

    Raises AnswerError (429).
    """
    owned = Conversation.objects.filter(user=conversation.user_id) if conversation.user_id else None
    if owned is None and conversation.browser:
        owned = Conversation.objects.filter(user=None, browser=conversation.browser)
    if owned is None:
        return
    under_way = Run.objects.filter(conversation__in=owned, state=Run.State.RUNNING, stop_asked=False)
    limit = settings.RUNS_PER_USER
    if under_way.exclude(pk__in=Run.objects.lost().values("pk")).count() >= limit:
        raise errors.too_many_at_once(limit, retry_after=USER_RETRY_SECONDS)

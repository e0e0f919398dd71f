"""How many answers are written at once: a process refuses more than it can hold, and a reader more than a fair share.

A refusal costs no search, no model and no thread that waits, so that it comes at once however busy the process is.
"""

from __future__ import annotations

import os
import threading
from itertools import count

from django.conf import settings

from chatsite import errors
from chatsite.models import Conversation, Run

FULL_RETRY_SECONDS = 5
USER_RETRY_SECONDS = 10


class Places:
    """`limit()` places, one for each answer or reader of one, until it is released."""

    def __init__(self) -> None:
        self._taken: set[int] = set()
        self._numbers = count()
        self._lock = threading.Lock()

    def take(self, *, limit: int) -> Place:
        """Raises AnswerError (503) when all are taken."""
        with self._lock:
            if len(self._taken) >= limit:
                raise errors.busy(limit, retry_after=FULL_RETRY_SECONDS)
            number = next(self._numbers)
            self._taken.add(number)
        return Place(self, number)

    def release(self, number: int) -> None:
        with self._lock:
            self._taken.discard(number)


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


def place_for_run() -> Place:
    """Raises AnswerError (503)."""
    return _runs.take(limit=settings.RUNS_PER_PROCESS)


def place_for_follower() -> Place:
    """Take a place for one that follows an answer, which holds a thread of the server as well. Raises AnswerError
    (503)."""
    return _followers.take(limit=2 * settings.RUNS_PER_PROCESS)


def check_share(conversation: Conversation) -> None:
    """Whoever asks has a place left, in all processes together. A program without a key has no name to count it by.

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

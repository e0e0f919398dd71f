"""A line in front of a language model that answers a few questions at once: first come, first served."""

from __future__ import annotations

import os
import threading

from django.conf import settings


class ModelLine:
    """The questions of this process that are at the model or wait for it, in the order in which they came."""

    def __init__(self) -> None:
        self._turns: list[PlaceInLine] = []
        self._giving_way: set[PlaceInLine] = set()
        self.moved = threading.Condition()

    def join(self) -> PlaceInLine:
        """Stand at the end of the line."""
        turn = PlaceInLine(self)
        with self.moved:
            self._turns.append(turn)
        return turn

    def place_of(self, turn: PlaceInLine) -> int:
        """Return how many have to end before it is this one's turn, counting itself: 0 when it is, or has left."""
        with self.moved:
            at = self._turns.index(turn) if turn in self._turns else 0
        return max(0, at + 1 - settings.CHAT_PARALLEL) if settings.CHAT_PARALLEL else 0

    def leave(self, turn: PlaceInLine) -> None:
        """Let the next one come; twice is as good as once."""
        with self.moved:
            if turn in self._turns:
                self._turns.remove(turn)
                self._giving_way.discard(turn)
                self.moved.notify_all()

    def give_way(self, turn: PlaceInLine) -> bool:
        """Say whether the question at `turn`, which nobody follows, has to end: it is at the model, and somebody waits
        for whom no other ends already."""
        with self.moved:
            at_the_model = self._turns[: settings.CHAT_PARALLEL]
            waiting = len(self._turns) - len(at_the_model)
            if turn in at_the_model and waiting > len(self._giving_way - {turn}):
                self._giving_way.add(turn)
                return True
        return False


class PlaceInLine:
    """One question's turn. Leave the line however the question ends."""

    def __init__(self, line: ModelLine) -> None:
        self._line = line

    @property
    def place(self) -> int:
        """Return the place in line, from 1; 0 when it is this one's turn."""
        return self._line.place_of(self)

    def wait(self, seconds: float) -> None:
        """Wait until the line moves, or for so long."""
        with self._line.moved:
            self._line.moved.wait(seconds)

    def gives_way(self) -> bool:
        """Say whether this question, which nobody follows, has to end for one that waits."""
        return self._line.give_way(self)

    def leave(self) -> None:
        self._line.leave(self)


_line = ModelLine()


def _forget_after_fork() -> None:
    """Begin anew in a forked child: the parent's questions are answered there."""
    global _line
    _line = ModelLine()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


def join_line() -> PlaceInLine:
    """Join the line of this process."""
    return _line.join()

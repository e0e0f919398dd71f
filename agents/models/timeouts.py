"""Bound how long each thing that a model's server owes may take."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from agents.errors import DeadlineExceeded

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Timeout:
    """Seconds: to connect, to the first text or tool call, between two lines, and for a whole turn with its retries.

    A local model that has just been started reads a long prompt for a minute or more before it says anything.
    """

    connect: float = 5.0
    first: float = 120.0
    between: float = 20.0
    total: float = 300.0


class AttemptClock:
    """The time that one attempt has, until `deadline` in the running loop's time."""

    def __init__(self, timeout: Timeout, *, deadline: float) -> None:
        self._now = asyncio.get_running_loop().time
        self._timeout = timeout
        self._deadline = deadline
        self._due = self._now() + timeout.first

    async def wait(self, awaitable: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout_at(min(self._due, self._deadline)):
                return await awaitable
        except TimeoutError as error:
            over = self._now() >= self._deadline
            limit = f"{self._timeout.total:g} s for a whole turn" if over else "its time to say something"
            raise DeadlineExceeded(f"the model exceeded {limit}") from error

    def tick(self, *, heard: bool) -> None:
        """Something has come. Until the first chunk was `heard`, it is only a sign of life, and buys no time."""
        if heard:
            self._due = self._now() + self._timeout.between

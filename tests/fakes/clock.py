"""A clock that a test sets, for what takes one in place of `time`."""

from __future__ import annotations


class FakeClock:
    """Passes only while somebody sleeps by it; `slept` has how long each did, in seconds."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        self.slept.append(seconds)
        self.now += seconds

"""Checks around a run: on what is asked, on what is answered, and on what the answer cites.

A check is a function, sync or async, that returns None to allow, or the reason why it blocks. A blocked run ends as
`blocked`, with `Blocked` as its error. Text of an agent with checks on its answers is held back until they allow it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from agents.errors import Blocked
from agents.messages import Message, UserMessage
from agents.tools import invoke

Verdict: TypeAlias = str | Awaitable[str | None] | None


@dataclass(frozen=True, slots=True)
class Guardrails:
    """Each is called with what it checks: the question; the answer; the answer and all messages, sources among them."""

    input: Sequence[Callable[[UserMessage], Verdict]] = ()
    output: Sequence[Callable[[str], Verdict]] = ()
    citations: Sequence[Callable[[str, Sequence[Message]], Verdict]] = ()

    @property
    def hold_answers(self) -> bool:
        return bool(self.output or self.citations)

    async def check_input(self, prompt: UserMessage) -> None:
        """Raises Blocked."""
        await _check("input", self.input, prompt)

    async def check_answer(self, content: str, *, messages: Sequence[Message]) -> None:
        """Raises Blocked."""
        await _check("output", self.output, content)
        await _check("citations", self.citations, content, messages)


async def _check(stage: str, checks: Sequence[Callable[..., Verdict]], *subject: Any) -> None:
    for check in checks:
        if (reason := await invoke(check, *subject)) is not None:
            raise Blocked(str(reason), stage)

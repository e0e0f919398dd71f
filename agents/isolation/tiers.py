"""Run agents in isolation: in a process, else on a thread, else another agent."""

from __future__ import annotations

import asyncio
import difflib
import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, Protocol, TypeAlias, get_args

from asgiref.sync import sync_to_async

from agents.agent import RunStream, ignore
from agents.bridge import acall, call
from agents.errors import LimitExceeded, WorkerLost, WorkerNotStarted
from agents.events import Event, RunEnded, TextDelta
from agents.isolation.processes import ProcessAttempt
from agents.isolation.recipe import Order, Recipe
from agents.isolation.threads import ThreadAttempt
from agents.models.openai_dicts import Asked, History, read_history, read_prompt
from agents.result import RunResult
from agents.steps import Request
from agents.streams import Emit, Stream

Tier = Literal["process", "thread", "inline"]
Isolation: TypeAlias = Tier | Sequence[Tier]

logger = logging.getLogger(__name__)


# ---- the doors -------------------------------------------------------------------------------------------------------
def run_isolated(
    recipe: Recipe,
    prompt: Asked,
    *,
    history: History = (),
    isolation: Isolation = "process",
    deadline: float = 60.0,
    fallback: Recipe | None = None,
) -> RunResult:
    """Run the agent that `recipe` makes, and kill it `deadline` seconds from now if it has not ended.

    `isolation` names the tiers to try, in this order: "process", "thread", "inline". The next is tried when there the
    run could not begin: no process starts, the factory raises. When the run ends without a word of an answer (killed,
    crashed, failed), or never began, `fallback` answers in the same tiers, or else on a thread, with a deadline as
    long. `result.tier` says which tier answered: one of these, or "fallback". Without a fallback a killed run is
    `limited`, one whose process died is `failed` with WorkerLost, and one that never began with WorkerNotStarted.

    In a process, tools have their own database connections. A thread is left behind at the deadline when its tool
    doesn't end. "inline" can only cancel. Raises ValueError or TypeError for arguments that can't work.
    """
    return call(_answer, _plan(recipe, prompt, history, isolation, deadline, fallback))


async def arun_isolated(
    recipe: Recipe,
    prompt: Asked,
    *,
    history: History = (),
    isolation: Isolation = "process",
    deadline: float = 60.0,
    fallback: Recipe | None = None,
) -> RunResult:
    """`run_isolated` for async code; cancelling it kills the process."""
    return await acall(_answer, _plan(recipe, prompt, history, isolation, deadline, fallback))


def stream_isolated(
    recipe: Recipe,
    prompt: Asked,
    *,
    history: History = (),
    isolation: Isolation = "process",
    deadline: float = 60.0,
    fallback: Recipe | None = None,
) -> RunStream:
    """`run_isolated` as an iterator of events, as `stream` is; to `close()` it kills the process.

    The result of a run that was killed has the text so far, and no fallback answers then.
    """
    plan = _plan(recipe, prompt, history, isolation, deadline, fallback)
    plan = replace(plan, order=replace(plan.order, stream=True))
    return Stream(partial(_answer, plan), last=RunEnded)


# ---- what is asked for -----------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Plan:
    order: Order
    tiers: tuple[Tier, ...]
    fallback: Recipe | None

    @property
    def instead(self) -> _Plan:
        """Return the plan for the fallback, which may run on a thread when all else fails."""
        assert self.fallback
        tiers: tuple[Tier, ...] = ("process",) if self.fallback.python else (*self.tiers, "thread")
        return _Plan(replace(self.order, recipe=self.fallback), tuple(dict.fromkeys(tiers)), None)


def _plan(
    recipe: Recipe,
    prompt: Asked,
    history: History,
    isolation: Isolation,
    deadline: float,
    fallback: Recipe | None,
) -> _Plan:
    """Raises ValueError or TypeError, by the name of what can't be."""
    for name, given in (("recipe", recipe), ("fallback", fallback)):
        if not isinstance(given, Recipe) and (name, given) != ("fallback", None):
            raise TypeError(f'{name} is {given!r}, and has to be made elsewhere: Recipe("package.module:function")')
    asked, earlier = read_prompt(prompt), read_history(history)
    if not isinstance(deadline, int | float) or not 0 < deadline < math.inf:
        raise ValueError(f"deadline is {deadline!r}: give seconds, more than 0")
    tiers = _tiers(isolation)
    if recipe.python and set(tiers) != {"process"}:
        raise ValueError(f"{recipe.factory} is made by {recipe.python}, which only isolation='process' can do")
    return _Plan(Order(recipe, asked, earlier, seconds=deadline), tiers, fallback)


def _tiers(isolation: Isolation) -> tuple[Tier, ...]:
    given = isolation if isinstance(isolation, Iterable) and not isinstance(isolation, str) else (isolation,)
    tiers: tuple[Tier, ...] = tuple(given)
    known: tuple[str, ...] = get_args(Tier)
    for tier in map(str, tiers):
        if tier not in known:
            near = difflib.get_close_matches(tier.lower(), known, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            if tier == "fallback":
                hint = " What answers in the end is a recipe: fallback=Recipe(...)."
            raise ValueError(f"isolation {tier!r} is unknown.{hint} There are: {', '.join(known)}")
    if not tiers or len(set(tiers)) < len(tiers):
        raise ValueError(f"isolation is {isolation!r}: name one or more of {', '.join(known)}, each once")
    return tiers


# ---- tier after tier -------------------------------------------------------------------------------------------------
async def _answer(plan: _Plan, emit: Emit[Event] = ignore) -> RunResult:
    result = await _in_tiers(plan, emit)
    if not plan.fallback or result.status not in ("failed", "limited") or result.content.strip():
        return result
    logger.warning("%s gave no answer, its fallback does: %r", plan.order.recipe.factory, result.error)
    return replace(await _in_tiers(plan.instead, emit), tier="fallback")


async def _in_tiers(plan: _Plan, emit: Emit[Event]) -> RunResult:
    until = asyncio.get_running_loop().time() + plan.order.seconds
    reasons = []
    for tier in plan.tiers:
        try:
            return replace(await _within(until, ATTEMPTS[tier], plan.order, emit), tier=tier)
        except WorkerNotStarted as error:
            logger.warning("%s can't run in a tier, %s: %s", plan.order.recipe.factory, tier, error)
            reasons.append(str(error) if len(plan.tiers) == 1 else f"{tier}: {error}")
    return replace(plan.order.ended("failed", WorkerNotStarted("; ".join(reasons))), tier=tier)


class _Attempt(Protocol):
    """A run in one tier; `fate` says what has become of it when its deadline came."""

    def __init__(self, order: Order, emit: Emit[Event]) -> None: ...
    @property
    def fate(self) -> str: ...
    async def run(self) -> RunResult: ...


class InlineAttempt:
    fate = "it was cancelled"

    def __init__(self, order: Order, emit: Emit[Event]) -> None:
        self._order = order
        self._emit = emit

    async def run(self) -> RunResult:
        try:
            agent = await sync_to_async(self._order.recipe.build)()
        except Exception as error:  # whatever a factory may raise
            logger.exception("%s made no agent", self._order.recipe.factory)
            raise WorkerNotStarted(f"{self._order.recipe.factory} made no agent: {error!r}") from error
        assert self._order.prompt
        return await agent.perform(Request(self._order.prompt, self._order.history), self._emit)


ATTEMPTS: dict[Tier, type[_Attempt]] = {"process": ProcessAttempt, "thread": ThreadAttempt, "inline": InlineAttempt}


async def _within(until: float, attempt_in: type[_Attempt], order: Order, emit: Emit[Event]) -> RunResult:
    """Return how the run ended, at the latest at `until`. Raises WorkerNotStarted."""
    said: list[str] = []

    async def overhear(event: Event) -> None:
        if isinstance(event, TextDelta):
            said.append(event.text)
        await emit(event)

    attempt = attempt_in(order, overhear if order.stream else ignore)
    try:
        async with asyncio.timeout_at(until) as timer:
            return await attempt.run()
    except TimeoutError:
        if not timer.expired():
            raise
        ended = f"the run was ended at its deadline of {order.seconds:g} seconds: {attempt.fate}"
        return order.ended("limited", LimitExceeded(ended), content="".join(said))
    except WorkerNotStarted:
        raise
    except WorkerLost as error:
        return order.ended("failed", error, content="".join(said))

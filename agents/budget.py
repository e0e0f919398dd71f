"""Limits on what a run may use, what it has used with the agents it called, and what tokens cost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import cache

from agents.errors import LimitExceeded, PriceUnknown
from agents.messages import Usage
from agents.models.model import Model


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of what one run may use, with all agents it calls. Reaching one ends it as `limited`, with what it has.

    They are checked before each request, so the last one may go beyond `tokens` or `money` (US dollars).
    """

    steps: int = 8
    tool_calls: int = 16
    seconds: float = 300.0
    tokens: int | None = None
    money: Decimal | float | None = None

    def __post_init__(self) -> None:
        for limit in fields(self):
            value = getattr(self, limit.name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float | Decimal)):
                raise TypeError(f"limit {limit.name} must be a number, not {value!r}")
            if value is None and limit.name in ("steps", "tool_calls", "seconds"):
                raise TypeError(f"limit {limit.name} must be a number: a run without it need not end")
            if value is not None and not value > 0:
                raise ValueError(f"limit {limit.name} must be more than 0, not {value!r}")


class Budget:
    """Counts what is used of `limits`; whatever is spent here is spent of the calling run's budget as well."""

    def __init__(self, limits: Limits | None, *, parent: Budget | None = None) -> None:
        self.limits = limits
        self.parent = parent
        self.steps = self.tool_calls = 0
        self.usage = Usage()
        self.cost: Decimal | None = Decimal(0)
        own = [(asyncio.get_running_loop().time() + limits.seconds, limits.seconds)] if limits else []
        inherited = [parent._end] if parent and parent._end else []
        # When it ends, in the loop's time, and after how many seconds.
        self._end: tuple[float, float] | None = min(own + inherited, default=None)

    @property
    def deadline(self) -> float | None:
        """In the running loop's time."""
        return self._end and self._end[0]

    def timed_out(self) -> LimitExceeded:
        return LimitExceeded(f"the run took longer than {self._end[1] if self._end else 0:g} seconds")

    def spend(self, usage: Usage, *, model: Model) -> None:
        cost = cost_of(usage, model=model)
        for budget in self._chain():
            budget.usage += usage
            budget.cost = None if cost is None or budget.cost is None else budget.cost + cost

    def resume(self, *, steps: int, tool_calls: int, usage: Usage, cost: Decimal | None) -> None:
        """Go on from what a paused run had used."""
        self.steps, self.tool_calls, self.usage, self.cost = steps, tool_calls, usage, cost

    def begin_step(self, *, models: list[Model]) -> None:
        """Raises LimitExceeded, or PriceUnknown when money is limited and nobody knows what a model costs."""
        for budget in self._chain():
            if budget.limits:
                budget._check(budget.limits, models)
        for budget in self._chain():
            budget.steps += 1

    def begin_tool_calls(self, count: int) -> None:
        """Raises LimitExceeded."""
        for budget in self._chain():
            budget.tool_calls += count
            if budget.limits and budget.tool_calls > budget.limits.tool_calls:
                raise LimitExceeded(f"the run asked for more than {budget.limits.tool_calls} tool calls")

    def _check(self, limits: Limits, models: list[Model]) -> None:
        if self.steps >= limits.steps:
            raise LimitExceeded(f"the run took {limits.steps} steps")
        if limits.tokens is not None and self.usage.total_tokens >= limits.tokens:
            raise LimitExceeded(f"the run used {self.usage.total_tokens} of {limits.tokens} tokens")
        if limits.money is None:
            return
        for model in models:
            if price_of(model) is None:
                raise PriceUnknown(f"money is limited, but the price of {model.name} is unknown: give the model one")
        if self.cost is None or self.cost >= Decimal(str(limits.money)):
            raise LimitExceeded(f"the run cost {self.cost} of {limits.money} US dollars")

    def _chain(self) -> Iterator[Budget]:
        budget: Budget | None = self
        while budget:
            yield budget
            budget = budget.parent


_current: ContextVar[Budget | None] = ContextVar("agents_budget", default=None)


@contextmanager
def spending(limits: Limits | None) -> Iterator[Budget]:
    """A budget for the block, inside that of the run which the block belongs to."""
    budget = Budget(limits, parent=_current.get())
    token = _current.set(budget)
    try:
        yield budget
    finally:
        _current.reset(token)


# ---- prices: those of the package `genai-prices`, or a model's own `price` -------------------------------------------
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens; `cached` for those of the input that the provider had kept, if it asks less."""

    input: Decimal
    output: Decimal
    cached: Decimal | None = None

    def of(self, usage: Usage) -> Decimal:
        cached = self.input if self.cached is None else self.cached
        read = self.input * (usage.input_tokens - usage.cached_tokens) + cached * usage.cached_tokens
        return (read + self.output * usage.output_tokens) / MILLION


FREE = Price(Decimal(0), Decimal(0))


def cost_of(usage: Usage, *, model: Model) -> Decimal | None:
    """US dollars; None when the price is unknown."""
    price = price_of(model)
    return price.of(usage) if price else None


def price_of(model: Model) -> Price | None:
    """Return the model's own `price`, or else what its provider asks for a model of that name. An address of no known
    provider has none.
    """
    own: Price | None = getattr(model, "price", None)
    return own or _listed(model.name, str(getattr(model, "base_url", None) or ""))


@cache
def _listed(name: str, url: str) -> Price | None:
    from genai_prices import Usage as Tokens
    from genai_prices import calc_price
    from genai_prices.types import PriceCalculation

    def price(**tokens: int) -> PriceCalculation:
        return calc_price(Tokens(**tokens), model_ref=name, provider_api_url=url or None)

    try:
        full = price(input_tokens=1000, output_tokens=1000)
    except LookupError:
        return None
    cached = price(input_tokens=1000, cache_read_tokens=1000).input_price
    return Price(full.input_price * 1000, full.output_price * 1000, cached * 1000)

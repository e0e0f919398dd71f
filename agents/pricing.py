"""What tokens cost. Prices are data: those of the package `genai-prices`, or a model's own `price`."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from agents.messages import Usage

if TYPE_CHECKING:
    from agents.model import Model

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens."""

    input: Decimal
    output: Decimal

    def of(self, usage: Usage) -> Decimal:
        return (self.input * usage.input_tokens + self.output * usage.output_tokens) / MILLION


FREE = Price(Decimal(0), Decimal(0))


def cost_of(usage: Usage, *, model: Model) -> Decimal | None:
    """US dollars; None when the price is unknown. Tokens that a provider bills at a discount count in full."""
    price = price_of(model)
    return price.of(usage) if price else None


def price_of(model: Model) -> Price | None:
    """The model's own `price`, or else what its provider asks for a model of that name; an address that is no known
    provider's has no price.
    """
    own: Price | None = getattr(model, "price", None)
    return own or _listed(model.name, str(getattr(model, "base_url", None) or ""))


@cache
def _listed(name: str, url: str) -> Price | None:
    from genai_prices import Usage as Tokens
    from genai_prices import calc_price

    try:
        found = calc_price(Tokens(input_tokens=1000, output_tokens=1000), model_ref=name, provider_api_url=url or None)
    except LookupError:
        return None
    return Price(found.input_price * 1000, found.output_price * 1000)

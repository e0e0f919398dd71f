"""What runs have taken: tokens as they are recorded, and US dollars by today's price of their model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any

from django.db.models import BigIntegerField, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce

from agents.budget import Price, price_of
from agents.messages import Usage
from chatsite.answering.language_models import language_model
from chatsite.conf import EXTRACTIVE
from chatsite.models import ModelPrice

_KINDS = [field.name for field in fields(Usage)]


def token_sums() -> dict[str, Any]:
    """Return what to annotate runs with, so that each row has their tokens, for `usage_of`."""
    return {kind: Coalesce(Sum(Cast(KT(f"usage__{kind}"), BigIntegerField())), 0) for kind in _KINDS}


def usage_of(row: Mapping[str, Any]) -> Usage:
    """Return the tokens in a row of `token_sums`, or of a run's own `usage`."""
    return Usage(**{kind: int(row.get(kind) or 0) for kind in _KINDS})


def own_prices() -> dict[str, Price]:
    """Return the prices that somebody has given here, by the name of the model, in one query."""
    return {each.model: each.price for each in ModelPrice.objects.all()}


def price_of_model(name: str, *, own: Mapping[str, Price]) -> Price | None:
    """Return what a language model costs: what is said here of it, or else what its provider publishes; None where
    neither is known."""
    return own.get(name) or price_of(language_model(name))


def cost_of_model(name: str, usage: Usage, *, own: Mapping[str, Price] | None = None) -> Decimal | None:
    """Return US dollars: none where no language model was asked, None where its price is unknown. `own` are those of
    `own_prices`, for who asks of many."""
    if name in {"", EXTRACTIVE}:
        return Decimal()
    price = price_of_model(name, own=own_prices() if own is None else own)
    return price.of(usage) if price else None


def dollars(name: str, usage: Usage, *, own: Mapping[str, Price] | None = None) -> float | None:
    """Return `cost_of_model` as JSON has numbers."""
    cost = cost_of_model(name, usage, own=own)
    return None if cost is None else float(cost)

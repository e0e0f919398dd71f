"""What bounds questions and answers now, what a model costs, and where each is set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from chatsite.conf import chat_models
from chatsite.overview.spending import own_prices, price_of_model


@dataclass(frozen=True, slots=True)
class Bound:
    """One of them: what it bounds, its value as it is shown, and the setting that has it."""

    about: str
    value: str
    setting: str


def bounds() -> Iterator[Bound]:
    """Yield limits, quotas and prices as they apply in this process."""
    yield Bound(_("Language models, in the order in which they are asked"), _models(), "CHAT_MODELS")
    for name in chat_models():
        yield Bound(_("Price of %s, a million tokens read / written") % name, _price(name), "")
    seconds = _("%s seconds")
    yield Bound(_("Longest answer of a model"), seconds % _number(settings.CHAT_TOTAL_SECONDS), "CHAT_TOTAL_SECONDS")
    first = seconds % _number(settings.CHAT_FIRST_TOKEN_SECONDS)
    yield Bound(_("Longest wait for its first word"), first, "CHAT_FIRST_TOKEN_SECONDS")
    for about, name in _counted():
        value = getattr(settings, name)
        yield Bound(about, _("no limit") if name == "CHAT_PARALLEL" and not value else _number(value), name)
    for about, name in _measured():
        size = getattr(settings, name)
        yield Bound(about, filesizeformat(size) if size else _("no limit"), name)


def _counted() -> list[tuple[str, str]]:
    return [
        (_("Answer length, in tokens"), "CHAT_MAX_TOKENS"),
        (_("Questions that a model answers at once, in a process"), "CHAT_PARALLEL"),
        (_("Questions under way of one account"), "RUNS_PER_USER"),
        (_("Questions under way of one address without an account"), "RUNS_PER_ADDRESS"),
        (_("Questions under way in a process"), "RUNS_PER_PROCESS"),
        (_("Characters of a question"), "QUERY_MAX_CHARACTERS"),
        (_("Files attached to a conversation"), "ATTACHMENTS"),
    ]


def _measured() -> list[tuple[str, str]]:
    return [
        (_("Largest file"), "UPLOAD_MAX_BYTES"),
        (_("All documents of one user"), "USER_QUOTA_BYTES"),
        (_("All files attached by one user"), "ATTACHMENTS_QUOTA_BYTES"),
    ]


def _models() -> str:
    return ", ".join(chat_models()) or _("none: sentences are quoted")


def _number(value: Any) -> str:
    return number_format(value, force_grouping=True, decimal_pos=0)


def _price(name: str) -> str:
    price = price_of_model(name, own=own_prices())
    return f"${price.input.normalize():f} / ${price.output.normalize():f}" if price else _("no price")

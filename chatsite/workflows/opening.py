"""The model that writes nothing of its own: it gives the opening sentences of what it was asked about."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from agents import Message, ModelEvent, Price, TextDelta, UserMessage
from agents.budget import FREE
from chatsite.conf import EXTRACTIVE
from retrieval.text.sentences import sentence_spans

SENTENCES = 3


@dataclass(frozen=True, slots=True)
class OpeningModel:
    """Stands in where no language model is configured, so that a workflow can be tried. It says that it is none."""

    name: str = EXTRACTIVE
    price: Price = FREE
    offline: bool = True  # so USE_MOCK_EXECUTION leaves it in its place

    async def stream(self, *, messages: Sequence[Message], **request: Any) -> AsyncGenerator[ModelEvent]:
        asked = next((message.text for message in reversed(messages) if isinstance(message, UserMessage)), "")
        notice = _("No language model is configured, so this is only how the given text begins:")
        yield TextDelta(f"{notice} {opening(asked)}")


def opening(text: str) -> str:
    """Return the first sentences of a text."""
    spans = sentence_spans(text)[:SENTENCES]
    return " ".join(text[start:end] for start, end in spans)

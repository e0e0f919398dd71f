"""Answer without a model: with USE_MOCK_EXECUTION=true in the environment, a mock answers in place of every model that
would be asked over the network.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from agents.events import TextDelta
from agents.messages import Message, UserMessage

if TYPE_CHECKING:
    from agents.models.model import Model, ModelEvent
    from agents.models.settings import ModelSettings
    from agents.output import Output
    from agents.tools import Tool

SWITCH = "USE_MOCK_EXECUTION"
ON, OFF = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")
ANSWER = "This is a mock answer: no model was asked, since USE_MOCK_EXECUTION is on."


def is_on() -> bool:
    """Return whether the switch is on. Raises ValueError for a word that is neither on nor off."""
    word = os.environ.get(SWITCH, "").strip().lower()
    if word not in ON + OFF:
        raise ValueError(f"{SWITCH} must be true or false, not {word!r}")
    return word in ON


def in_use(models: Iterable[Model]) -> list[Model]:
    """Return the models to ask: those given, or when the switch is on those of them that are `offline`, or the mock."""
    if not is_on():
        return list(models)
    return [model for model in models if getattr(model, "offline", False)] or [MockModel()]


class MockModel:
    """Says that it is none; where an answer has to be a value, it makes up the least that fits."""

    name = "mock"
    offline = True

    async def stream(
        self,
        *,
        instructions: str,
        messages: Sequence[Message],
        tools: Sequence[Tool],
        output: Output | None = None,
        settings: ModelSettings | None = None,
    ) -> AsyncGenerator[ModelEvent]:
        if output is not None:
            yield TextDelta(json.dumps(least_of(output.schema)))
            return
        asked = next((message.text for message in reversed(messages) if isinstance(message, UserMessage)), "")
        yield TextDelta(f"{ANSWER} You asked: {asked}")


def least_of(schema: dict[str, Any], *, root: dict[str, Any] | None = None, depth: int = 0) -> Any:
    """Return a value that fits a schema, as small as can be."""
    root = schema if root is None else root
    if depth > 20:
        return None
    if "$ref" in schema:
        return least_of(root["$defs"][schema["$ref"].rpartition("/")[2]], root=root, depth=depth + 1)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if "enum" in schema:
        return schema["enum"][0]
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        simple = next((choice for choice in choices if choice.get("type") == "null"), choices[0])
        return least_of(simple, root=root, depth=depth + 1)
    match schema.get("type"):
        case "object":
            fields = schema.get("properties", {})
            wanted = schema.get("required", ())
            return {name: least_of(fields[name], root=root, depth=depth + 1) for name in fields if name in wanted}
        case "array":
            return [least_of(schema.get("items", {}), root=root, depth=depth + 1)] * schema.get("minItems", 0)
        case "integer" | "number":
            return _least_number(schema)
        case "boolean":
            return False
        case "string":
            return _text(schema)
        case _:
            return None


def _least_number(schema: dict[str, Any]) -> int | float:
    if "minimum" in schema:
        least: float = schema["minimum"]
        return least
    above: float = schema.get("exclusiveMinimum", -1)
    return above + 1 if above >= 0 else min(0, schema.get("maximum", 0))


def _text(schema: dict[str, Any]) -> str:
    formats = {"date": "2000-01-01", "date-time": "2000-01-01T00:00:00Z", "time": "00:00:00Z", "duration": "PT0S"}
    formats |= {"uuid": "00000000-0000-4000-8000-000000000000", "uri": "https://example.org/"}
    return formats.get(schema.get("format", ""), "mock".ljust(schema.get("minLength", 0), "."))[
        : schema.get("maxLength")
    ]

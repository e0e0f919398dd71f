"""Put together, over the parts of a stream, what a provider sends along and wants back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Texts that come in parts; any other value comes whole, and the last one counts.
IN_PARTS = frozenset({"reasoning", "reasoning_content", "thinking", "text", "summary", "data", "content"})

# What is understood, and needs no keeping; and what is only told, and no server takes back.
MESSAGE_FIELDS = frozenset({"role", "content", "tool_calls", "function_call", "refusal", "annotations", "audio"})
CALL_FIELDS = frozenset({"index", "id", "type", "function"})
FUNCTION_FIELDS = frozenset({"name", "arguments"})


def attach(kept: dict[str, Any], fields: Mapping[str, Any]) -> None:
    """Add the fields of one part of a stream to what was kept of the parts before."""
    for key, value in fields.items():
        if value is not None:
            kept[key] = _joined(key, kept[key], value) if key in kept else value


def unknown_fields(part: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in part.items() if key not in known}


def _joined(key: str, before: Any, value: Any) -> Any:
    if isinstance(before, str) and isinstance(value, str):
        return before + value if key in IN_PARTS else value
    if isinstance(before, dict) and isinstance(value, dict):
        joined = dict(before)
        attach(joined, value)
        return joined
    if isinstance(before, list) and isinstance(value, list):
        return _joined_lists(before, value)
    return value


def _joined_lists(before: list[Any], values: list[Any]) -> list[Any]:
    """Items that carry the same `index` are parts of one, as OpenRouter sends its `reasoning_details`."""
    joined = list(before)
    for value in values:
        at = _place_of(value, joined)
        if at is None:
            joined.append(value)
        else:
            joined[at] = _joined("", joined[at], value)
    return joined


def _place_of(value: Any, items: list[Any]) -> int | None:
    if not isinstance(value, dict) or value.get("index") is None:
        return None
    same = ("index", "type")
    for at in range(len(items) - 1, -1, -1):
        if isinstance(items[at], dict) and all(items[at].get(key) == value.get(key) for key in same):
            return at
    return None

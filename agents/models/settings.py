"""Say how a model is to answer: one set of values for a model, an agent or a single run, the nearer one winning."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

STOP_MOST = 4  # OpenAI's limit, https://platform.openai.com/docs/api-reference/chat/create#chat-create-stop
OURS = frozenset({"messages", "model", "stream", "tools"})  # what a run decides, and nobody's extra_body


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Settings of a model's answers; what is None or empty is left to the model.

    `max_tokens` bounds the text that is shown: a model that thinks gets room for its thoughts beside it.
    `reasoning_effort` is "low", "medium", "high" or another word that the server knows. `tool_choice` is "auto",
    "none", "required" or a tool's name, and binds the model until it has called a tool. `extra_body` and
    `extra_headers` are sent as they are. Raises ValueError, which names the field, its limit and what to do.
    """

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    reasoning_effort: str | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    tool_choice: str | None = None
    parallel_tool_calls: bool | None = None
    extra_body: Mapping[str, Any] = field(default_factory=dict, hash=False)
    extra_headers: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        object.__setattr__(self, "stop", stop)
        _check_range("temperature", self.temperature, 0, 2, "0 is the most exact")
        _check_range("top_p", self.top_p, 0, 1, "1 leaves nothing out")
        _check_whole("max_tokens", self.max_tokens, at_least=1)
        _check_whole("seed", self.seed)
        _check_word("reasoning_effort", self.reasoning_effort, 'give a word such as "low"')
        _check_word("tool_choice", self.tool_choice, 'give "auto", "none", "required" or the name of a tool')
        if not isinstance(self.parallel_tool_calls, bool | None):
            raise _wrong("parallel_tool_calls", "True, False or None", self.parallel_tool_calls)
        if len(stop) > STOP_MOST or not all(isinstance(text, str) and text for text in stop):
            raise _wrong("stop", f"at most {STOP_MOST} texts, none of them empty", stop)
        _check_body(self.extra_body)
        _check_headers(self.extra_headers)

    def __bool__(self) -> bool:
        """Return whether anything is set."""
        return self != NOTHING_SET

    def over(self, other: ModelSettings | None) -> ModelSettings:
        """Return these settings, with those of `other` where nothing is set here. Extras are merged key by key."""
        if other is None:
            return self
        chosen = {
            name: mine if (mine := getattr(self, name)) not in (None, ()) else getattr(other, name)
            for name in (setting.name for setting in fields(self))
        }
        chosen["extra_body"] = {**other.extra_body, **self.extra_body}
        chosen["extra_headers"] = {**other.extra_headers, **self.extra_headers}
        return replace(self, **chosen)


def _wrong(name: str, limit: str, value: object) -> ValueError:
    return ValueError(f"ModelSettings.{name} must be {limit}, not {value!r}")


def _check_range(name: str, value: object, low: float, high: float, hint: str) -> None:
    if value is None:
        return
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number or not low <= value <= high:  # type: ignore[operator]
        raise _wrong(name, f"a number from {low:g} to {high:g} ({hint})", value)


def _check_whole(name: str, value: object, *, at_least: int | None = None) -> None:
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool) or (at_least is not None and value < at_least):
        least = "" if at_least is None else f" of at least {at_least}"
        raise _wrong(name, f"a whole number{least}, or None to leave it to the model", value)


def _check_word(name: str, value: object, hint: str) -> None:
    if value is not None and not (isinstance(value, str) and value.strip()):
        raise _wrong(name, f"a word ({hint})", value)


def _check_body(body: object) -> None:
    if not isinstance(body, Mapping) or not all(isinstance(key, str) for key in body):
        raise _wrong("extra_body", "a mapping of names to JSON values", body)
    if ours := sorted(OURS & body.keys()):
        raise ValueError(f"ModelSettings.extra_body must not hold {', '.join(ours)}: the run says that itself")
    try:
        json.dumps(dict(body), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"ModelSettings.extra_body must hold JSON values only: {error}") from error


def _check_headers(headers: object) -> None:
    if not isinstance(headers, Mapping):
        raise _wrong("extra_headers", "a mapping of names to texts", headers)
    for name, value in headers.items():
        if not (isinstance(name, str) and isinstance(value, str) and name.strip()):
            raise ValueError(f"ModelSettings.extra_headers must map names to texts, and {name!r} doesn't")
        if any(character in name + value for character in "\r\n\0"):
            raise ValueError(f"ModelSettings.extra_headers must hold no line ends; take them out of {name!r}")


NOTHING_SET = ModelSettings()

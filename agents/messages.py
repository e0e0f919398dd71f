"""Hold what a model is sent and what it says: pure values, in one linear list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from agents.parts import Part, dump_part, load_part


@dataclass(frozen=True, slots=True)
class Passage:
    """A numbered text that may be quoted, and cited as [marker]. The lower its number, the better: where not all have
    room in a model's window, those with the highest are left out. `page` is its number, or what is printed as that.
    """

    marker: int
    text: str
    title: str = ""
    page: int | str | None = None
    date: str = ""

    @property
    def row(self) -> dict[str, Any]:
        """Return it as a model reads it: without what is not known."""
        said = {"marker": self.marker, "title": self.title, "page": self.page, "date": self.date, "text": self.text}
        return {name: value for name, value in said.items() if value not in ("", None)}


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool the model wants to be called; `arguments` is JSON as the model wrote it, valid or not.

    `attached` holds what the provider sent along and wants back, such as a thought's signature.
    """

    id: str
    name: str
    arguments: str
    attached: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class UserMessage:
    """A question. When it brings `passages`, the answer must rest on them; `parts` are images and files beside it."""

    text: str
    passages: tuple[Passage, ...] = ()
    parts: tuple[Part, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.parts, tuple | list):
            raise TypeError(f"parts must be a tuple of ImagePart and FilePart, not {self.parts!r:.80}")
        for at, part in enumerate(self.parts):
            if not isinstance(part, Part):
                raise TypeError(f"parts[{at}] must be ImagePart or FilePart, not {part!r:.80}")
        object.__setattr__(self, "parts", tuple(self.parts))


@dataclass(frozen=True, slots=True)
class AssistantMessage:
    """What a model said in one turn; `attached` holds what the provider sent along and wants back."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    attached: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class ToolMessage:
    """A tool's result: `text` is what the model reads, `value` what the tool returned or the exception it raised."""

    call: ToolCall
    text: str
    value: object
    failed: bool


Message = UserMessage | AssistantMessage | ToolMessage


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens. `cached_tokens` are those of the input that the provider had kept, and `reasoning_tokens` those of the
    output that were thought, not said.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
        )

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens


# ---- as JSON ---------------------------------------------------------------------------------------------------------
def dump_message(message: Message) -> dict[str, Any]:
    """Plain JSON values. Of a tool's result only the text survives, and is its value once loaded."""
    match message:
        case UserMessage(text, passages, parts):
            row = {"role": "user", "text": text, "passages": list(map(asdict, passages))}
            return {**row, "parts": list(map(dump_part, parts))} if parts else row
        case AssistantMessage(text, calls, attached):
            row = {"role": "assistant", "text": text, "tool_calls": list(map(dump_call, calls))}
            return {**row, "attached": dict(attached)} if attached else row
        case ToolMessage(call, text, _, failed):
            return {"role": "tool", "call": dump_call(call), "text": text, "failed": failed}


def dump_call(call: ToolCall) -> dict[str, Any]:
    row = {"id": call.id, "name": call.name, "arguments": call.arguments}
    return {**row, "attached": dict(call.attached)} if call.attached else row


def load_message(row: Mapping[str, Any]) -> Message:
    """Raises KeyError, TypeError or ValueError for what `dump_message` did not write."""
    match row["role"]:
        case "user":
            passages = tuple(Passage(**passage) for passage in row["passages"])
            return UserMessage(row["text"], passages, tuple(map(load_part, row.get("parts", ()))))
        case "assistant":
            calls = tuple(ToolCall(**call) for call in row["tool_calls"])
            return AssistantMessage(row["text"], calls, row.get("attached", {}))
        case "tool":
            return ToolMessage(ToolCall(**row["call"]), row["text"], row["text"], row["failed"])
        case other:
            raise ValueError(f"no message has the role {other!r}")

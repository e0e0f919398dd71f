"""Read prompts and histories that are given as Chat Completions has them: as dicts, in place of messages of ours.

System and developer messages are refused: an agent has its instructions, and a history can't add to them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from agents.messages import AssistantMessage, Message, ToolCall, ToolMessage, UserMessage
from agents.models.attached import CALL_FIELDS, FUNCTION_FIELDS, MESSAGE_FIELDS, unknown_fields
from agents.parts import FilePart, ImagePart, Part, read_data_url

Row: TypeAlias = Mapping[str, Any]
History: TypeAlias = Sequence[Message | Row]
Asked: TypeAlias = str | UserMessage | Row | Sequence[Row | Part | str]

WORDS: Mapping[Any, str] = {str: "text", list: "a list", Mapping: "a dict"}


# ---- what the doors take ---------------------------------------------------------------------------------------------
def read_prompt(given: object) -> UserMessage:
    """Raises TypeError or ValueError, which name the field."""
    match given:
        case str():
            return UserMessage(given)
        case UserMessage():
            return given
        case Mapping():
            _refuse_dumped(given, "prompt")
            if given.get("role") != "user":
                role = f"is {given['role']!r}" if "role" in given else "is missing"
                raise ValueError(f"prompt.role {role}: it must be 'user'; what was said before goes into history=")
            return _user(given, "prompt")
        case list() | tuple():
            return _user_content(given, "prompt")
    raise TypeError(
        "a prompt is text, a UserMessage, a Decision, a user message as a dict, or a list of its parts, "
        f"not {given!r:.200}"
    )


def read_history(given: object) -> tuple[Message, ...]:
    """Raises TypeError or ValueError, which name the place."""
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise TypeError(f"history must be a list of messages, as RunResult.messages is, not {given!r:.200}")
    messages: list[Message] = []
    waiting = _Waiting()
    for at, each in enumerate(given):
        where = f"history[{at}]"
        if not isinstance(each, Message | Mapping):
            raise TypeError(f"history must be made of messages, and {each!r:.200} is none{_hint(each, where)}")
        message = _read(each, where, waiting) if isinstance(each, Mapping) else each
        waiting.follow(message, "" if isinstance(each, Message) else where)
        messages.append(message)
    waiting.check()
    return tuple(messages)


def _hint(given: object, where: str) -> str:
    return f"; say {where}.model_dump()" if hasattr(given, "model_dump") else ""


class _Waiting:
    """The calls of the last turn that have no result yet."""

    def __init__(self) -> None:
        self._calls: dict[str, ToolCall] = {}
        self._turn = ""  # where it stands; empty for a message of ours, which a run that was cut may have left so

    def follow(self, message: Message, where: str) -> None:
        """Raises ValueError for a message that stands in place of a result."""
        if isinstance(message, ToolMessage):
            self._calls.pop(message.call.id, None)
            return
        self.check()
        self._calls, self._turn = {}, where
        if isinstance(message, AssistantMessage):
            self._calls = {call.id: call for call in message.tool_calls}

    def check(self) -> None:
        if self._turn and self._calls:
            id_, call = next(iter(self._calls.items()))
            row = f"{{'role': 'tool', 'tool_call_id': {id_!r}, 'content': …}}"
            raise ValueError(f"{self._turn}.tool_calls: {call.name} ({id_!r}) has no result; add {row} behind it")

    def call(self, id_: str, where: str) -> ToolCall:
        if id_ not in self._calls:
            waiting = ", ".join(map(repr, self._calls)) or "none"
            raise ValueError(
                f"{where}.tool_call_id is {id_!r}: a result stands behind the assistant message with its call, and of "
                f"the calls there without a result the ids are: {waiting}"
            )
        return self._calls[id_]


# ---- messages --------------------------------------------------------------------------------------------------------
def _read(row: Row, where: str, waiting: _Waiting) -> Message:
    _refuse_dumped(row, where)
    match row.get("role"):
        case "user":
            return _user(row, where)
        case "assistant":
            return _assistant(row, where)
        case "tool":
            return _tool(row, where, waiting)
        case "system" | "developer" as role:
            raise ValueError(
                f"{where}.role is {role!r}: instructions are those of the agent, Agent(name, instructions); leave this "
                "message out"
            )
        case None:
            raise ValueError(f"{where}.role is missing: it must be 'user', 'assistant' or 'tool'")
        case role:
            raise ValueError(f"{where}.role is {role!r}: it must be 'user', 'assistant' or 'tool'")


def _refuse_dumped(row: Row, where: str) -> None:
    if "content" not in row and "text" in row and "role" in row:
        raise ValueError(f"{where}.content is missing: this is what dump_message writes; read it with load_message")


def _user(row: Row, where: str) -> UserMessage:
    _refuse_others(row, where, {"role", "content"})
    if "content" not in row:
        raise ValueError(f"{where}.content is missing: give text or a list of parts")
    return _user_content(row["content"], f"{where}.content")


def _assistant(row: Row, where: str) -> AssistantMessage:
    if row.get("function_call") is not None:
        raise ValueError(f"{where}.function_call is the older form of a call: give tool_calls")
    calls: list[ToolCall] = []
    for at, each in enumerate(_field(row, "tool_calls", where, list) if row.get("tool_calls") is not None else ()):
        call = _call(each, f"{where}.tool_calls[{at}]")
        if call.id in (other.id for other in calls):
            raise ValueError(f"{where}.tool_calls[{at}].id is {call.id!r}, as of another call: each has its own")
        calls.append(call)
    content, refusal = row.get("content"), row.get("refusal")
    if content is None and refusal is None and not calls:
        raise ValueError(f"{where}.content is missing, and there are no tool_calls: give what was said")
    said = _field(row, "refusal", where) if content is None and refusal is not None else content
    text = "" if said is None else _text(said, f"{where}.content")
    return AssistantMessage(text, tuple(calls), _attached(row, MESSAGE_FIELDS, where))


def _call(row: object, where: str) -> ToolCall:
    if not isinstance(row, Mapping):
        raise TypeError(f"{where} must be a dict, not {row!r:.80}")
    if row.get("type", "function") != "function":
        raise ValueError(f"{where}.type is {row['type']!r}: only calls of the type 'function' are taken")
    function = _field(row, "function", where, Mapping)
    attached = _attached(row, CALL_FIELDS, where)
    if beside := _attached(function, FUNCTION_FIELDS, f"{where}.function"):
        attached["function"] = beside
    name = _field(function, "name", f"{where}.function")
    if isinstance(function.get("arguments"), Mapping):
        raise TypeError(f"{where}.function.arguments must be JSON as text, not a dict: say json.dumps(arguments)")
    return ToolCall(_field(row, "id", where), name, _field(function, "arguments", f"{where}.function"), attached)


def _tool(row: Row, where: str, waiting: _Waiting) -> ToolMessage:
    _refuse_others(row, where, {"role", "content", "tool_call_id", "name"})
    call = waiting.call(_field(row, "tool_call_id", where), where)
    if "content" not in row:
        raise ValueError(f"{where}.content is missing: give what the tool returned, as text")
    text = _text(row["content"], f"{where}.content")
    return ToolMessage(call, text, text, failed=False)


def _attached(row: Row, known: frozenset[str], where: str) -> dict[str, Any]:
    """Return what is not `known`, as it goes back to the provider. Raises TypeError for what is no JSON."""
    kept = {key: value for key, value in unknown_fields(row, known).items() if value is not None}
    for key, value in kept.items():
        try:
            json.dumps(value)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{where}.{key} is kept for the provider, and must be JSON: {error}") from error
    return kept


# ---- contents --------------------------------------------------------------------------------------------------------
def _user_content(content: object, where: str) -> UserMessage:
    if isinstance(content, str):
        return UserMessage(content)
    read = [
        _part(part, f"{where}[{at}]")
        for at, part in enumerate(_parts(content, where, "text, image_url and file", others=ImagePart | FilePart | str))
    ]
    text = "\n".join(part for part in read if isinstance(part, str))
    return UserMessage(text, parts=tuple(part for part in read if not isinstance(part, str)))


def _text(content: object, where: str) -> str:
    """Read a content that may be made of texts only."""
    if isinstance(content, str):
        return content
    texts = []
    for at, part in enumerate(_parts(content, where, "text")):
        kind = part.get("type")
        if kind not in ("text", "refusal"):
            raise ValueError(f"{where}[{at}].type is {kind!r}: here it must be 'text'")
        texts.append(_field(part, kind, f"{where}[{at}]"))
    return "\n".join(texts)


def _parts(content: object, where: str, types: str, *, others: Any = ()) -> Sequence[Any]:
    if not isinstance(content, list | tuple):
        raise TypeError(f"{where} must be text or a list of parts, not {content!r:.80}")
    if not content:
        raise ValueError(f"{where} is an empty list: give text or parts of the types {types}")
    for at, part in enumerate(content):
        if not isinstance(part, Mapping) and not (others and isinstance(part, others)):
            raise TypeError(f"{where}[{at}] must be a dict of the type {types}, not {part!r:.80}")
    return content


def _part(part: Row | Part | str, where: str) -> Part | str:
    if not isinstance(part, Mapping):
        return part
    if "role" in part:
        raise ValueError(f"{where} is a message: what was said before goes into history=, and the last is the prompt")
    match part.get("type"):
        case "text":
            return str(_field(part, "text", where))
        case "image_url":
            return _image(part, where)
        case "file":
            return _file(part, where)
        case kind:
            raise ValueError(f"{where}.type is {kind!r}: it must be 'text', 'image_url' or 'file'")


def _image(part: Row, where: str) -> ImagePart:
    given = part.get("image_url")
    image: Row = {"url": given} if isinstance(given, str) else _field(part, "image_url", where, Mapping)
    where = f"{where}.image_url"
    url = _field(image, "url", where)
    try:
        return ImagePart(url=url, detail=image.get("detail"))
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _file(part: Row, where: str) -> FilePart:
    file = _field(part, "file", where, Mapping)
    where = f"{where}.file"
    if file.get("file_id") is not None:
        raise ValueError(f"{where}.file_id is known to one provider only: give file_data, a data: URL")
    name, data = _field(file, "filename", where), _field(file, "file_data", where)
    try:
        media_type, read = read_data_url(data, name="file_data")
        return FilePart(data=read, name=name, media_type=media_type)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


# ---- fields ----------------------------------------------------------------------------------------------------------
def _field(row: Row, key: str, where: str, kind: type[Any] = str) -> Any:
    """Raises ValueError when it is missing, TypeError when it is of another kind."""
    if (value := row.get(key)) is None:
        raise ValueError(f"{where}.{key} is missing: give {WORDS[kind]}")
    if not isinstance(value, kind):
        raise TypeError(f"{where}.{key} must be {WORDS[kind]}, not {value!r:.80}")
    return value


def _refuse_others(row: Row, where: str, known: set[str]) -> None:
    others = [key for key, value in row.items() if key not in known and value is not None]
    if others:
        raise ValueError(f"{where}.{others[0]} would not be sent: leave it out, or put it into the content")

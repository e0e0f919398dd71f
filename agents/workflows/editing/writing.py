"""Write values as YAML: block style, quotes where YAML needs them, texts of several lines with |.

What is written is read again before it is used, so that a text which YAML would take for something else gets quotes.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass

from agents.workflows.errors import ChangeRefused, WorkflowInvalid
from agents.workflows.values import Json
from agents.workflows.yaml import YamlPart, parse_parts

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029]")
_ONE_LINE = re.compile("[^\n\r\x85\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class LineStyle:
    """How lines are laid out: spaces for each level, the line break, and whether the last line of all has one."""

    unit: int = 2
    newline: str = "\n"
    is_closed: bool = True


@dataclass(frozen=True, slots=True)
class Written:
    """A value in block style: what follows `key: `, and the lines below it."""

    head: str
    lines: tuple[str, ...] = ()


def write_block(value: Json, *, indent: int, line_style: LineStyle, like: YamlPart | None = None) -> Written:
    """Return a value whose lines below the key are indented by `indent`; `like` is what stood there before."""
    match value:
        case dict() if value:
            return Written("", tuple(_mapping_lines(value, indent=indent, line_style=line_style)))
        case list() if value:
            return Written("", tuple(_list_lines(value, indent=indent, line_style=line_style)))
        case str() if "\n" in value and (lines := _literal(value, indent=indent, line_style=line_style)):
            return Written(lines[0], tuple(lines[1:]))
        case dict() | list():
            return Written(write_flow(value))
        case _:
            return Written(write_scalar(value, flow=False, like=like))


def write_entry(key: str, value: Json, *, indent: int, line_style: LineStyle) -> list[str]:
    """Return the lines of `key: value`, the first of them indented by `indent`."""
    written = write_block(value, indent=indent + line_style.unit, line_style=line_style)
    name = write_key(key, flow=False)
    after = f" {written.head}" if written.head else ""
    return [f"{' ' * indent}{name}:{after}", *written.lines]


def write_flow(value: Json, *, like: YamlPart | None = None) -> str:
    match value:
        case dict():
            return (
                "{" + ", ".join(f"{write_key(key, flow=True)}: {write_flow(each)}" for key, each in value.items()) + "}"
            )
        case list():
            return "[" + ", ".join(map(write_flow, value)) + "]"
        case _:
            return write_scalar(value, flow=True, like=like)


def write_scalar(value: str | float | bool | None, *, flow: bool, like: YamlPart | None = None) -> str:
    """Keep the quotes of what stood there before, unless they were needed then and are no longer."""
    match value:
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case int():
            return str(value)
        case float():
            if not math.isfinite(value):
                raise ChangeRefused(f"{value} is no JSON")
            written = repr(value)
            return written if "." in written else written.replace("e", ".0e")
    match like.style if like else "":
        case "'" if _ONE_LINE.fullmatch(value) and not _UNPRINTABLE.search(value):
            return _single(value)
        case '"' if like and _is_plain(like.text, flow=flow):  # they were not needed
            return _double(value)
    return value if _is_plain(value, flow=flow) else _double(value)


def write_key(key: str, *, flow: bool, like: YamlPart | None = None) -> str:
    if like and like.style == "'" and _ONE_LINE.fullmatch(key):
        return _single(key)
    if like and like.style == '"':
        return _double(key)

    def read(text: str) -> bool:
        found = _read(f"{{{text}: 0}}" if flow else f"{text}: 0\n")
        return isinstance(found, dict) and list(found) == [key]

    return key if _ONE_LINE.fullmatch(key) and read(key) else _double(key)


def _mapping_lines(value: dict[str, Json], *, indent: int, line_style: LineStyle) -> list[str]:
    return [
        line for key, each in value.items() for line in write_entry(key, each, indent=indent, line_style=line_style)
    ]


def _list_lines(value: list[Json], *, indent: int, line_style: LineStyle) -> list[str]:
    return [line for item in value for line in write_item(item, indent=indent, line_style=line_style)]


def write_item(item: Json, *, indent: int, line_style: LineStyle) -> list[str]:
    """Return the lines of `- item`, the first of them indented by `indent`."""
    spaces = " " * indent
    if isinstance(item, dict) and item:
        first, *others = _mapping_lines(item, indent=indent + 2, line_style=line_style)
        return [f"{spaces}- {first.lstrip(' ')}", *others]
    if isinstance(item, list):
        return [f"{spaces}- {write_flow(item)}"]
    written = write_block(item, indent=indent + 2, line_style=line_style)
    return [f"{spaces}- {written.head}", *written.lines]


def _literal(value: str, *, indent: int, line_style: LineStyle) -> list[str]:
    """Return the lines of a text written with |, or none where it can't be."""
    if value.endswith("\n") and not line_style.is_closed:  # its last line may become the last of all
        return []
    if _UNPRINTABLE.search(value) or re.search("[\r\x85\ufeff]", value) or value.endswith("\n\n") or not value.strip():
        return []
    lines = value.removesuffix("\n").split("\n")
    header = "|" if value.endswith("\n") else "|-"
    if lines[0][:1] in ("", " "):
        return []
    written = [header, *(f"{' ' * indent}{line}" if line else "" for line in lines)]
    read = _read("\n".join(["k: " + header, *(f"  {line}" if line else "" for line in lines), "z: 0", ""]))
    return written if read == {"k": value, "z": 0} else []


def _single(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _double(value: str) -> str:
    def escaped(found: re.Match[str]) -> str:
        code = ord(found[0])
        if 0xD800 <= code <= 0xDFFF:
            raise ChangeRefused(f"{found[0]!r} is no character")
        return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"

    return _UNPRINTABLE.sub(escaped, json.dumps(value, ensure_ascii=False))


def _is_plain(value: str, *, flow: bool) -> bool:
    """Tell whether a text is read as it is when it is written without quotes."""
    if not _ONE_LINE.fullmatch(value) or _UNPRINTABLE.search(value):
        return False
    if flow:
        return _read(f"[{value}, {{k: {value}}}]") == [value, {"k": value}]
    return _read(f"k: {value}\nl:\n- {value}\nz: 0\n") == {"k": value, "l": [value], "z": 0}


def _read(text: str) -> Json:
    try:
        found = parse_parts(text, file="")
    except WorkflowInvalid:
        return None
    return found[0].plain() if found else None

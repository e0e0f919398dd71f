"""JSON and JSON Lines as lines of `path: value`, each of which says what it is about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from retrieval.errors import ParsingError
from retrieval.parsing.formats.extracted import Blocks, Extracted
from retrieval.parsing.formats.plain.encodings import decode
from retrieval.reasons import gettext_noop as _

_DEPTH_LIMIT = 60
_TOO_DEEP = _("It is nested too deeply: more than %(limit)s levels are not read.")


def read_json(path: Path) -> Extracted:
    blocks = Blocks()
    return _outline(blocks, [parse_json(decode(path.read_bytes(), notes=blocks.notes))])


def read_json_lines(path: Path) -> Extracted:
    blocks = Blocks()
    lines = enumerate(decode(path.read_bytes(), notes=blocks.notes).split("\n"), start=1)
    return _outline(blocks, (parse_json(line, number=number) for number, line in lines if line.strip()))


def parse_json(text: str, *, number: int | None = None) -> Any:
    """Return the value that the JSON text holds, with numbers as they are written: none is rounded, none is too long,
    and NaN is a word. `number` is the line of a JSON Lines file. Raises ParsingError."""
    try:
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except json.JSONDecodeError as error:
        if number is None:
            template = _("It is not JSON from line %(line)s, column %(column)s, on: %(fault)s.")
        else:
            template = _("Line %(line)s is not JSON, column %(column)s, on: %(fault)s.")
        line, column = str(number or error.lineno), str(error.colno)
        raise ParsingError(template, line=line, column=column, fault=error.msg) from error
    except RecursionError as error:
        if number is None:
            raise ParsingError(_TOO_DEEP, limit=_DEPTH_LIMIT) from error
        raise ParsingError(
            _("Line %(line)s is nested too deeply: more than %(limit)s levels are not read."),
            line=str(number),
            limit=_DEPTH_LIMIT,
        ) from error


def _outline(blocks: Blocks, records: Any) -> Extracted:
    for record in records:
        for part, prefix in _parts(record):
            for number, (path, value) in enumerate(_leaves(part, prefix, 1)):
                blocks.add(f"{path}: {value}" if path else value, close=number > 0)
    return blocks.extracted()


def _parts(value: Any) -> Iterator[tuple[Any, str]]:
    """Yield the parts that become a paragraph each (the entries of a list, the nested entries of an object, else the
    whole), each with its path."""
    if isinstance(value, list):
        yield from ((part, f"[{number}]") for number, part in enumerate(value))
    elif isinstance(value, dict):
        flat = {key: part for key, part in value.items() if not isinstance(part, dict | list)}
        yield flat, ""
        for key, part in value.items():
            if isinstance(part, list) and any(isinstance(entry, dict) for entry in part):
                yield from ((entry, f"{key}[{number}]") for number, entry in enumerate(part))
            elif key not in flat:
                yield part, key
    else:
        yield value, ""


def _leaves(value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of every value in order; a list of plain values is one. Raises ParsingError."""
    if depth > _DEPTH_LIMIT:
        raise ParsingError(_TOO_DEEP, limit=_DEPTH_LIMIT)
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _leaves(part, f"{path}.{key}" if path else key, depth + 1)
    elif isinstance(value, list) and any(isinstance(part, dict | list) for part in value):
        for number, part in enumerate(value):
            yield from _leaves(part, f"{path}[{number}]", depth + 1)
    elif isinstance(value, list):
        yield path, ", ".join(map(_plain, value))
    else:
        yield path, _plain(value)


def _plain(value: Any) -> str:
    return {None: "null", True: "true", False: "false"}.get(value) or str(value)

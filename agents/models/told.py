"""Read what a server says of a request itself, without what it only repeats of it."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

# Fields of an error that say what was wrong; others, like the `input` of a validation error, hold what was sent.
TOLD = frozenset(
    "error errors message msg detail details param loc code type status metadata raw n_ctx n_prompt_tokens".split()
)
TOLD_CHARACTERS = 4_000  # of an error that are read
ECHOED_LEAST = 16  # characters of a text that is taken for a repetition of what was sent: fewer may be a name
INPUT = re.compile(r"""["']input["']\s{0,4}:\s{0,4}(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
QUOTED = [re.compile(rf"{mark}([^\n{mark}]{{16,400}}?)(?:[.]{{3}}|…)?{mark}") for mark in "\"'`"]
PIECES = re.compile(r"\n|(?<=[.!?])\s")


def told_in(body: str) -> str:
    """Return an error's own fields, as JSON without its backslashes; a body that is no JSON as it is."""
    with contextlib.suppress(ValueError, RecursionError):
        body = json.dumps(_told(json.loads(body)), ensure_ascii=False, separators=(",", ":"))
    return INPUT.sub("", body).replace("\\", "")[:TOLD_CHARACTERS]


def without_sent(said: str, request: Mapping[str, Any]) -> str:
    """Return what a server said without the texts of the request that it repeats: a document may say anything."""
    said = INPUT.sub("", said).replace("\\", "")[:TOLD_CHARACTERS]
    texts = [text.replace("\\", "") for text in _sent(request)]
    pieces = {piece.strip() for text in texts for piece in (text, *PIECES.split(text))}
    for piece in sorted((piece for piece in pieces if len(piece) >= ECHOED_LEAST), key=len, reverse=True):
        said = said.replace(piece, " ")
    for quoted in QUOTED:
        said = quoted.sub(lambda found: " " if any(found[1] in text for text in texts) else found[0], said)
    return said


def _told(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _told(inner) for key, inner in value.items() if key in TOLD}
    return [_told(inner) for inner in value] if isinstance(value, list) else value


def _sent(request: Mapping[str, Any]) -> Iterator[str]:
    for message in request["messages"]:
        content = message.get("content") or ""
        for part in [content] if isinstance(content, str) else content:
            text = part if isinstance(part, str) else part.get("text")
            if text:
                yield text

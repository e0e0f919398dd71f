"""Subtitles (SubRip and WebVTT): a line for each cue with the time at which it begins, so that a quote says when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import NamedTuple

from retrieval.parsing.formats.extracted import Blocks, Extracted, clean
from retrieval.parsing.formats.plain.encodings import decode

_CLOCK = r"[ \t]{0,20}(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,]\d{1,3}"
_TIMES = re.compile(rf"{_CLOCK}[ \t]{{0,20}}-->{_CLOCK}")
_VOICE = re.compile(r"<v(?:\.[\w.-]{0,100})?[ \t]+([^<>\n]{1,100})>")
_TAG = re.compile(r"</?[a-zA-Z][^<>\n]{0,200}>|<\d[\d:.]{0,20}>|\{\\[^{}\n]{0,200}\}")
_ASIDE = re.compile(r"(?:NOTE|STYLE|REGION)(?:[ \t]|$)")
_PAUSE = 4  # seconds without a word, behind which a paragraph begins


class _Cue(NamedTuple):
    start: int  # seconds
    end: int
    lines: list[str]


def read_subtitles(path: Path) -> Extracted:
    blocks = Blocks()
    text = clean(decode(path.read_bytes(), notes=blocks.notes))
    ended, shown = None, ""
    asides: list[str] = []
    for cue in _cues(text, asides):
        lines = [line for line in map(_plain, cue.lines) if line]
        if lines and lines[0] == shown:  # rolled up from the cue before
            lines = lines[1:]
        if lines:
            close = ended is not None and cue.start - ended < _PAUSE
            blocks.add(f"[{_clock(cue.start)}] {' '.join(lines)}", close=close)
            shown = lines[-1]
        ended = cue.end
    if asides:
        blocks.notes.add("hidden_text", count=len(asides))
    if blocks.is_empty:  # no times: then what is written
        blocks.add(text)
    return blocks.extracted()


def _cues(text: str, asides: list[str]) -> Iterator[_Cue]:
    """Yield the cues. A line of times begins one, and a line before it that stands behind an empty one names it. Other
    lines behind an empty one are the cue's as well, as players show them, but for comments, styles and regions of
    WebVTT, whose first lines are appended to `asides`."""
    cue: _Cue | None = None
    aside, is_empty = True, False  # what stands before the first cue is no cue's
    lines = text.split("\n")
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if "-->" in line and (found := _TIMES.match(line)):
            if cue:
                yield cue
            cue = _Cue(_seconds(*found.groups()[:3]), _seconds(*found.groups()[3:]), [])
            aside, is_empty = False, False
        elif not line.strip():
            aside, is_empty = aside and cue is None, True
        elif is_empty and _ASIDE.match(line):
            aside, is_empty = True, False
            asides.append(line)
        else:
            names_next = is_empty and "-->" in following and _TIMES.match(following)
            if cue and not aside and not names_next:
                cue.lines.append(line)
            is_empty = False
    if cue:
        yield cue


def _seconds(hours: str | None, minutes: str, seconds: str) -> int:
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _plain(line: str) -> str:
    """Return what is shown of a line, with the speaker's name before it."""
    spoken = _TAG.sub("", _VOICE.sub(r"\1: ", line))
    return " ".join(unescape(spoken).split())

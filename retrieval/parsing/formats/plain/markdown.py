"""Markdown: kept as it is written, with its headings as CommonMark has them, and without its comments."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from functools import cache
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.notes import Notes
from retrieval.parsing.formats.extracted import Extracted, clean, first_date
from retrieval.parsing.formats.plain.encodings import decode
from retrieval.text.headings import Heading

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_FRONT_MATTER_DATE = re.compile(r"^(?:lastmod|last_modified_at|updated|modified|date)[ \t]*[:=](.{0,80})", re.MULTILINE)
_FRONT_MATTER_TITLE = re.compile(r"^title[ \t]*[:=][ \t]*(.{1,300})", re.MULTILINE)
_FRONT_MATTER_LIMIT = 10_000  # characters


def read_markdown(path: Path) -> Extracted:
    notes = Notes()
    return parse_markdown(clean(decode(path.read_bytes(), notes=notes)), notes=notes)


def parse_markdown(text: str, *, notes: Notes) -> Extracted:
    """Return the cleaned text of a file with its headings; its title is that of the front matter, else the only
    heading of the highest level."""
    front = front_matter(text)
    text = front + _without_comments(text[len(front) :], notes)
    headings = list(_headings(text, len(front)))
    highest = min((heading.level for heading in headings), default=0)
    uppermost = [heading.title for heading in headings if heading.level == highest]
    first = uppermost[0] if len(uppermost) == 1 else ""  # one of many is no title
    return Extracted(
        text,
        headings=headings,
        title=_front_matter_title(front) or first,
        dated=first_date(_FRONT_MATTER_DATE.findall(front)),
        notes=notes.all(),
    )


def _tokens(text: str) -> list[Token]:
    """Return the blocks of the text, with the lines that they stand on; what is in them is not parsed."""
    return _parser().parse(text)


@cache
def _parser() -> MarkdownIt:
    """Return the one that all cells of a notebook share."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.disable(["inline"])
    return parser


def _headings(text: str, begin: int) -> Iterator[Heading]:
    """Yield the headings of what follows `begin`, each at the start of its line; none that is quoted or in a list."""
    body = text[begin:]
    starts = _line_starts(body)
    tokens = _tokens(body)
    for opening, inside in pairwise(tokens):
        if opening.type == "heading_open" and not opening.level and opening.map and inside.content.strip():
            title = " ".join(inside.content.split())
            start = starts[opening.map[0]]
            indent = len(body[start : start + 300]) - len(body[start : start + 300].lstrip(" \t"))
            yield Heading(begin + start + (indent if opening.markup[0] in "=-" else 0), int(opening.tag[1]), title)


def _line_starts(text: str) -> list[int]:
    return [0, *accumulate(len(line) + 1 for line in text.split("\n"))]


def _without_comments(text: str, notes: Notes) -> str:
    """Return the text without <!-- comments -->, which no reader of the page sees; those in code are code."""
    if "<!--" not in text:
        return text
    starts = _line_starts(text)
    code = deque(
        (starts[token.map[0]], starts[min(token.map[1], len(starts) - 1)])
        for token in _tokens(text)
        if token.type in {"fence", "code_block"} and token.map
    )
    kept: list[str] = []
    done, at, end = 0, 0, -1
    while (at := text.find("<!--", at)) >= 0:
        if end < at + 4 and (end := text.find("-->", at + 4)) < 0:
            break
        while code and code[0][1] <= at:
            code.popleft()
        if code and code[0][0] <= at:
            at = code[0][1]
        elif _in_ticks(text, at):
            at += 4
        else:
            kept.append(text[done:at])
            done = at = end + 3
            notes.add("hidden_text")
    return "".join([*kept, text[done:]])


def _in_ticks(text: str, at: int) -> bool:
    """Return whether `at` stands in a span of `code` on its line."""
    line = text.rfind("\n", max(0, at - 1_000), at) + 1
    return text.count("`", max(line, at - 1_000), at) % 2 == 1


def front_matter(text: str) -> str:
    """Return the lines between --- (YAML) or +++ (TOML) at the very beginning; empty without them."""
    fence = text[:4]
    if fence not in ("---\n", "+++\n"):
        return ""
    end = text.find(f"\n{fence}", 3, _FRONT_MATTER_LIMIT)
    return text[: end + 5] if end > 0 else ""


def _front_matter_title(front: str) -> str:
    found = _FRONT_MATTER_TITLE.search(front)
    title = found[1].strip() if found else ""
    if len(title) > 1 and title[0] == title[-1] and title[0] in "\"'":
        title = title[1:-1]
    return " ".join(title.split())

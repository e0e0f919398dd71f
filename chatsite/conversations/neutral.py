"""An answer's Markdown that does nothing elsewhere: no picture is fetched, no HTML comes alive, no heading of its own
passes for one of the site."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

SOURCES_LEVEL = 3  # of the heading above the sources; those of an answer stand below it
_ALIVE = re.compile(r"\\[\s\S]|<(?=[A-Za-z/!?])|!(?=\[)")  # what is escaped already comes first
_LINE_END = re.compile(r"\r\n?|\n")  # as CommonMark, and so `_blocks`, counts lines
_HASHES = re.compile(r"#{1,6}(?=[ \t\n]|$)")
_blocks = MarkdownIt("commonmark", {"html": False}).enable("table")


def neutral_markdown(text: str) -> str:
    """Return the same text as Markdown without pictures and HTML, its headings below SOURCES_LEVEL; code stays as it
    is, and a fence that nothing closes is closed, so that what follows stands outside of it."""
    lines = _LINE_END.split(text)
    kept: set[int] = set()
    opened = ""
    for token in _blocks.parse(text, {}):
        begin, end = token.map or (0, 0)
        if token.type in {"fence", "code_block"}:
            kept |= set(range(begin, end))
            if token.type == "fence" and token.level == 0 and not any(map(str.strip, lines[end:])):
                is_open = end - 1 == begin or not _closes(lines[end - 1], token.markup)
                opened = token.markup if is_open else ""
        elif token.type == "heading_open":
            _lower(lines, begin, end, token.markup)
    written = [line if at in kept else neutral_line(line) for at, line in enumerate(lines)]
    return "\n".join([*written, opened] if opened else written)


def neutral_line(text: str) -> str:
    """Return words of a title, a question or a quote as Markdown without pictures and HTML."""
    return _ALIVE.sub(lambda found: found[0] if found[0].startswith("\\") else f"\\{found[0]}", text)


def _closes(line: str, fence: str) -> bool:
    found = line.strip(" >\t")
    return len(found) >= len(fence) and not found.strip(fence[0])


def _lower(lines: list[str], begin: int, end: int, markup: str) -> None:
    """Put a heading below SOURCES_LEVEL."""
    if markup.startswith("#"):
        level = min(6, len(markup) + SOURCES_LEVEL)
        lines[begin] = _HASHES.sub("#" * level, lines[begin], count=1)
    else:  # underlined
        lines[end - 1] = lines[end - 1].replace(markup[0], f"\\{markup[0]}", 1)

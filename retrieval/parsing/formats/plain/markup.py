"""reStructuredText and AsciiDoc: kept as they are written, with their headings, and without their comments."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

from retrieval.notes import Notes
from retrieval.parsing.formats.extracted import Extracted, clean
from retrieval.parsing.formats.plain.encodings import declared_in, decode
from retrieval.text.headings import Heading

_ADORNMENT = re.compile(r"([!-/:-@\[-`{-~])\1*[ \t]*")
_RST_EXPLICIT = re.compile(r"\.\. (?:_|\[|\||[\w:+.-]{1,100}::|$)|__ ")
_ADOC_HEADING = re.compile(r"(={1,6}|#{1,6})[ \t]+(\S.*)")
_ADOC_VERBATIM = re.compile(r"-{4,}|\.{4,}|\+{4,}|/{4,}|`{3,}\w{0,30}")
_ADOC_UNDERLINES = "=-~^+"
_LEVELS = 6

_Lines = list[str]


def read_rst(path: Path) -> Extracted:
    return _read(path, _without_rst_comments, _rst_headings)


def read_asciidoc(path: Path) -> Extracted:
    return _read(path, _without_adoc_comments, _adoc_headings)


def _read(
    path: Path, shorten: Callable[[_Lines, Notes], _Lines], find: Callable[[_Lines], Iterator[tuple[int, int, str]]]
) -> Extracted:
    """Return the lines that a reader sees; `find` yields the number of the line, the level and the title of each
    heading."""
    notes = Notes()
    content = path.read_bytes()
    lines = shorten(clean(decode(content, notes=notes, declared=declared_in(content))).split("\n"), notes)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    headings = [Heading(starts[number], level, title) for number, level, title in find(lines)]
    highest = min((heading.level for heading in headings), default=0)
    title = next((heading.title for heading in headings if heading.level == highest), "")
    return Extracted("\n".join(lines), headings=headings, title=title, notes=notes.all())


# ---- reStructuredText ------------------------------------------------------------------------------------------------


def _without_rst_comments(lines: _Lines, notes: Notes) -> _Lines:
    """Return the lines without comments: `.. ` and what is indented below it, unless it is a directive, a target, a
    footnote or a substitution."""
    kept: _Lines = []
    in_comment = False
    for line in lines:
        if in_comment and (not line.strip() or line[0] in " \t"):
            if not line.strip():
                kept.append(line)
            continue
        in_comment = line.startswith(".. ") and not _RST_EXPLICIT.match(line)
        if in_comment:
            notes.add("hidden_text")
        else:
            kept.append(line)
    return kept


def _rst_headings(lines: _Lines) -> Iterator[tuple[int, int, str]]:
    """Yield lines that are underlined, or between two lines of one sign. The first sign is the highest level."""
    styles: list[tuple[str, bool]] = []
    for number in range(1, len(lines)):
        under, title = lines[number].rstrip(), lines[number - 1]
        if not title.strip() or not under or not _ADORNMENT.fullmatch(under) or _ADORNMENT.fullmatch(title.strip()):
            continue
        above = lines[number - 2].rstrip() if number > 1 else ""
        overlined = above == under
        if len(under) < min(_width(title.strip()), 4):
            continue
        if (above.strip() and not overlined) or (title[0] in " \t" and not overlined):
            continue
        style = (under[0], overlined)
        if style not in styles:
            styles.append(style)
        yield number - 1, min(styles.index(style) + 1, _LEVELS), " ".join(title.split())


def _width(title: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in title)


# ---- AsciiDoc --------------------------------------------------------------------------------------------------------


def _without_adoc_comments(lines: _Lines, notes: Notes) -> _Lines:
    """Return the lines without `// comments` and without blocks between lines of ////."""
    kept: _Lines = []
    fence = ""
    for line in lines:
        bare = line.rstrip()
        if fence:
            if bare == fence:
                fence = ""
                if bare.startswith("////"):
                    continue
            if not fence.startswith("////"):
                kept.append(line)
        elif bare.startswith("//") and not (bare.startswith("///") and not bare.startswith("////")):
            notes.add("hidden_text")
            fence = bare if bare.strip("/") == "" and len(bare) >= 4 else ""
        else:
            fence = _fence_of(bare)
            kept.append(line)
    return kept


def _fence_of(line: str) -> str:
    """Return the line that ends a block in which nothing is marked up; empty when this begins none."""
    if not _ADOC_VERBATIM.fullmatch(line):
        return ""
    return "```" if line.startswith("```") else line


def _adoc_headings(lines: _Lines) -> Iterator[tuple[int, int, str]]:
    """Yield `== Titles`, and titles that are underlined as long as they are, outside code."""
    fence = ""
    for number, line in enumerate(lines):
        bare = line.rstrip()
        if fence:
            fence = "" if bare == fence else fence
        elif found := _ADOC_HEADING.fullmatch(bare):
            yield number, len(found[1]), found[2].strip()
        elif _is_adoc_underline(lines, number):
            yield number - 1, _ADOC_UNDERLINES.index(bare[0]) + 1, lines[number - 1].strip()
        else:
            fence = _fence_of(bare)


def _is_adoc_underline(lines: _Lines, number: int) -> bool:
    bare = lines[number].rstrip()
    title = lines[number - 1].strip() if number else ""
    return (
        len(bare) > 2
        and bare[0] in _ADOC_UNDERLINES
        and bare.strip(bare[0]) == ""
        and title[:1].isalnum()
        and abs(len(title) - len(bare)) <= 2
        and (number < 2 or not lines[number - 2].strip())
    )

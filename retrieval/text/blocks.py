"""The blocks of a text, as plain text and Markdown write them: paragraphs, headings, list items, table rows, code.

Offsets are code points of the text that is given; nothing is changed or dropped. Pure arithmetic, in linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple


class BlockKind(Enum):
    """What a block is. A `FENCE` is the line that opens or closes code; each line of the code is a block."""

    PARAGRAPH = auto()
    HEADING = auto()
    ITEM = auto()
    QUOTE = auto()
    ROW = auto()
    CODE = auto()
    FENCE = auto()


class TextBlock(NamedTuple):
    """`text[start:end]`, without white space around it; its words begin at `body`, behind what marks its kind.

    A paragraph, an item and a quote may run over several lines.
    """

    kind: BlockKind
    start: int
    end: int
    body: int


_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_FENCE = re.compile(r"[ \t]*(?:```|~~~)")
_ANY_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[ \t]*(?P<language>.*)$", re.MULTILINE)
_NOTHING_BELOW = re.compile(r"\n[ \t]*(?:\n|\Z)|\Z")
_MARK = re.compile(
    r"[ \t]*(?:(?P<heading>#{1,6})[ \t]+|(?P<row>\|)|(?P<quote>>)|(?P<item>[-*+•]|(?P<number>\d{1,3})[.)])[ \t]+)"
)
_MORE_MARKS = re.compile(r"[ \t]*(?:(?:[-*+•>]|\d{1,3}[.)]|#{1,6})[ \t]+|\|[ \t]*)*+")
_STOPS = ".!?:;…。！？।|"  # a line that ends with one of these does not run on into a number
_KINDS = {
    "heading": BlockKind.HEADING,
    "row": BlockKind.ROW,
    "quote": BlockKind.QUOTE,
    "item": BlockKind.ITEM,
    "number": BlockKind.ITEM,
}
_MARKED = frozenset(_KINDS.values())
_ONE_LINE = frozenset({BlockKind.HEADING, BlockKind.ROW, BlockKind.CODE, BlockKind.FENCE})


def begins_in_code(text: str) -> bool:
    """Return whether the text was cut out of a longer one inside of code: its first fence has something right above,
    nothing right below and no language, so that it closes code."""
    fence = _ANY_FENCE.search(text)
    if fence is None or fence["language"]:
        return False
    above = text[: fence.start()].split("\n")[-2:]
    return bool(above[0].strip()) and _NOTHING_BELOW.match(text, fence.end()) is not None


def blocks(text: str, *, fenced: bool = False) -> Iterator[TextBlock]:
    """Yield the blocks of `text` in order. Between two of them stands only white space. With `fenced`, the text begins
    inside of code."""
    block: TextBlock | None = None
    for line in _LINE.finditer(text):
        written = line[0].rstrip()
        begun = _begun(text, line.start(), line.start() + len(written), fenced=fenced, block=block) if written else None
        if begun is not None and begun.kind is BlockKind.FENCE:
            fenced = not fenced
        if block is not None and (begun is not None or not written or block.kind in _ONE_LINE):
            yield block
            block = None
        if block is not None:  # the line goes on with it
            block = block._replace(end=line.start() + len(written))
        elif written:
            block = begun or _block(BlockKind.PARAGRAPH, text, line.start(), line.start() + len(written))
    if block is not None:
        yield block


def _begun(text: str, start: int, end: int, *, fenced: bool, block: TextBlock | None) -> TextBlock | None:
    """Return the block that the line `text[start:end]` begins by its mark or by being code; None when it has none."""
    if _FENCE.match(text, start, end):
        return _block(BlockKind.FENCE, text, start, end)
    if fenced:
        return _block(BlockKind.CODE, text, start, end)
    mark = _MARK.match(text, start, end)
    if mark is None or (mark["number"] and _runs_on(text, block, number=mark["number"])):
        return None
    return _block(_KINDS[mark.lastgroup or "item"], text, start, end)


def _runs_on(text: str, block: TextBlock | None, *, number: str) -> bool:
    """Return whether a number at the beginning of a line belongs to the sentence of the paragraph before it, as in
    "am⏎3. Mai": a list that interrupts a sentence begins with 1 (as in CommonMark)."""
    return (
        block is not None and block.kind is BlockKind.PARAGRAPH and number != "1" and text[block.end - 1] not in _STOPS
    )


def _block(kind: BlockKind, text: str, start: int, end: int) -> TextBlock:
    """Return the line `text[start:end]`, with no white space at its end, as a block."""
    first = end - len(text[start:end].lstrip())
    marks = _MORE_MARKS.match(text, first, end) if kind in _MARKED else None
    return TextBlock(kind, first, end, marks.end() if marks else first)

"""Which blocks of an answer have ended, while it is being written.

`OpenBlocks` holds the source of what is still open. When a line has come that may end a block, the block parser reads
that source, and what has ended leaves it as HTML, never to be parsed again. Lists go item by item and tables row by
row: lines that are put before the rest let the parser read it as a list or a table again. It may read BUDGET characters
for each that has come, so the work grows with the text alone, whatever is open and for how long.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Generator, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chatsite.conversations import formulas
from chatsite.conversations.block_tokens import MarkdownBlock, top_level
from chatsite.conversations.markdown import MarkdownReading, blocks, blocks_html

BUDGET = 4
ADVANCE = 2_000  # characters that may be read before any has come
ITEM = re.compile(r"( {0,3}(?:[-*+]|\d{1,9}[.)]))(?=[ \t]|$)[ \t]*", re.MULTILINE)

_LONG_LINE = 200  # characters after which a line is taken for text
# So far a line may still become a rule, an item, a fence.
_UNDECIDED = re.compile(r"[ \t]*(?:[-*_=~`#>+|:.\\\[$ \t]*|\d{1,9}(?:[.)][ \t]*)?)\Z")
_RULE = r" {0,3}(?:#{1,6}(?:\s|$)|[-*_=|:][-*_=|: \t]*$)"  # of a heading, a table, or by itself
_BEGINS = re.compile(rf"{ITEM.pattern}|{_RULE}| {{0,3}}(?:>|`{{3}}|~{{3}}|\$\$|\\\[)", re.MULTILINE)
_STANDS_ALONE = re.compile(_RULE, re.MULTILINE)
_GOES_ON = re.compile(rf"{ITEM.pattern}| {{4}}|\t", re.MULTILINE)  # behind a blank line: a list, indented code


@dataclass(frozen=True, slots=True)
class Finished:
    """HTML of what has ended. It goes to the end of what is there, or `depth` last children deep into that: 1 is the
    list or the table at its end, 2 the rows of that table. `again`: it takes the place of the block at the end.
    """

    html: str
    depth: int = 0
    again: bool = False


@dataclass(slots=True)
class _Container:
    """The list or table at the end of what has ended, while it may go on."""

    is_list: bool
    before: list[str]  # lines that are put before the rest of its source, so that it is read as what it is
    is_loose: bool = False
    has_rows: bool = False
    source: list[str] = field(default_factory=list)  # of its items, while the list may still become loose
    first_marker: int = 0


@dataclass(slots=True)
class OpenBlocks:
    reading: MarkdownReading
    received: int = 0
    read: int = 0  # characters that the block parser has read
    size: int = 0  # characters that are open
    lines: list[str] = field(default_factory=list)  # whole ones, with their ends
    is_decided: bool = False  # whether the line that is coming can be told from any other kind
    _line: list[str] = field(default_factory=list)  # the pieces of that line
    _line_size: int = 0
    _container: _Container | None = None

    @property
    def source(self) -> str:
        return "".join([*self.lines, *self._line])

    @property
    def in_list(self) -> bool:
        return self._container is not None and self._container.is_list

    @property
    def in_table(self) -> bool:
        return self._container is not None and not self._container.is_list

    # ---- what comes ----

    def add(self, piece: str) -> bool:
        """Add a piece of a line, or its end, and return whether a block may have ended with it."""
        self.received += len(piece)
        self.size += len(piece)
        self._line_size += len(piece)
        self._line.append(piece)
        if piece.endswith("\n"):
            return self._end_line()
        if self.is_decided or (self._line_size <= _LONG_LINE and _UNDECIDED.match("".join(self._line))):
            return False
        self.is_decided = True
        return bool(self.lines) and not self.in_table and self._begins("".join(self._line))

    def _end_line(self) -> bool:
        line, was_decided = "".join(self._line), self.is_decided
        self._line, self._line_size, self.is_decided = [], 0, False
        if not line.strip():
            return self._end_paragraph(line)
        begins = bool(self.lines) and not was_decided and self._begins(line)
        self.lines.append(line)
        return begins or self.in_table or bool(_STANDS_ALONE.match(line))

    def _end_paragraph(self, blank: str) -> bool:
        if not self.lines:
            self._container, self.size = None, 0
            return False
        self.lines.append(blank)
        return not _GOES_ON.match(self.lines[0])

    def _begins(self, line: str) -> bool:
        return not self.lines[-1].strip() or bool(_BEGINS.match(line))

    def take_all(self) -> str:
        """Return the source of all that is open, and forget it."""
        source = self.source
        self.lines, self._line, self.is_decided = [], [], False
        self.size = self._line_size = 0
        return source

    # ---- what has ended ----

    def finished(self) -> Iterator[Finished]:
        """Yield what has ended; what is open stays."""
        if self.read + self.size + sum(map(len, self._before)) <= BUDGET * self.received + ADVANCE:
            yield from self._cut(is_end=False)

    def end(self) -> Iterator[Finished]:
        """Yield all that was open: the answer has ended."""
        self.lines = re.findall(r"[^\n]*\n|[^\n]+", self.take_all().rstrip())
        yield from self._cut(is_end=True)

    @property
    def _before(self) -> list[str]:
        return self._container.before if self._container else []

    def _parse(self, lines: Sequence[str], references: MutableMapping[str, Any]) -> list[MarkdownBlock]:
        source = "".join(lines)
        self.read += len(source)
        return list(top_level(blocks(source, references)))

    def _cut(self, *, is_end: bool) -> Iterator[Finished]:
        """Yield what has ended, and leave it out of what is open."""
        lines = [*self._before, *self.lines, "".join(self._line)]
        references = ChainMap[str, Any]({}, self.reading.references)
        found = self._parse(lines, references)
        last = _last_certain(lines) if not is_end else len(lines) - 1
        over = sum(b.end <= last and (is_end or b is not found[-1] or b.is_over(len(lines) - 1)) for b in found)
        ended, still = found[:over], found[over : over + 1]
        shown = len(self._before)
        at = ended[-1].end if ended else shown
        if self._container and found:
            shown = yield from self._go_on(self._container, found[0], lines, last=last, is_over=bool(ended))
            at = max(at, shown)
            ended, still = (ended[1:], still) if ended else ([], [])
            self._container = None if over else self._container
        html = blocks_html([token for block in ended for token in block.tokens], self.reading) if ended else ""
        for block in still:
            begun, at = self._begin(block, lines, last=last)
            html += begun
        if is_end or (over == len(found) and _is_blank_behind(lines, at)):
            at = len(lines) - 1  # link definitions alone show nothing
        known = references.maps[0]
        self.reading.references.update({name: link for name, link in known.items() if link["map"][1] <= at})
        rest = lines[at:-1]
        begins = next((at for at, line in enumerate(rest) if not line.isspace()), len(rest))
        self.lines = rest[begins:]
        self.size = sum(map(len, self.lines)) + self._line_size
        if html or at > shown:
            yield Finished(html)

    def _go_on(
        self, container: _Container, block: MarkdownBlock, lines: list[str], *, last: int, is_over: bool
    ) -> Generator[Finished, None, int]:
        """Yield the items or rows that have ended, and return the line behind them."""
        ours = len(container.before)
        parts = _ended_parts(block, last=last, is_over=is_over)[container.is_list :]
        end = parts[-1].end if parts else ours
        if block.is_loose and not container.is_loose:
            yield self._loosened(container, [*container.source, *lines[ours:end]])
        elif parts:
            html = blocks_html(block.with_parts(parts, is_loose=container.is_loose), self.reading)
            yield Finished(_inside(html, container), depth=2 if container.has_rows else 1)
            container.has_rows = not container.is_list
        if container.is_list and not is_over:
            container.source += lines[ours:end]
            container.before = [_item_before(lines[end])]
        return end

    def _loosened(self, container: _Container, source: list[str]) -> Finished:
        """Return the whole list again: a blank line makes a paragraph of what stands in each item."""
        container.is_loose = True
        self.reading.rendered = container.first_marker
        block = self._parse(source, ChainMap({}, self.reading.references))[0]
        return Finished(blocks_html(block.with_parts(block.parts, is_loose=True), self.reading), again=True)

    def _begin(self, block: MarkdownBlock, lines: list[str], *, last: int) -> tuple[str, int]:
        """Return the HTML of the items or rows of a new list or table that have ended, and the line behind them."""
        parts = _ended_parts(block, last=last, is_over=False) if block.is_list or block.is_table else []
        end = parts[-1].end if parts else block.start + 2  # the head of a table
        if not parts and not (block.is_table and end <= last):
            return "", block.start
        if block.is_list:
            self._container = _Container(
                is_list=True,
                before=[_item_before(lines[end])],
                is_loose=block.is_loose,
                source=lines[block.start : end],
                first_marker=self.reading.rendered,
            )
        else:
            columns = sum(token.type == "th_open" for token in block.tokens)
            head = [f"|{'x|' * columns}\n", f"|{'-|' * columns}\n"]
            self._container = _Container(is_list=False, before=head, has_rows=bool(parts))
        return blocks_html(block.with_parts(parts, is_loose=block.is_loose), self.reading), end


def _is_blank_behind(lines: list[str], at: int) -> bool:
    """Return whether the last whole line is blank, and nothing of the next one has come."""
    return not lines[-1] and at < len(lines) - 1 and lines[-2].isspace()


def _last_certain(lines: list[str]) -> int:
    """Return how many of `lines` can't change their meaning: the last is not whole, and a formula may go on in it."""
    formula = formulas.open_line(lines)
    return len(lines) - 1 if formula is None else formula


def _ended_parts(block: MarkdownBlock, *, last: int, is_over: bool) -> list[MarkdownBlock]:
    """Return the items or rows of `block` that have ended; unless it `is_over`, more may come of the last item."""
    if is_over:
        return block.parts
    parts = block.parts[:-1] if block.is_list else block.parts
    return [part for part in parts if part.end <= last]


def _item_before(line: str) -> str:
    """Return an item for which `line`, another one, is the next of the same list."""
    found = ITEM.match(line)
    return f"{found[1]} x\n" if found else ""


def _inside(html: str, container: _Container) -> str:
    """Return the items, or the rows with their body unless there is one, of a whole list or table."""
    if container.is_list:
        return html[html.index("\n") + 1 : html.rindex("</")]
    start, end = html.index("<tbody>"), html.index("</tbody>")
    return html[start + len("<tbody>\n") : end] if container.has_rows else html[start : end + len("</tbody>\n")]

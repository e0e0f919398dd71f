"""A workflow's text, and where everything in it stands. Each edit returns a new text, and leaves alone what it is not
about: comments, blank lines, order, quotes, indentation, line ends.

In block style, entries are lines. A comment directly above an entry belongs to it, and so does one directly below that
is indented more. In flow style ({…}), entries are characters between commas.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from agents.workflows.editing.writing import (
    LineStyle,
    Written,
    write_block,
    write_entry,
    write_flow,
    write_item,
    write_key,
    write_scalar,
)
from agents.workflows.errors import ChangeRefused
from agents.workflows.values import Json
from agents.workflows.yaml import LINE_BREAK, Entry, YamlPart, parse_parts

LITERAL_HEADER = re.compile(r"[|>][-+\d]*")
KEPT_CHARACTERS = 100_000  # of a text that is read once for several looks at it
UNIT = 2  # spaces for each level, where the text doesn't show another


def _found(text: str) -> tuple[Entry, YamlPart] | None:
    return parse_parts(text, file="workflow")


_kept = lru_cache(maxsize=4)(_found)  # a page looks at one text many times: its cards, and the choices of each


class Lines(NamedTuple):
    """Lines from `begin` to before `end`, counted from 0."""

    begin: int
    end: int


class WorkflowText:
    def __init__(self, text: str) -> None:
        """Raises WorkflowInvalid for what is no YAML, or no mapping."""
        self.text = text
        found = _kept(text) if len(text) <= KEPT_CHARACTERS else _found(text)
        self.entry = found[0] if found else None
        self.top = found[1] if found else None
        if self.entry:
            self.entry.mapping()
        breaks = list(LINE_BREAK.finditer(text))
        self.starts = [int(text.startswith("\ufeff")), *(each.end() for each in breaks)]
        if self.starts[-1] == len(text) and breaks:
            self.starts.pop()
        self.newline = breaks[0][0] if breaks else "\n"

    @property
    def plain(self) -> dict[str, Json]:
        value = self.entry.plain() if self.entry else {}
        return value if isinstance(value, dict) else {}

    @property
    def line_style(self) -> LineStyle:
        return LineStyle(self._unit(), self.newline, self._ends_with_break() or not self.text)

    def _unit(self) -> int:
        """Return by how many spaces a step's keys are indented, or else whatever comes first."""
        if self.top is None or self.top.flow:
            return UNIT
        outer = [(self.top, value) for _, value in self.top.pairs if self._is_block_mapping(value)]
        inner = [(value, below) for _, value in outer for _, below in value.pairs if self._is_block_mapping(below)]
        units = (self.column(below.start) - self.column(above.start) for above, below in [*inner, *outer])
        return next(units, UNIT)

    @staticmethod
    def _is_block_mapping(piece: YamlPart) -> bool:
        return piece.kind == "mapping" and not piece.flow and bool(piece.pairs)

    # ---- where ----
    def line(self, at: int) -> int:
        return bisect_right(self.starts, at) - 1

    def column(self, at: int) -> int:
        return at - self.starts[self.line(at)]

    def offset(self, line: int) -> int:
        return self.starts[line] if line < len(self.starts) else len(self.text)

    def end_of_line(self, at: int) -> int:
        """Return where the line ends, before its line break."""
        found = LINE_BREAK.search(self.text, at)
        return found.start() if found else len(self.text)

    def line_text(self, line: int) -> str:
        return self.text[self.offset(line) : self.end_of_line(self.offset(line))]

    def comment_column(self, line: int) -> int | None:
        """Return where the comment begins, if the line is nothing else."""
        text = self.line_text(line)
        bare = text.lstrip(" \t")
        return len(text) - len(bare) if bare.startswith("#") else None

    def find(self, path: Sequence[str]) -> YamlPart | None:
        piece = self.top
        for name in path:
            pair = piece.get(name) if piece else None
            piece = pair[1] if pair else None
        return piece

    def value_at(self, path: Sequence[str]) -> Json:
        value: Json = self.plain
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    def in_flow(self, path: Sequence[str]) -> bool:
        """Tell whether the value at `path`, or what it stands in, is written with {}."""
        return any(piece.flow for end in range(len(path) + 1) if (piece := self.find(path[:end])))

    def entries(self, mapping: YamlPart) -> list[Lines]:
        """Return the lines of each entry of a block mapping, or list, with the comments that belong to it."""
        spans = [(key.start, max(key.end, value.end)) for key, value in mapping.pairs] or [
            (self._dash(item), item.end) for item in mapping.items
        ]
        found: list[Lines] = []
        for position, (start, end) in enumerate(spans):
            column = self.column(start)
            if self.text[start - column : start].strip(" "):
                raise ChangeRefused(f"line {self.line(start) + 1} is written in a way that can't be edited here")
            begin, behind = self.line(start), self.line(max(start, end - 1)) + 1
            following = self.line(spans[position + 1][0]) if position + 1 < len(spans) else len(self.starts)
            while behind < following and (self.comment_column(behind) or 0) > column:
                behind += 1
            above = found[-1].end if found else 0
            while begin > above and (comment := self.comment_column(begin - 1)) is not None and comment <= column:
                begin -= 1
            found.append(Lines(begin, behind))
        return found

    def lines_of(self, mapping: YamlPart) -> list[Lines]:
        """Return the lines of each entry of a mapping, however it is written."""
        try:
            return self.entries(mapping)
        except ChangeRefused:
            return [
                Lines(self.line(key.start), self.line(max(key.start, value.end - 1)) + 1)
                for key, value in mapping.pairs
            ]

    def _dash(self, item: YamlPart) -> int:
        """Return where the dash before an item stands. Raises ChangeRefused when it is not on the same line."""
        start = self.offset(self.line(item.start))
        before = self.text[start : item.start]
        if before.strip(" ") != "-":
            raise ChangeRefused(f"line {self.line(item.start) + 1} is written in a way that can't be edited here")
        return start + before.index("-")

    # ---- lines ----
    def with_lines(self, at: int, lines: Sequence[str]) -> str:
        """Return the text with new lines before the line `at`."""
        new, offset = self.newline.join(lines), self.offset(at)
        if offset == len(self.text) and self.text and not self._ends_with_break():
            return self.text + self.newline + new
        return self.text[:offset] + new + self.newline + self.text[offset:]

    def without_lines(self, lines: Lines, *, keep_break: bool = False) -> str:
        """Return the text without the lines; where it ends without a line break, it does so then, too, unless the lines
        before need theirs."""
        begin, end = self.offset(lines.begin), self.offset(lines.end)
        if end == len(self.text) and not self._ends_with_break() and lines.begin and not keep_break:
            begin = self.end_of_line(self.offset(lines.begin - 1))
        return self.text[:begin] + self.text[end:]

    def _ends_with_break(self) -> bool:
        return bool(LINE_BREAK.fullmatch(self.text[-1:]))

    def is_blank(self, lines: Lines) -> bool:
        """Tell whether there are lines, and nothing in them."""
        return lines.begin < lines.end and not any(self.line_text(line).strip() for line in range(*lines))

    # ---- edits ----
    def with_entry(self, path: Sequence[str], key: str, value: Json, *, after: int | None = None) -> str:
        """Return the text with a new entry in the mapping at `path`, behind the entry number `after` (-1: as the first)
        or as the last."""
        mapping = self.find(path)
        if mapping is None or (mapping.kind == "scalar" and not path):
            return self.with_lines(
                len(self.starts) if self.text else 0, write_entry(key, value, indent=0, line_style=self.line_style)
            )
        after = len(mapping.pairs) - 1 if after is None else after
        if path and self.value_at(path) is None:
            return self.with_value(path, {key: value})
        if mapping.kind != "mapping":
            raise ChangeRefused(f"{'.'.join(path)} holds no keys")
        if mapping.flow:
            return self._with_flow_part(mapping, f"{write_key(key, flow=True)}: {write_flow(value)}", after=after)
        entries = self.entries(mapping)
        lines = write_entry(key, value, indent=self.column(mapping.pairs[0][0].start), line_style=self.line_style)
        if after < 0:
            return self.with_lines(entries[0].begin, lines)
        return self.with_lines(entries[after].end, ["", *lines] if self._is_spaced(entries, after) else lines)

    def _is_spaced(self, entries: Sequence[Lines], at: int) -> bool:
        """Tell whether blank lines stand between the entry and the next, or, behind the last, before it."""
        if at + 1 < len(entries):
            return entries[at].end < entries[at + 1].begin and not self.line_text(entries[at].end).strip()
        return at > 0 and self.is_blank(Lines(entries[at - 1].end, entries[at].begin))

    def without_entry(self, path: Sequence[str], *, prune: int = 1) -> str:
        """Return the text without an entry, and without mappings that hold nothing then, but for the outer `prune`."""
        *outer, key = path
        mapping = self.find(outer)
        position = next((at for at, (name, _) in enumerate(mapping.pairs) if name.text == key), -1) if mapping else -1
        if mapping is None or position < 0:
            raise ChangeRefused(f"there is no {'.'.join(path)}")
        alone = len(mapping.pairs) == 1
        if alone and len(outer) >= prune and (not mapping.flow or self.in_flow(outer[:-1])):
            return self.without_entry(outer, prune=prune)
        if mapping.flow:
            return self._without_flow_part(mapping, position)
        entries = self.entries(mapping)
        lines = entries[position]
        if not outer and position == 0:  # a comment at the top is the file's
            lines = Lines(self.line(mapping.pairs[0][0].start), lines.end)
        before = _needs_break(mapping.pairs[position - 1][1]) if position else False
        return self.without_lines(self._with_gap(entries, position, lines), keep_break=before)

    def _with_gap(self, entries: Sequence[Lines], position: int, lines: Lines) -> Lines:
        """Add the blank lines that would be too many without the entry."""
        is_last = position == len(entries) - 1
        if position == 0:
            gap = Lines(lines.end, lines.end if is_last else entries[1].begin)
            return Lines(lines.begin, gap.end) if self.is_blank(gap) else lines
        gap = Lines(entries[position - 1].end, lines.begin)
        follows_blank = is_last or (lines.end < entries[position + 1].begin and not self.line_text(lines.end).strip())
        return Lines(gap.begin, lines.end) if self.is_blank(gap) and follows_blank else lines

    def with_order(self, path: Sequence[str], name: str, to: int) -> str:
        """Return the text with an entry moved to the position `to`; what stands between the entries stays in place."""
        mapping = self.find(path)
        names = [key.text for key, _ in mapping.pairs] if mapping else []
        if mapping is None or name not in names:
            raise ChangeRefused(f"there is no {'.'.join((*path, name))}")
        if not 0 <= to < len(names):
            raise ChangeRefused(f"there are positions 0 to {len(names) - 1}, not {to}")
        order = list(range(len(names)))
        order.insert(to, order.pop(names.index(name)))
        if mapping.flow:
            spans = [(key.start, max(key.end, value.end)) for key, value in mapping.pairs]
        else:
            spans = [(self.offset(lines.begin), self.offset(lines.end)) for lines in self.entries(mapping)]
        parts = [self.text[start:end] for start, end in spans]
        if not mapping.flow and not LINE_BREAK.fullmatch(parts[-1][-1:]):
            is_open = _needs_break(mapping.pairs[order[-1]][1])
            parts = [*parts[:-1], parts[-1] + self.newline] if is_open else _with_ends(parts, order, self.newline)
        text = self.text
        for (start, end), at in reversed(list(zip(spans, order, strict=True))):
            text = text[:start] + parts[at] + text[end:]
        return text

    def with_key(self, path: Sequence[str], name: str) -> str:
        """Return the text with another name for a key."""
        mapping = self.find(path[:-1])
        pair = mapping.get(path[-1]) if mapping else None
        if mapping is None or pair is None:
            raise ChangeRefused(f"there is no {'.'.join(path)}")
        key = pair[0]
        return self.text[: key.start] + write_key(name, flow=mapping.flow, like=key) + self.text[key.end :]

    def with_value(self, path: Sequence[str], value: Json) -> str:
        """Return the text with another value for a key that there is."""
        mapping = self.find(path[:-1])
        pair = mapping.get(path[-1]) if mapping else None
        if mapping is None or pair is None:
            raise ChangeRefused(f"there is no {'.'.join(path)}")
        key, old = pair
        if self.in_flow(path[:-1]) or (old.flow and isinstance(value, dict | list)):
            before = self.text[key.end : old.start]
            separator = "" if old.start < old.end else " " if ":" in before else ": "
            return self.text[: old.start] + separator + write_flow(value, like=old) + self.text[old.end :]
        column = self.column(key.start)
        below = (isinstance(value, list | dict) and self._indent_below(old, column)) or column + self.line_style.unit
        written = write_block(value, indent=below, line_style=self.line_style, like=old)
        following = self.comment_column(self.line(max(old.start, old.end - 1)) + 1)
        if isinstance(value, str) and following is not None and following >= below:  # it would become the text's
            written = Written(write_scalar(value, flow=False, like=old))
        return self._with_written(key, old, written)

    def _indent_below(self, old: YamlPart, column: int) -> int:
        """Return how far what stands below a key is indented, or 0."""
        first = old.pairs[0][0].start if old.pairs else self._dash(old.items[0]) if old.items else 0
        return self.column(first) if old.is_block and first and self.column(first) > column else 0

    def _with_written(self, key: YamlPart, old: YamlPart, written: Written) -> str:
        text = self.text
        colon = text.index(":", key.end) + 1
        lines = "".join(self.newline + line for line in written.lines)
        head = f" {written.head}" if written.head else ""
        if old.is_block and old.kind != "scalar":  # it stands in the lines below the key
            return text[:colon] + head + text[colon : self.end_of_line(colon)] + lines + text[old.end :]
        begin, end = (old.start, old.end) if old.start < old.end else (colon, colon)
        if begin > colon:
            begin, head = (begin, written.head) if head else (colon, "")
        rest = self.end_of_line(end)
        if old.is_block:  # a comment may stand behind its |
            header = LITERAL_HEADER.match(text, old.start)
            head += text[header.end() if header else old.start : self.end_of_line(old.start)]
        return text[:begin] + head + text[end:rest] + lines + text[rest:]

    # ---- lists ----
    def with_items(self, path: Sequence[str], value: list[Json]) -> str:
        """Return the text with other items in a list; those at its beginning and end that stay are left alone."""
        piece, entry = self.find(path), self.value_at(path)
        if piece is None or piece.kind != "list" or not isinstance(entry, list) or not value or not entry:
            return self.with_value(path, value)
        same = 0
        while same < min(len(entry), len(value)) and entry[same] == value[same]:
            same += 1
        if same == len(entry) < len(value):
            return self._with_item(piece, value[same:])
        if same == len(value) < len(entry):
            return self._without_items(piece, same)
        return self.with_value(path, value)

    def _with_item(self, piece: YamlPart, items: Sequence[Json]) -> str:
        if piece.flow:
            return self._with_flow_part(piece, ", ".join(map(write_flow, items)), after=len(piece.items) - 1)
        indent = self.column(self._dash(piece.items[0]))
        lines = [line for item in items for line in write_item(item, indent=indent, line_style=self.line_style)]
        return self.with_lines(self.entries(piece)[-1].end, lines)

    def _without_items(self, piece: YamlPart, kept: int) -> str:
        if piece.flow:
            return self.text[: piece.items[kept - 1].end] + self.text[piece.items[-1].end :]
        entries = self.entries(piece)
        return self.without_lines(Lines(entries[kept].begin, entries[-1].end))

    # ---- {} and [] ----
    def _with_flow_part(self, piece: YamlPart, part: str, *, after: int) -> str:
        parts = _parts(piece)
        text = self.text
        if not parts:
            inside = text[piece.start + 1 : piece.end - 1]
            before, behind = (inside, "") if "#" in inside else (inside, inside)
            return text[: piece.start + 1] + before + part + behind + text[piece.end - 1 :]
        if after < 0:
            start = parts[0][0]
            return text[:start] + part + ", " + text[start:]
        start, end = parts[after]
        begin = self.offset(self.line(start))
        on_own_line = piece.start < begin and not text[begin:start].strip()
        between = self.newline + text[begin:start] if on_own_line else " "
        return text[:end] + "," + between + part + text[end:]

    def _without_flow_part(self, piece: YamlPart, position: int) -> str:
        parts = _parts(piece)
        text = self.text
        start, end = parts[position]
        if len(parts) == 1:
            before, behind = text[piece.start + 1 : start], text[end : piece.end - 1]
            inside = before if before == behind else before + behind.replace(",", "", 1)
            return text[: piece.start + 1] + inside + text[piece.end - 1 :]
        if position == 0:
            return text[:start] + text[parts[1][0] :]
        previous = parts[position - 1][1]
        if "#" not in text[previous:start]:
            return text[:previous] + text[end:]
        if position + 1 < len(parts):  # a comment behind the entry before is that one's
            return text[:start] + text[parts[position + 1][0] :]
        comma = text.index(",", previous)
        return text[:comma] + text[comma + 1 : start].rstrip(" ") + text[end:]


def _parts(piece: YamlPart) -> list[tuple[int, int]]:
    if piece.kind == "list":
        return [(item.start, item.end) for item in piece.items]
    return [(key.start, max(key.end, value.end)) for key, value in piece.pairs]


def _needs_break(part: YamlPart) -> bool:
    """Tell whether a value ends with a text whose last line break is a part of it."""
    inner = part.pairs[-1][1] if part.pairs else part.items[-1] if part.items else None
    return _needs_break(inner) if inner else part.style in ("|", ">") and part.text.endswith("\n")


def _with_ends(parts: Sequence[str], order: Sequence[int], newline: str) -> list[str]:
    """Return the parts for a text that ends without a line break: whatever comes last has none, as before."""
    last = order[-1]
    if last == len(parts) - 1:
        return list(parts)
    ended = list(parts)
    end = LINE_BREAK.search(ended[last], len(ended[last].rstrip("\r\n\x85\u2028\u2029")))
    line_end = end[0] if end else newline
    ended[last] = ended[last].removesuffix(line_end)
    ended[-1] += line_end
    return ended

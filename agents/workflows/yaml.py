"""YAML as entries that know their line and key. The only place that imports `yaml`.

What a workflow does not need is refused: anchors and aliases (a few of them grow to gigabytes), tags, deep nesting, and
a key given twice. Nothing but text, numbers, true, false, null, lists and mappings comes out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from agents.workflows.errors import WorkflowInvalid
from agents.workflows.values import Json

if TYPE_CHECKING:
    from yaml import MarkedYAMLError, Node, SafeLoader

FILE_MAX_BYTES = 1_000_000
DEPTH_MAX = 40
LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # what YAML 1.1 takes for one

Scalar: TypeAlias = str | int | float | bool | None
_TYPES = {dict: "a mapping", list: "a list", str: "text", int: "a number", float: "a number", bool: "true or false"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A value of the file and where it stands: its line, from 1, and its key, dotted from the top."""

    file: str
    line: int
    key: str
    value: Scalar | list[Entry] | dict[str, Entry]

    def wrong(self, problem: str) -> WorkflowInvalid:
        return WorkflowInvalid(problem, file=self.file, line=self.line, key=self.key)

    def mapping(self) -> dict[str, Entry]:
        """Return its entries by key, nothing being an empty one."""
        if self.value is None:
            return {}
        if not isinstance(self.value, dict):
            raise self._unlike("a mapping")
        return self.value

    def entries(self) -> list[Entry]:
        if not isinstance(self.value, list):
            raise self._unlike("a list")
        return self.value

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self._unlike("text")
        return self.value

    def number(self, *, least: float) -> float:
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self._unlike("a number")
        if not self.value >= least:
            raise self.wrong(f"must be at least {least:g}, not {self.value!r}")
        return self.value

    def whole(self, *, least: int) -> int:
        if not isinstance(number := self.number(least=least), int):
            raise self.wrong(f"must be a whole number, not {number!r}")
        return number

    def plain(self) -> Json:
        match self.value:
            case dict(entries):
                return {key: entry.plain() for key, entry in entries.items()}
            case list(items):
                return [item.plain() for item in items]
            case scalar:
                return scalar

    def _unlike(self, wanted: str) -> WorkflowInvalid:
        return self.wrong(f"must be {wanted}, not {_TYPES.get(type(self.value), 'nothing')}")


@dataclass(frozen=True, slots=True)
class YamlPart:
    """Where a value stands in its text, in characters from the beginning: from its first to behind its last, without
    comments and blank lines that follow.

    A mapping has `pairs` of a key and a value, a list has `items`; `flow` tells { or [. A scalar has its `text` as it
    is read, and the `style` it is written in: nothing (plain), ', ", | or >.
    """

    start: int
    end: int
    kind: str  # mapping, list or scalar
    flow: bool = False
    pairs: list[tuple[YamlPart, YamlPart]] = field(default_factory=list)
    items: list[YamlPart] = field(default_factory=list)
    text: str = ""
    style: str = ""

    @property
    def is_block(self) -> bool:
        """Tell whether it begins on a line of its own, or is written in the lines below its indicator."""
        return self.style in ("|", ">") or (self.kind != "scalar" and not self.flow)

    def get(self, name: str) -> tuple[YamlPart, YamlPart] | None:
        return next((pair for pair in self.pairs if pair[0].text == name), None)


def read_file(path: Path) -> bytes:
    """Raises WorkflowInvalid for a file that can't be read, is no regular file, or is too large."""
    try:
        return read_bounded(path)
    except OSError as error:
        raise WorkflowInvalid(f"can't be read: {error.strerror}", file=str(path), line=1) from error
    except ValueError as error:
        raise WorkflowInvalid(str(error), file=str(path), line=1) from error


def read_bounded(path: Path) -> bytes:
    """Return what is in a file. Raises ValueError for one that is too large, or no regular file: a pipe never ends."""
    if path.exists() and not path.is_file():
        raise ValueError("is no regular file")
    with path.open("rb") as file:
        raw = file.read(FILE_MAX_BYTES + 1)
    if len(raw) > FILE_MAX_BYTES:
        raise ValueError(f"is larger than {FILE_MAX_BYTES} bytes")
    return raw


def parse_yaml(written: bytes | str, *, file: str) -> Entry:
    """Return the one document of a file. Raises WorkflowInvalid, which names the line."""
    try:
        text = written.decode() if isinstance(written, bytes) else written
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise WorkflowInvalid("is not UTF-8", file=file, line=line) from error
    if (found := parse_parts(text, file=file)) is None:
        raise WorkflowInvalid("is empty", file=file, line=1)
    return found[0]


def parse_parts(text: str, *, file: str) -> tuple[Entry, YamlPart] | None:
    """Return the one document of a text and where all of it stands, or None where there is nothing but comments.

    Raises WorkflowInvalid, which names the line.
    """
    import yaml

    if len(text) > FILE_MAX_BYTES:
        raise WorkflowInvalid(f"is larger than {FILE_MAX_BYTES} bytes", file=file, line=1)
    try:
        document = yaml.compose(text, Loader=_careful_loader())
    except _Refused as error:
        raise WorkflowInvalid(str(error), file=file, line=error.line) from None
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(error, text, file=file) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise WorkflowInvalid(f"character {error.character!r} is not allowed", file=file, line=line) from error
    if document is None:
        return None
    return _Converter(file).entry(document, line=1, key=""), _part(document, text)


def _part(node: Node, text: str) -> YamlPart:
    import yaml

    start, end = node.start_mark.index, node.end_mark.index
    match node:
        case yaml.MappingNode():
            pairs = [(_part(key, text), _part(value, text)) for key, value in node.value]
            inner = max((value.end for _, value in pairs), default=start)
            return YamlPart(start, end if node.flow_style else inner, "mapping", bool(node.flow_style), pairs)
        case yaml.SequenceNode():
            items = [_part(item, text) for item in node.value]
            inner = max((item.end for item in items), default=start)
            return YamlPart(start, end if node.flow_style else inner, "list", bool(node.flow_style), items=items)
    style: str = getattr(node, "style", None) or ""
    if style in ("|", ">"):
        end = start + len(_without_blank_lines(text[start:end]))
    return YamlPart(start, end, "scalar", text=node.value, style=style)


def _without_blank_lines(written: str) -> str:
    """Return a text written with | or > without its last line break, and without blank lines that are no part of it."""
    header, *lines = LINE_BREAK.split(written)
    if "+" in header.split("#")[0]:
        return written[: len(written) - len(LINE_BREAK.findall(written)[-1])] if lines and not lines[-1] else written
    first = next((line for line in lines if line.strip(" ")), "")
    indent = 0 if re.search(r"\d", header) else len(first) - len(first.lstrip(" "))
    breaks = [found.start() for found in LINE_BREAK.finditer(written)]
    while lines and not lines[-1].strip(" ") and len(lines[-1]) <= indent:
        lines.pop()
    return written[: breaks[len(lines)]] if len(lines) < len(breaks) else written


def _not_yaml(error: MarkedYAMLError, text: str, *, file: str) -> WorkflowInvalid:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    problem = error.problem or error.context or "is not YAML"
    if "${" in LINE_BREAK.split(text)[line - 1]:
        problem += "; between {} or [], a ${path} needs quotes"
    return WorkflowInvalid(problem, file=file, line=line)


class _Refused(Exception):
    def __init__(self, problem: str, *, line: int) -> None:
        super().__init__(problem)
        self.line = line


@cache
def _careful_loader() -> type[SafeLoader]:
    """Return a loader that refuses what grows before it is built: the parser's events come one by one."""
    import yaml

    class CarefulLoader(yaml.SafeLoader):
        depth = 0

        def compose_node(self, parent: Node | None, index: Any) -> Node | None:
            event = self.peek_event()  # type: ignore[no-untyped-call]
            line = event.start_mark.line + 1
            if getattr(event, "anchor", None) is not None:
                raise _Refused("anchors and aliases are refused", line=line)
            if isinstance(event, yaml.CollectionStartEvent) and self.depth >= DEPTH_MAX:
                raise _Refused(f"is nested more than {DEPTH_MAX} deep", line=line)
            self.depth += 1
            try:
                return super().compose_node(parent, index)
            finally:
                self.depth -= 1

    return CarefulLoader


class _Converter:
    """From YAML's own tree to entries."""

    def __init__(self, file: str) -> None:
        from yaml.constructor import SafeConstructor

        self._file = file
        self._constructor = SafeConstructor()

    def entry(self, node: Node, *, line: int, key: str) -> Entry:
        import yaml

        match node:
            case yaml.MappingNode() if node.tag == "tag:yaml.org,2002:map":
                return Entry(self._file, line, key, self._mapping(node, key=key))
            case yaml.SequenceNode() if node.tag == "tag:yaml.org,2002:seq":
                entries = [
                    self.entry(item, line=item.start_mark.line + 1, key=f"{key}[{position}]")
                    for position, item in enumerate(node.value)
                ]
                return Entry(self._file, line, key, entries)
            case yaml.ScalarNode():
                return Entry(self._file, line, key, self._scalar(node, line=line, key=key))
        raise WorkflowInvalid(f"tag {node.tag} is refused", file=self._file, line=line, key=key)

    def _mapping(self, node: Node, *, key: str) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        for name_node, value_node in node.value:
            line = name_node.start_mark.line + 1
            name = name_node.value
            if not isinstance(name, str) or not name:
                raise WorkflowInvalid("a key must be text", file=self._file, line=line, key=key)
            inner = f"{key}.{name}" if key else name
            if name in entries:
                first = entries[name].line
                raise WorkflowInvalid(f"is given twice, first in line {first}", file=self._file, line=line, key=inner)
            entries[name] = self.entry(value_node, line=line, key=inner)
        return entries

    def _scalar(self, node: Node, *, line: int, key: str) -> Scalar:
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        if kind in ("str", "timestamp", "value"):  # a date stays the text that was written
            return str(node.value)
        if kind not in ("int", "float", "bool", "null"):
            raise WorkflowInvalid(f"tag {node.tag} is refused", file=self._file, line=line, key=key)
        try:
            value: Scalar = self._constructor.construct_object(node)
        except (ValueError, LookupError) as error:
            raise WorkflowInvalid(f"{node.value[:40]!r} is no {kind}", file=self._file, line=line, key=key) from error
        return value

"""YAML as entries that know their line and key. The only place that imports `yaml`.

What a workflow does not need is refused: anchors and aliases (a few of them grow to gigabytes), tags, deep nesting, and
a key given twice. Nothing but text, numbers, true, false, null, lists and mappings comes out.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from agents.workflows.errors import WorkflowInvalid

if TYPE_CHECKING:
    from yaml import MarkedYAMLError, Node

FILE_MAX_BYTES = 1_000_000
DEPTH_MAX = 40

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

    def mapping(self, *, keys: Collection[str] | None = None) -> dict[str, Entry]:
        """Its entries by key, nothing being an empty one; raises WorkflowInvalid at a key that is not among `keys`."""
        if self.value is None:
            return {}
        if not isinstance(self.value, dict):
            raise self._unlike("a mapping")
        for key, entry in self.value.items():
            if keys is not None and key not in keys:
                raise entry.wrong(f"unknown key; known: {', '.join(keys)}")
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

    def _unlike(self, wanted: str) -> WorkflowInvalid:
        return self.wrong(f"must be {wanted}, not {_TYPES.get(type(self.value), 'nothing')}")


def read_file(path: Path) -> bytes:
    """Raises WorkflowInvalid for a file that can't be read, or is too large."""
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        raise WorkflowInvalid(f"can't be read: {error.strerror}", file=str(path), line=1) from error
    if len(raw) > FILE_MAX_BYTES:
        raise WorkflowInvalid(f"is larger than {FILE_MAX_BYTES} bytes", file=str(path), line=1)
    return raw


def parse_yaml(raw: bytes, *, file: str) -> Entry:
    """Return the one document of a file. Raises WorkflowInvalid, which names the line."""
    import yaml

    try:
        text = raw.decode()
        _refuse_what_grows(text, file=file)
        document = yaml.compose(text, Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise WorkflowInvalid("is not UTF-8", file=file, line=line) from error
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(error, text, file=file) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise WorkflowInvalid(f"character {error.character!r} is not allowed", file=file, line=line) from error
    if document is None:
        raise WorkflowInvalid("is empty", file=file, line=1)
    return _Converter(file).entry(document, line=1, key="")


def _not_yaml(error: MarkedYAMLError, text: str, *, file: str) -> WorkflowInvalid:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    problem = error.problem or error.context or "is not YAML"
    if "${" in text.split("\n")[line - 1]:
        problem += "; between {} or [], a ${path} needs quotes"
    return WorkflowInvalid(problem, file=file, line=line)


def _refuse_what_grows(text: str, *, file: str) -> None:
    """Before anything is built, on the parser's events: they come one by one, whatever the text."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if getattr(event, "anchor", None) is not None:
            raise WorkflowInvalid("anchors and aliases are refused", file=file, line=line)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH_MAX:
            raise WorkflowInvalid(f"is nested more than {DEPTH_MAX} deep", file=file, line=line)


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

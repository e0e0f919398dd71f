"""Sitemaps and feeds, read as they come. Entities and attributes that a document type declares are refused, so nothing
multiplies and no file is opened."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from html import escape
from xml.parsers import expat

from retrieval.errors import FetchFailed
from retrieval.reasons import gettext_noop as _

_PART = 64 * 1024
_TAG_BYTES = 1024**2
_DEPTH = 100
_ITEM_CHARACTERS = 5_000_000
_FIELDS = 200


@dataclass
class ItemField:
    """A child of an item: its text, or the HTML that it holds, and its attributes."""

    text: str
    attributes: dict[str, str]


@dataclass
class Item:
    """An element that was looked for, by its name without a prefix, and its children by theirs."""

    name: str
    fields: dict[str, list[ItemField]] = field(default_factory=dict)

    def text(self, *names: str) -> str:
        """Return the text of the first child that has one of these names and a text."""
        texts = (one.text.strip() for name in names for one in self.fields.get(name, []))
        return next((text for text in texts if text), "")


def items_in(content: bytes, *, named: Collection[str]) -> Iterator[Item]:
    """Yield each element with one of these names. Raises FetchFailed for what is no XML, or hostile."""
    reader = _Reader(named)
    try:
        for start in range(0, len(content), _PART):
            reader.parser.Parse(content[start : start + _PART], False)
            # A tag or a comment that goes on is read from its beginning again with each part, while all else waits.
            if start + _PART - reader.parser.CurrentByteIndex > _TAG_BYTES:
                raise ValueError("one of its tags is too long")
            yield from reader.take()
        reader.parser.Parse(b"", True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise FetchFailed(_("It is no XML that can be read: %(fault)s."), fault=str(error)[:200]) from error
    yield from reader.take()


class _Reader:
    def __init__(self, named: Collection[str]) -> None:
        self._named = named
        self._done: list[Item] = []
        self._item: Item | None = None
        self._at = 0  # depth of the item
        self._depth = 0
        self._field: ItemField | None = None
        self._texts: list[str] = []
        self._characters = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.EntityDeclHandler = self._refuse
        self.parser.ExternalEntityRefHandler = self._refuse
        self.parser.AttlistDeclHandler = self._refuse_attributes  # each element would have them: they multiply as well

    def take(self) -> list[Item]:
        done, self._done = self._done, []
        return done

    def _refuse(self, *_arguments: object) -> int:
        raise ValueError("it declares entities")

    def _refuse_attributes(self, *_arguments: object) -> None:
        raise ValueError("it declares attributes")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEPTH:
            raise ValueError("it is nested too deep")
        name = tag.rpartition(":")[2]
        if self._item is None:
            if name in self._named:
                self._item, self._at, self._characters = Item(name), self._depth, 0
        elif self._field is None:
            self._field, self._texts = ItemField("", dict(list(attributes.items())[:20])), []
        elif self._is_markup():
            link = attributes.get("href", "")
            self._add(f'<{escape(name)} href="{escape(link)}">' if link else f"<{escape(name)}>")

    def _end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        if self._item is not None and self._depth == self._at:
            self._done.append(self._item)
            self._item = None
        elif self._item is not None and self._field is not None and self._depth == self._at + 1:
            self._field.text = "".join(self._texts)
            if sum(map(len, self._item.fields.values())) < _FIELDS:
                self._item.fields.setdefault(name, []).append(self._field)
            self._field = None
        elif self._field is not None and self._is_markup():
            self._add(f"</{escape(name)}>")
        self._depth -= 1

    def _text(self, text: str) -> None:
        if self._field is not None:
            self._add(escape(text) if self._is_markup() else text)

    def _is_markup(self) -> bool:
        return self._field is not None and self._field.attributes.get("type") == "xhtml"

    def _add(self, text: str) -> None:
        self._characters += len(text)
        if self._characters > _ITEM_CHARACTERS:
            raise ValueError("one of its items is too long")
        self._texts.append(text)

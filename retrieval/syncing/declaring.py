"""What a source is: a class that says what there is now, and how its form looks; and the registry of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol, TypeVar

from django import forms
from django.core.files import File

from retrieval.errors import RetrievalError, SourceInvalid
from retrieval.reasons import gettext_noop as _

S = TypeVar("S", bound="type[DocumentSource]")

MOST_ENTRIES = 100_000  # of one source


class EntryUnchanged(Exception):
    """What an entry holds has not changed since it was read, as its owner says when asked."""


class SourceUnchanged(Exception):
    """Nothing at all has changed since the last run, as the source's mark says: no entry has to be listed."""


class EntryRefused(RetrievalError):
    """An entry that can't be a document now; the one that is there keeps its text. The message says why."""


class EntryGone(RetrievalError):
    """There is nothing at this entry any more, or its owner wants it in no index; the message says which."""


class ListingIncomplete(RetrievalError):
    """Not all that there is was listed, so nothing counts as gone. The message says why."""


class SourceDown(RetrievalError):
    """The source answers no more: the run ends, and what was read stays read. The message says why."""


class SourceStopped(Exception):
    """The process ends, or the source was paused or taken away: the run ends where it is."""


@dataclass(frozen=True)
class SourceContent:
    """What an entry holds. The ending of `filename` says of which format it is. `version` and `memory` replace those
    of the entry; `title` and `url` as well, where they are not empty."""

    content: bytes | str | File[bytes]
    filename: str
    version: str = ""
    title: str = ""
    url: str = ""
    memory: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceEntry:
    """One thing that a source has now.

    `key` names it for ever, in up to 2,000 bytes. `version`: whatever changes when its content does, in up to 500
    characters; empty where only reading tells. `read` is called when the version is not the known one. It may raise
    EntryUnchanged, EntryRefused or EntryGone. `title` is the document's for certain; empty, it is what the file calls
    itself. `url` is where a citation opens: http(s); empty, it opens in the reader.
    """

    key: str
    read: Callable[[], SourceContent]
    version: str = ""
    title: str = ""
    url: str = ""
    memory: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class KnownEntry:
    """What is known of an entry since it was read last."""

    version: str
    memory: Mapping[str, Any]


class KnownEntries(Protocol):
    """What is known of a source's entries. `mark` is the one that the last run left which came to its end and refused
    nothing; empty where all has to be looked at."""

    @property
    def mark(self) -> str: ...

    def get(self, key: str) -> KnownEntry | None:
        """Return what is known of this entry; None where there is no document of it."""

    def checked(self) -> Mapping[str, datetime]:
        """Return when each entry was last read, by key."""


class DocumentSource:
    """A kind of source. Subclass it, give it a `kind` and a `label`, and declare it with `@document_source`.

    `Form` asks for the settings: what it cleans must be JSON, and is found in `self.settings`. `secrets` names the
    fields that are never shown again; None: those whose names say so, as `api_token` does. What a PasswordInput takes
    is one of them in any case. With `lists_all` what is no longer listed is gone; without it stays.

    `entries` may set `self.mark` to what tells the whole source's version, and raise SourceUnchanged when that is
    `since.mark`, before it yields anything. `self.wait(seconds)` waits, and raises SourceStopped as soon as the run
    should end. Call it in long loops.
    """

    kind: ClassVar[str] = ""
    label: ClassVar[Any] = ""
    help: ClassVar[Any] = ""
    lists_all: ClassVar[bool] = True
    secrets: ClassVar[Collection[str] | None] = None
    Form: ClassVar[type[forms.Form]] = forms.Form

    def __init__(self, settings: Mapping[str, Any], *, wait: Callable[[float], None]) -> None:
        self.settings = settings
        self.wait = wait
        self.mark = ""

    def entries(self, since: KnownEntries) -> Iterator[SourceEntry]:
        """Yield all that there is now. What it raises ends the run, and then nothing counts as gone."""
        raise NotImplementedError

    @property
    def place(self) -> str:
        """Return where it is, for a person; no secret."""
        return str(self.settings.get("url", ""))


_declared: dict[str, type[DocumentSource]] = {}


def document_source(kind: S) -> S:
    """Declare a kind of source, in an app's `docchat.py` or in a module that `SOURCES` names.

    Raises SourceInvalid when its `kind` is no short name of its own.
    """
    name = kind.__name__
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,39}", kind.kind):
        raise SourceInvalid(f"{name}.kind is {kind.kind!r}: it must be a short name like “wiki”")
    if not isinstance(kind, type) or kind.entries is DocumentSource.entries:
        raise SourceInvalid(f"{name} has no method entries")
    there = _declared.get(kind.kind)
    if there is not None and there.__qualname__ != kind.__qualname__:
        raise SourceInvalid(f"{name}.kind is {kind.kind!r}, which {there.__name__} is already")
    _declared[kind.kind] = kind
    return kind


def source_kinds() -> dict[str, type[DocumentSource]]:
    """Return all kinds, by name."""
    return dict(_declared)


def source_kind(name: str) -> type[DocumentSource]:
    """Return the kind of this name. Raises RetrievalError when nothing declares it."""
    if name not in _declared:
        raise RetrievalError(_("Nothing declares sources of the kind “%(kind)s” any more."), kind=name)
    return _declared[name]


def withdraw_source(name: str) -> None:
    """Forget a kind."""
    _declared.pop(name, None)

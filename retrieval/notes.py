"""What reading a file left out, changed or guessed: counted, and said to a person beside the document.

Standard library only, like what it imports: a child process that parses makes notes as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from retrieval.reasons import Reason
from retrieval.reasons import gettext_noop as _
from retrieval.text.cleaning import clean

NAMES_KEPT = 30  # of what one note names; `count` counts all
_NAME_LENGTH = 100  # characters
_NAME_READ = 1_000  # characters that are looked at


class _Kind(NamedTuple):
    """The sentence of a kind of note, which may name `count` and `names`, and whether the text lacks something that a
    reader of the file sees. `named` is the sentence of a kind that does not always have names, when it has."""

    template: str
    loses: bool
    named: str = ""


KINDS = {
    "running_lines": _Kind(
        _("Lines that repeat on the pages stay in the text, and are searched once: %(names)s."), loses=False
    ),
    "hidden_text": _Kind(
        _("Hidden text, which no reader of the file sees, was left out: %(count)s places."),
        loses=False,
        named=_("Hidden text, which no reader of the file sees, was left out: %(count)s places, among them %(names)s."),
    ),
    "deleted_text": _Kind(_("Text that tracked changes delete was left out: %(count)s places."), loses=False),
    "hidden_cells": _Kind(_("Hidden rows, columns or sheets are in the text: %(names)s."), loses=False),
    "formulas": _Kind(_("Formulas without a saved value stand as formulas: %(count)s cells."), loses=False),
    "fields": _Kind(_("Fields without a saved result are missing from the text: %(names)s."), loses=True),
    "symbols": _Kind(_("Signs of symbol fonts that have no name are missing from the text: %(names)s."), loses=True),
    "equations": _Kind(_("Equations of an old editor, which stand as pictures, were not read: %(count)s."), loses=True),
    "macros": _Kind(_("Its macros were not read."), loses=False),
    "annotations": _Kind(_("Notes stuck on its pages were left out: %(count)s."), loses=False),
    "page_furniture": _Kind(
        _("Menus, banners and the like around the content were left out: %(count)s parts."), loses=False
    ),
    "encoding": _Kind(_("Its encoding was guessed: %(names)s."), loses=False),
    "recognised_pages": _Kind(
        _("Pages that are pictures were read by text recognition, which makes mistakes: %(names)s."), loses=False
    ),
    "unread_lines": _Kind(_("Of pages that are pictures, some lines could not be recognised: %(names)s."), loses=True),
    "picture_pages": _Kind(_("Pages that are pictures hold no text, and were not read: %(names)s."), loses=True),
    "pictures": _Kind(_("Pictures were not looked at: %(count)s."), loses=False),
    "fonts": _Kind(_("Fonts that don't say which letters they show make pages unreadable: %(names)s."), loses=True),
    "forms": _Kind(_("A form could not be read: %(names)s."), loses=True),
    "headings": _Kind(_("It has too many headings: the last %(count)s of them stand in the text alone."), loses=False),
    "attachments": _Kind(_("Attached files were not read: %(names)s."), loses=True),
    "parts": _Kind(_("Parts that could not be read: %(names)s."), loses=True),
}


@dataclass(frozen=True)
class Note:
    """One thing that is to be said of how a document was read. `kind` is one of KINDS; `count` is how often it was met,
    `names` the first NAMES_KEPT of where or what."""

    kind: str
    count: int = 1
    names: tuple[str, ...] = ()

    @property
    def loses(self) -> bool:
        """Return whether the text lacks something that a reader of the file sees."""
        return KINDS[self.kind].loses

    @property
    def reason(self) -> Reason:
        """Return the sentence, to be put into a language."""
        names = ", ".join(self.names) + (", …" if self.count > len(self.names) > 0 else "")
        kind = KINDS[self.kind]
        return Reason(kind.named if kind.named and names else kind.template, count=self.count, names=names)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Notes:
    """Notes while a file is read: of each kind one, which counts."""

    def __init__(self) -> None:
        self._names: dict[str, dict[str, None]] = {}  # in order, each once
        self._counts: dict[str, int] = {}

    def add(self, kind: str, name: str = "", *, count: int = 1) -> None:
        """Count `kind`, a key of KINDS, `count` more times. A name that is known is not counted again."""
        assert kind in KINDS, kind
        names = self._names.setdefault(kind, {})
        name = _shown(name)
        if name and name in names:
            return
        if name:
            names[name] = None
        self._counts[kind] = self._counts.get(kind, 0) + count

    def include(self, notes: Iterable[Note]) -> None:
        """Count what was noted of a part that was read by itself."""
        for note in notes:
            for name in note.names:
                self.add(note.kind, name)
            if note.count > len(note.names):
                self.add(note.kind, count=note.count - len(note.names))

    def all(self) -> list[Note]:
        """Return them, the kinds in the order of KINDS."""
        return [
            Note(kind, self._counts[kind], tuple(self._names[kind])[:NAMES_KEPT])
            for kind in KINDS
            if kind in self._counts
        ]


def notes_from_json(plain: Iterable[dict[str, Any]]) -> list[Note]:
    """Return the notes of a row, or of a child process, whose answer a hostile file may have written: those of no known
    kind are dropped, names are cleaned and cut. Raises TypeError, KeyError, ValueError or AttributeError for what is
    no note."""
    return [
        Note(each["kind"], max(0, int(each["count"])), tuple(map(_shown, each["names"][:NAMES_KEPT])))
        for each in plain
        if each["kind"] in KINDS
    ]


def _shown(name: str) -> str:
    """Return a name as it is shown to a person: the file wrote it, with signs that no one sees or no database takes."""
    return " ".join(clean(name[:_NAME_READ]).split())[:_NAME_LENGTH]


def reads_with_losses(notes: Iterable[Note]) -> bool:
    """Return whether one of them says that the text lacks something."""
    return any(note.loses for note in notes)

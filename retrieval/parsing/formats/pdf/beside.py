"""What a PDF holds beside its lines: forms, annotations, attachments, labels and a title; and what no reader sees."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from retrieval.notes import Notes
from retrieval.parsing.formats.extracted import clean
from retrieval.parsing.formats.pdf.annotations import added_lines
from retrieval.parsing.formats.pdf.attachments import Attachments
from retrieval.parsing.formats.pdf.fonts import legibility
from retrieval.parsing.formats.pdf.hidden import HiddenText
from retrieval.parsing.formats.pdf.xfa import is_xfa, xfa_lines
from retrieval.parsing.formats.titles import is_title
from retrieval.text.headings import Heading

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage


class Beside:
    """What stands beside the lines of a document's pages: `added`, lines for each page that was left. Pages are entered
    and left one after another. `unreadable`: the numbers of pages whose fonts don't tell what they show."""

    def __init__(self, document: PdfDocument) -> None:
        self._document = document
        self._notes = Notes()
        self._hidden = HiddenText()
        self._attachments = Attachments(self._notes)
        self.added: list[list[str]] = []
        self.unreadable: list[int] = []
        logging.getLogger("pypdfium2").setLevel(logging.ERROR)  # it warns of each form that it can't show
        document.init_forms()

    def enter(self, page: PdfPage) -> None:
        """Take off the page what no reader sees, before its lines are read."""
        self._hidden.take_off(page)

    def leave(self, page: PdfPage) -> None:
        """Read what stands beside the page's lines, after they were read. Nothing can be read from the page then."""
        number = len(self.added) + 1
        legible = legibility(page)
        if legible.lost:
            self._notes.add("fonts", str(number))
            if legible.is_unread:
                self.unreadable.append(number)
        self._attachments.add_of_page(page)
        self.added.append(added_lines(self._document, page, index=number - 1, notes=self._notes))

    def finish(self) -> Notes:
        """Read what belongs to no page, after the last one was left; return the notes. Data of a form that was not
        shown go onto the last page."""
        if is_xfa(self._document):
            self._notes.add("forms", "XFA")
            if self.added:
                self.added[-1] += xfa_lines(self._document)
        self._attachments.add_of_document(self._document)
        if self._hidden.count:
            self._notes.add("hidden_text", count=self._hidden.count)
        return self._notes

    def attached(self, *, start: int) -> tuple[str, list[Heading]]:
        """Return the attached files that were read, as they follow a text of `start` characters, each under its
        name."""
        parts, headings = [], []
        for attachment in self._attachments.read:
            headings.append(Heading(start, 1, attachment.name))
            parts.append(f"{attachment.name}\n\n{attachment.text}\n\n")
            start += len(parts[-1])
        return "".join(parts), headings


def page_text(lines: Sequence[str], added: Sequence[str]) -> str:
    """Return a page's lines, and below an empty line what stands beside them."""
    return "\n\n".join(filter(None, ("\n".join(lines).strip(), "\n".join(added)))) + "\n\n"


def read_title(document: PdfDocument) -> str:
    """Return the title in the document's metadata; empty where it is none."""
    title = " ".join(clean(document.get_metadata_value("Title")).split())
    return title if is_title(title) else ""

"""What a PDF holds beside its lines: forms, annotations, attachments, labels and a title; and what no reader sees."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from retrieval.notes import Notes
from retrieval.parsing.formats.extracted import clean
from retrieval.parsing.formats.pdf.beside.annotations import added_lines
from retrieval.parsing.formats.pdf.beside.attachments import PdfAttachments
from retrieval.parsing.formats.pdf.beside.fonts import legibility
from retrieval.parsing.formats.pdf.beside.hidden import HiddenText
from retrieval.parsing.formats.pdf.beside.xfa import is_xfa, xfa_lines
from retrieval.parsing.formats.pdf.letters import Letters
from retrieval.parsing.formats.titles import is_title
from retrieval.text.headings import Heading

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

logger = logging.getLogger(__name__)


class Extras:
    """What stands beside the lines of a document's pages, which are entered and left one after another.

    `added`: lines for each page that was left. `unreadable`: the numbers of pages whose fonts don't tell what they
    show. `is_legible`: whether there is text, on any page, that they do tell. What is to be said goes to `notes`.
    """

    def __init__(self, document: PdfDocument, *, notes: Notes) -> None:
        self._document = document
        self._notes = notes
        self._hidden = HiddenText()
        self._attachments = PdfAttachments(self._notes)
        self.added: list[list[str]] = []
        self.unreadable: list[int] = []
        self.is_legible = False
        logging.getLogger("pypdfium2").setLevel(logging.ERROR)  # it warns of each form that it can't show
        document.init_forms()

    def enter(self, page: PdfPage) -> None:
        """Take off the page what no reader sees, before its lines are read."""
        with self._isolated("hidden text"):
            self._hidden.take_off(page)

    def leave(self, page: PdfPage, letters: Letters) -> None:
        """Read what stands beside the page's lines, after they were read. Nothing can be read from the page then."""
        self.added.append([])
        with self._isolated("fonts"):
            self._judge(letters, number=len(self.added))
        with self._isolated("attachments"):
            self._attachments.add_of_page(page)
        with self._isolated("annotations"):
            self.added[-1] += added_lines(self._document, page, letters, index=len(self.added) - 1, notes=self._notes)

    def _judge(self, letters: Letters, *, number: int) -> None:
        legible = legibility(letters)
        if legible.lost:
            self._notes.add("fonts", str(number))
        self.is_legible = self.is_legible or legible.is_legible
        if legible.is_unread:
            self.unreadable.append(number)

    @contextmanager
    def _isolated(self, part: str) -> Iterator[None]:
        """Let a fault cost the part alone: broken objects make pdfium fail, and numbers that are none."""
        from pypdfium2 import PdfiumError

        try:
            yield
        except (PdfiumError, ValueError, ArithmeticError, ctypes.ArgumentError) as error:
            logger.warning("%s of a page: %r", part, error)
            self._notes.add("parts", part)

    def finish(self) -> None:
        """Read what belongs to no page, after the last one was left. Data of a form that was not shown go onto the last
        page."""
        with self._isolated("forms"):
            self._add_xfa()
        with self._isolated("attachments"):
            self._attachments.add_of_document(self._document)
        if self._hidden.count:
            self._notes.add("hidden_text", count=self._hidden.count)

    def _add_xfa(self) -> None:
        if is_xfa(self._document):
            self._notes.add("forms", "XFA")
            if self.added:
                self.added[-1] += xfa_lines(self._document)

    def attached(self, *, start: int) -> tuple[str, list[Heading]]:
        """Return the attached files that were read, as they follow a text of `start` characters, each under its
        name."""
        parts, headings = [], []
        for attachment in self._attachments.read:
            headings.append(Heading(start, 1, attachment.name))
            parts.append(f"{attachment.name}\n\n{attachment.text}\n\n")
            start += len(parts[-1])
        return "".join(parts), headings


def with_added(text: str, added: Sequence[str]) -> str:
    """Return a page's text, and below an empty line what stands beside its lines."""
    return "\n\n".join(filter(None, (text.strip(), "\n".join(added)))) + "\n\n"


def read_title(document: PdfDocument) -> str:
    """Return the title in the document's metadata; empty where it is none."""
    title = " ".join(clean(document.get_metadata_value("Title")).split())
    return title if is_title(title) else ""

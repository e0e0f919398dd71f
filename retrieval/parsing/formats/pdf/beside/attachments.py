"""Files attached to a PDF: named, and short plain texts among them read."""

from __future__ import annotations

import ctypes
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.errors import ParsingError
from retrieval.notes import Notes
from retrieval.parsing.formats.extracted import Extracted
from retrieval.parsing.formats.pdf.beside.strings import read_string
from retrieval.parsing.formats.plain.tables import read_csv
from retrieval.parsing.formats.plain.text import read_text

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

_FILES_LIMIT = 1_000
_READ_LIMIT = 20  # files
_SIZE_LIMIT = 256 * 1024  # bytes of a file that is read
_UNPACKED_LIMIT = 256 * 1024**2  # bytes; pdfium unpacks a whole file to tell how large it is
_READERS: dict[str, Callable[[Path], Extracted]] = {
    "txt": read_text,
    "text": read_text,
    "md": read_text,
    "log": read_text,
    "csv": read_csv,
    "tsv": read_csv,
}
_MACHINES = re.compile(r".*\.joboptions|mathml-\d+\.xml", re.I)  # how the PDF was made, and its formulas once more


@dataclass(frozen=True)
class PdfAttachment:
    """An attached file that was read."""

    name: str
    text: str


class PdfAttachments:
    """Reads the attached files that are short plain texts, and notes the others in `notes`. Each is met once, though it
    be attached to the document and to a place on a page."""

    def __init__(self, notes: Notes) -> None:
        self.read: list[PdfAttachment] = []
        self._notes = notes
        self._met: set[tuple[str, int]] = set()
        self._unpacked = 0

    def add_of_document(self, document: PdfDocument) -> None:
        from pypdfium2 import raw

        for index in range(min(raw.FPDFDoc_GetAttachmentCount(document), _FILES_LIMIT)):
            self._add(raw.FPDFDoc_GetAttachment(document, index))

    def add_of_page(self, page: PdfPage) -> None:
        for attachment in _of_page(page):
            self._add(attachment)

    def _add(self, attachment: Any) -> None:
        from pypdfium2 import raw

        name = read_string(raw.FPDFAttachment_GetName, attachment) if attachment else ""
        if not name or _MACHINES.fullmatch(name) or len(self._met) >= _FILES_LIMIT:
            return
        reader = _READERS.get(name.rpartition(".")[2].lower())
        size = self._size(attachment) if reader else 0
        if (name, size) in self._met:
            return
        self._met.add((name, size))
        text = ""
        if reader and 0 < size <= _SIZE_LIMIT and len(self.read) < _READ_LIMIT:
            text = _text(_content(attachment, size), reader)
        if text:
            self.read.append(PdfAttachment(name, text))
        else:
            self._notes.add("attachments", name)

    def _size(self, attachment: Any) -> int:
        """Return how many bytes the file has; 0 once too many were unpacked to be told that."""
        from pypdfium2 import raw

        size = ctypes.c_ulong()
        if self._unpacked > _UNPACKED_LIMIT or not raw.FPDFAttachment_GetFile(attachment, None, 0, size):
            return 0
        self._unpacked += size.value
        return size.value


def _of_page(page: PdfPage) -> Iterator[Any]:
    """Yield what is attached to places on the page."""
    from pypdfium2 import raw

    for index in range(min(raw.FPDFPage_GetAnnotCount(page), _FILES_LIMIT * 10)):
        annotation = raw.FPDFPage_GetAnnot(page, index)
        if annotation:
            if raw.FPDFAnnot_GetSubtype(annotation) == raw.FPDF_ANNOT_FILEATTACHMENT:
                yield raw.FPDFAnnot_GetFileAttachment(annotation)
            raw.FPDFPage_CloseAnnot(annotation)


def _content(attachment: Any, size: int) -> bytes:
    from pypdfium2 import raw

    content, written = (ctypes.c_char * size)(), ctypes.c_ulong()
    return bytes(content) if raw.FPDFAttachment_GetFile(attachment, content, size, written) else b""


def _text(content: bytes, reader: Callable[[Path], Extracted]) -> str:
    """Return what the file holds; empty when it isn't a plain text, or can't be read."""
    if b"\0" in content[:4096] and not content.startswith((b"\xff\xfe", b"\xfe\xff")):  # it is binary
        return ""
    with tempfile.NamedTemporaryFile(suffix=".txt") as file:
        file.write(content)
        file.flush()
        try:
            return reader(Path(file.name)).text.strip()
        except ParsingError:
            return ""

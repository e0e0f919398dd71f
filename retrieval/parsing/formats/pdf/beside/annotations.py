"""What stands on a page beside its own text: texts that annotations print, form fields, notes stuck on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retrieval.notes import Notes
from retrieval.parsing.formats.extracted import clean
from retrieval.parsing.formats.pdf.beside.appearances import painted_texts
from retrieval.parsing.formats.pdf.beside.forms import FormField, field_lines, read_field
from retrieval.parsing.formats.pdf.beside.objects import Box
from retrieval.parsing.formats.pdf.beside.strings import read_string
from retrieval.parsing.formats.pdf.beside.surroundings import Surroundings
from retrieval.parsing.formats.pdf.letters import Letters

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

_ANNOTATIONS_LIMIT = 10_000  # of a page
_TAG = re.compile(r"<[^<>]*>")
_BREAK = re.compile(r"</p\s*>|<br\s*/?>", re.I)


@dataclass(frozen=True)
class Annotation:
    """An annotation of a page, of `kind` FPDF_ANNOT_...; `contents` are the words in it, `is_shown` whether it is on
    the screen or on paper."""

    kind: int
    contents: str
    is_shown: bool
    is_loose: bool
    box: Box
    field: FormField | None


def added_lines(document: PdfDocument, page: PdfPage, letters: Letters, *, index: int, notes: Notes) -> list[str]:
    """Return what annotations and form fields add to the text of the page at `index`, and note what is left out. The
    page is as good as closed afterwards: its annotations are gone."""
    found = list(_annotations(document, page))
    for annotation in found:
        _note(annotation, notes)
    shown = [annotation for annotation in found if annotation.is_shown and _is_printed(annotation)]
    if not shown:
        return []
    around = Surroundings(letters.textpage, [annotation.box for annotation in shown if annotation.field])
    painted = painted_texts(document, index, [annotation.box for annotation in shown])
    lines: dict[str, None] = {}
    for annotation, text in zip(shown, painted, strict=True):
        if not annotation.field:
            said = _printed(annotation, text)
            if said and _flat(said) not in _flat(around.within(annotation.box)):
                lines[said] = None
    pairs = [(item.field, text) for item, text in zip(shown, painted, strict=True) if item.field]
    lines |= dict.fromkeys(
        field_lines([field for field, _ in pairs], painted=[text for _, text in pairs], around=around)
    )
    return [*lines]


def _annotations(document: PdfDocument, page: PdfPage) -> Iterator[Annotation]:
    from pypdfium2 import raw

    form = document.formenv.raw if document.formenv else None
    for number in range(min(raw.FPDFPage_GetAnnotCount(page), _ANNOTATIONS_LIMIT)):
        annotation = raw.FPDFPage_GetAnnot(page, number)
        if not annotation:
            continue
        kind = raw.FPDFAnnot_GetSubtype(annotation)
        if kind not in (raw.FPDF_ANNOT_LINK, raw.FPDF_ANNOT_POPUP):
            box = _box(annotation)
            is_field = kind == raw.FPDF_ANNOT_WIDGET
            yield Annotation(
                kind=kind,
                contents=_contents(annotation),
                is_shown=_is_shown(raw.FPDFAnnot_GetFlags(annotation)),
                is_loose=is_field and not form,
                box=box,
                field=read_field(annotation, form=form, box=box) if is_field and form else None,
            )
        raw.FPDFPage_CloseAnnot(annotation)


def _box(annotation: Any) -> Box:
    from pypdfium2 import raw

    edges = raw.FS_RECTF()
    raw.FPDFAnnot_GetRect(annotation, edges)
    return (
        min(edges.left, edges.right),
        min(edges.bottom, edges.top),
        max(edges.left, edges.right),
        max(edges.bottom, edges.top),
    )


def _is_shown(flags: int) -> bool:
    from pypdfium2 import raw

    if flags & raw.FPDF_ANNOT_FLAG_HIDDEN:
        return False
    return not flags & raw.FPDF_ANNOT_FLAG_NOVIEW or bool(flags & raw.FPDF_ANNOT_FLAG_PRINT)


def _contents(annotation: Any) -> str:
    """Return the words in it, from their formatted form when there is no plain one."""
    from pypdfium2 import raw

    plain = read_string(raw.FPDFAnnot_GetStringValue, annotation, b"Contents")
    if plain:
        return plain
    import html

    formatted = read_string(raw.FPDFAnnot_GetStringValue, annotation, b"RC")
    return clean(html.unescape(_TAG.sub("", _BREAK.sub("\n", formatted)))).strip()


def _is_printed(annotation: Annotation) -> bool:
    """Return whether it may print words on the page, and not only a mark."""
    from pypdfium2 import raw

    if annotation.kind == raw.FPDF_ANNOT_WIDGET:
        return annotation.field is not None or annotation.is_loose
    return annotation.kind not in (raw.FPDF_ANNOT_TEXT, raw.FPDF_ANNOT_FILEATTACHMENT)


def _printed(annotation: Annotation, painted: str) -> str:
    """Return the words that the annotation prints: those it paints; those in it where it is a text without a
    painting."""
    from pypdfium2 import raw

    if annotation.kind != raw.FPDF_ANNOT_FREETEXT:
        return painted
    return annotation.contents or painted


def _note(annotation: Annotation, notes: Notes) -> None:
    """Note a comment that is left out, and a field that is filled in and hidden."""
    from pypdfium2 import raw

    if annotation.field is not None:
        if not annotation.is_shown and annotation.field.value:
            notes.add("hidden_text")
    elif annotation.kind not in (raw.FPDF_ANNOT_WIDGET, raw.FPDF_ANNOT_FREETEXT, raw.FPDF_ANNOT_FILEATTACHMENT):
        if annotation.contents:
            notes.add("annotations")
    elif annotation.kind == raw.FPDF_ANNOT_FREETEXT and not annotation.is_shown and annotation.contents:
        notes.add("hidden_text")


def _flat(text: str) -> str:
    return "".join(text.split())

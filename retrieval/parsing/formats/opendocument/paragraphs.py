"""Paragraphs of OpenDocument as they print: spaces, breaks, and what is anchored in them, which follows them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from retrieval.parsing.formats.numbers import whole
from retrieval.parsing.formats.opendocument.package import DC, DRAW, OFFICE, STYLE, TEXT, OpenDocument
from retrieval.parsing.formats.plain.scripts import LOWERED, RAISED, in_line

if TYPE_CHECKING:
    from lxml.etree import _Element

_SPACES_LIMIT = 100  # an attribute says how many; a writer means a few
_RUBY = TEXT + "ruby-text"
_HIDDEN = (TEXT + "hidden-text", TEXT + "hidden-paragraph")
SHAPES = {
    DRAW + name
    for name in (
        "custom-shape rect ellipse circle polygon polyline regular-polygon path line connector caption measure".split()
    )
}
_SHAPES = SHAPES | {DRAW + "frame", DRAW + "g"}
_UNPRINTED = {OFFICE + "annotation-end", TEXT + "tracked-changes", TEXT + "sort-key", _RUBY}


@dataclass
class Printed:
    """A paragraph's text; `anchored` are shapes that hang on it, `notes` footnotes behind their marks, `comments` what
    is said of it."""

    text: str = ""
    anchored: list[_Element] = field(default_factory=list)
    notes: list[tuple[str, _Element]] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)


def print_paragraph(paragraph: _Element, document: OpenDocument) -> Printed:
    """Return what the paragraph shows. Hidden text is left out, and noted."""
    from lxml.etree import iterwalk

    printed = Printed()
    runs: list[tuple[str, str]] = []
    walk = iterwalk(paragraph, events=("start", "end"))
    for event, element in walk:
        if event == "end":
            runs.append(((element.tail or "") if element is not paragraph else "", ""))
        elif not isinstance(element.tag, str) or element.tag in _UNPRINTED:
            walk.skip_subtree()
        elif element.tag in _HIDDEN or _is_hidden(element, document):
            document.notes.add("hidden_text")
            walk.skip_subtree()
        elif script := _script(element, document):
            runs.append((in_line(_plain_runs(element)), script))
            walk.skip_subtree()
        elif element.tag in _SHAPES:
            printed.anchored.append(element)
            walk.skip_subtree()
        elif element.tag == OFFICE + "annotation":
            printed.comments.append(_comment(element))
            walk.skip_subtree()
        elif element.tag == TEXT + "note":
            runs.append((_mark(element, printed), ""))
            walk.skip_subtree()
        else:
            runs.append((_begun(element), ""))
    printed.text = in_line(runs)
    return printed


def plain_text(element: _Element, document: OpenDocument | None = None) -> str:
    """Return the paragraphs of a cell, note or comment as one text, each on a line. With the `document`, whose styles
    say it, raised and lowered text is written as such."""
    lines = (in_line(_plain_runs(line, document)) for line in element.iter(TEXT + "p", TEXT + "h"))
    return "\n".join(line for line in lines if line.strip())


def _plain_runs(paragraph: _Element, document: OpenDocument | None = None) -> Iterator[tuple[str, str]]:
    """Yield the texts of a paragraph or span, each with its script."""
    from lxml.etree import iterwalk

    walk = iterwalk(paragraph, events=("start", "end"))
    for event, element in walk:
        if event == "end":
            yield (element.tail or "") if element is not paragraph else "", ""
        elif not isinstance(element.tag, str) or element.tag in _UNPRINTED or element.tag == OFFICE + "annotation":
            walk.skip_subtree()
        elif element is not paragraph and element.tag in (TEXT + "p", TEXT + "h"):
            walk.skip_subtree()  # of a box anchored in it, which is a paragraph of its own
        elif document and (script := _script(element, document)):
            yield in_line(_plain_runs(element)), script
            walk.skip_subtree()
        else:
            yield _begun(element), ""


def _begun(element: _Element) -> str:
    if element.tag == TEXT + "s":
        count = whole(element.get(TEXT + "c", "1"))
        return " " * min(1 if count is None else count, _SPACES_LIMIT)
    if element.tag == TEXT + "line-break":
        return "\n"
    if element.tag == TEXT + "tab":
        return "\t"
    return element.text or ""


def _is_hidden(element: _Element, document: OpenDocument) -> bool:
    kind = {TEXT + "span": "text", TEXT + "p": "paragraph", TEXT + "h": "paragraph"}.get(str(element.tag))
    name = element.get(TEXT + "style-name")
    return bool(kind and name) and document.style_property(kind or "", name, TEXT + "display") == "none"


def _script(element: _Element, document: OpenDocument) -> str:
    """Return the script of a span of raised or lowered text; empty for any other."""
    if (
        element.tag != TEXT + "span"
        or next(element.iter(*_SHAPES, TEXT + "note", OFFICE + "annotation"), None) is not None
    ):
        return ""
    position = document.style_property("text", element.get(TEXT + "style-name"), STYLE + "text-position")
    if not position or position.startswith("0"):
        return ""
    return LOWERED if position.startswith(("sub", "-")) else RAISED


def _mark(note: _Element, printed: Printed) -> str:
    """Return the mark of a footnote as it stands in the text and in front of the note: [3], or [e3] for an endnote."""
    citation = (note.findtext(TEXT + "note-citation") or "").strip()
    mark = f"[{'e' if note.get(TEXT + 'note-class') == 'endnote' else ''}{citation}]"
    body = note.find(TEXT + "note-body")
    if body is not None:
        printed.notes.append((mark, body))
    return mark


def _comment(annotation: _Element) -> str:
    author = " ".join((annotation.findtext(DC + "creator") or "").split())
    return f"Comment{f' by {author}' if author else ''}: {' '.join(plain_text(annotation).split())}"

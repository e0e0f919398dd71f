"""A paragraph of Word as a line of text, as it is shown when all tracked changes are accepted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from retrieval.notes import Notes
from retrieval.parsing.formats.office.equations import M, as_latex
from retrieval.parsing.formats.office.symbols import in_symbols, symbol
from retrieval.parsing.formats.plain.scripts import LOWERED, RAISED, sign_of
from retrieval.parsing.formats.word.fields import Fields
from retrieval.parsing.formats.word.styles import Styles, W, is_on

if TYPE_CHECKING:
    from lxml.etree import _Element

_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_W14 = "{http://schemas.microsoft.com/office/word/2010/wordml}"
_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_CHART_2014 = "{http://schemas.microsoft.com/office/drawing/2014/chartex}"
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_VML = "{urn:schemas-microsoft-com:vml}"
_OLE = "{urn:schemas-microsoft-com:office:office}OLEObject"
_WP = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_DELETED = {W + "del", W + "moveFrom"}
_TEXTS = (W + "t", W + "sym", M + "t")
_CHARTS = (_CHART + "chart", _CHART_2014 + "chart")
_READABLE = (*_TEXTS, *_CHARTS, _DRAWING + "t", _DIAGRAM + "relIds", W + "object")
_SCRIPTS = {"superscript": RAISED, "subscript": LOWERED}
_QUOTED = 200  # characters of what a comment is about
_OPEN_COMMENTS = 100  # at one place; those that begin in another's words quote theirs


@dataclass
class WordAside:
    """What is anchored in a paragraph and stands beside it: a `box` holds paragraphs, a `table` rows; the value of a
    `chart` or `diagram` is the id of a relation, that of a `text` what is drawn."""

    kind: str
    element: _Element | None = None
    value: str = ""


@dataclass
class WordLine:
    """What a paragraph says, and what is anchored in it."""

    text: str
    asides: list[WordAside] = field(default_factory=list)


class LineReader:
    """Reads the paragraphs of one story (the body, a header, the footnotes), in their order. `comments` gives, by the
    id of each comment that is met, the words it is about."""

    def __init__(self, story: _Element, styles: Styles, notes: Notes, *, numbers_pages: bool = False) -> None:
        self.comments: dict[str, str] = {}
        self._styles = styles
        self._notes = notes
        self._fields = Fields(story, notes, numbers_pages=numbers_pages)
        self._commented: dict[str, int] = {}  # ids of comments, and where in the line their words begin
        self._style = ""
        self._parts: list[str] = []
        self._asides: list[WordAside] = []
        self._script = ""

    @property
    def page_numbers(self) -> int:
        """Return how many numbers of pages have been left out up to here."""
        return self._fields.page_numbers

    def read(self, paragraph: _Element) -> WordLine:
        """Return the paragraph, also a displayed equation that stands for one."""
        self._parts, self._asides, self._script = [], [], ""
        self._style = self._styles.paragraph_style(paragraph)
        self._commented = dict.fromkeys(self._commented, 0)
        if paragraph.tag == M + "oMathPara":
            self._add_displayed(paragraph)
        else:
            self._add_children(paragraph)
        return WordLine("".join(self._parts), self._asides)

    # ---- what a paragraph is made of ---------------------------------------------------------------------------------

    def _add_children(self, parent: _Element) -> None:
        for element in parent:
            if isinstance(element.tag, str):
                self._add(element)

    def _add(self, element: _Element) -> None:
        """Append what an element shows. Of those not named here, what is in them."""
        adder = _ADDERS.get(element.tag)
        if adder is not None:
            adder(self, element)
        elif not element.tag.endswith("Pr"):
            self._add_children(element)

    def _add_run(self, run: _Element) -> None:
        if self._styles.hides(run, self._style):
            self._pass_hidden(run)
            return
        script = _SCRIPTS.get(self._styles.script(run), "")
        font = self._styles.font(run)
        for element in run:
            if element.tag == W + "t":
                self._add_text(element.text or "", script=script, font=font)
            elif isinstance(element.tag, str):
                self._add(element)

    def _pass_hidden(self, run: _Element) -> None:
        """Leave out a hidden run, but not the marks of fields in it."""
        if not self._fields.hides and holds(run, *_TEXTS):
            self._notes.add("hidden_text")
        for element in run:
            if element.tag == W + "fldChar":
                self._fields.pass_mark(element)
            elif element.tag == W + "instrText":
                self._fields.instruct(element.text or "")

    def _add_text(self, text: str, *, script: str = "", font: str = "") -> None:
        if self._fields.hides:
            return
        text, unknown = in_symbols(text, font)
        for name in unknown:
            self._notes.add("symbols", name)
        self._append(text, script=script)

    def _append(self, text: str, *, script: str = "") -> None:
        if not self._fields.hides:
            self._show(text, script=script)

    def _show(self, text: str, *, script: str = "") -> None:
        if not text:
            return
        before = self._parts[-1] if self._parts else ""
        self._parts += [sign_of(text, script, before=before, former=self._script), text]
        self._script = script

    def _add_wordless(self, element: _Element) -> None:
        self._append(_CHARACTERS[element.tag])

    def _add_symbol(self, element: _Element) -> None:
        font, place = element.get(W + "font") or "", element.get(W + "char") or ""
        try:
            found = symbol(font, int(place, 16))
        except ValueError:
            found = None
        if found is None:
            self._notes.add("symbols", f"{font} {place}")
        self._append(found or "")

    def _add_field_mark(self, element: _Element) -> None:
        self._show(self._fields.pass_mark(element))

    def _add_instruction(self, element: _Element) -> None:
        self._fields.instruct(element.text or "")

    def _add_simple_field(self, element: _Element) -> None:
        instruction = element.get(W + "instr") or ""
        if self._fields.is_left_out(instruction):
            return
        before = len(self._parts)
        self._add_children(element)
        if len(self._parts) == before:
            self._append(self._fields.without_result(instruction))

    def _pass_deleted(self, element: _Element) -> None:
        if element.tag != W + "moveFrom" and (element.tag == W + "delText" or holds(element, *_TEXTS, W + "delText")):
            self._notes.add("deleted_text")

    def _add_note_mark(self, element: _Element) -> None:
        self._append(note_mark(element))

    def _add_control(self, element: _Element) -> None:
        """Append the content of a content control; a box to tick that shows nothing as what it is."""
        before = len(self._parts)
        for content in element.iterchildren(W + "sdtContent"):
            self._add_children(content)
        box = element.find(f"{W}sdtPr/{_W14}checkbox")
        if box is not None and not "".join(self._parts[before:]).strip():
            checked = box.find(_W14 + "checked")
            state = (checked.get(_W14 + "val") or "1") if checked is not None else "0"
            self._append("☐" if state in ("0", "false", "off") else "☒")

    def _add_ruby(self, element: _Element) -> None:
        """Append a word, and how it is read in brackets."""
        for base in element.iterchildren(W + "rubyBase"):
            self._add_children(base)
        self._append("(")
        for reading in element.iterchildren(W + "rt"):
            self._add_children(reading)
        self._append(")")

    # ---- equations ---------------------------------------------------------------------------------------------------

    def _add_equation(self, element: _Element) -> None:
        latex = as_latex(element)
        self._append(f"${latex}$" if latex else "")

    def _add_displayed(self, element: _Element) -> None:
        """Append equations that stand on lines of their own."""
        for equation in element.iterchildren(M + "oMath"):
            if latex := as_latex(equation):
                begun = bool(self._parts) and not self._parts[-1].endswith("\n")
                self._append(("\n" if begun else "") + f"$${latex}$$\n")

    # ---- comments ----------------------------------------------------------------------------------------------------

    def _begin_comment(self, element: _Element) -> None:
        if len(self._commented) < _OPEN_COMMENTS:
            self._commented[element.get(W + "id") or ""] = len(self._parts)

    def _end_comment(self, element: _Element) -> None:
        comment = element.get(W + "id") or ""
        begin = self._commented.pop(comment, None)
        self.comments.setdefault(comment, self._words_from(begin) if begin is not None else "")

    def _words_from(self, begin: int) -> str:
        """Return the words of the line from one of its parts on, or the first of them."""
        parts, length = [], 0
        for part in islice(self._parts, begin, None):
            parts.append(part[: _QUOTED + 1])
            length += len(part)
            if length > _QUOTED:
                break
        words = " ".join("".join(parts).split())
        return words if length <= _QUOTED else f"{words[:_QUOTED]}…"

    def _meet_comment(self, element: _Element) -> None:
        self.comments.setdefault(element.get(W + "id") or "", "")

    # ---- what is drawn -----------------------------------------------------------------------------------------------

    def _add_alternative(self, element: _Element) -> None:
        for chosen in chosen_alternative(element):
            self._add_children(chosen)

    def _add_drawing(self, element: _Element) -> None:
        """Keep what is drawn for behind the paragraph: an inner text would cut its sentence in two."""
        if self._fields.hides:
            return
        properties = element.find(f".//{_WP}docPr") if element.tag == W + "drawing" else None
        if properties is not None and (properties.get("hidden") or "0") in ("1", "true"):
            if holds(element, *_READABLE):
                self._notes.add("hidden_text")
            return
        for part in drawn(element):
            if part.kind == "picture":
                self._notes.add("pictures")
            elif part.kind == "object":
                self._note_object(part.value)
            elif part.kind == "control":
                self._notes.add("forms", part.value)
            else:
                self._asides.append(part)

    def _add_table(self, element: _Element) -> None:
        """Keep a table that some writers put into a run."""
        self._asides.append(WordAside("table", element))

    def _add_inner(self, element: _Element) -> None:
        """Append a paragraph that some writers put into another one, on a line of its own."""
        self._show("\n" if self._parts else "")
        self._add_children(element)

    def _note_object(self, program: str) -> None:
        """Note what another program made and put here, of which only a picture is shown."""
        if program.lower().startswith(("equation", "mathtype")):
            self._notes.add("equations")
        else:
            self._notes.add("attachments", program or "OLE")


def drawn(element: _Element) -> Iterator[WordAside]:
    """Yield what a drawing holds, in order: boxes of text, charts, diagrams, pictures, words that are drawn."""
    for child in element:
        if not isinstance(child.tag, str):
            continue
        if child.tag == W + "txbxContent":
            yield WordAside("box", child)
        elif child.tag == _MC + "AlternateContent":
            for chosen in chosen_alternative(child):
                yield from drawn(chosen)
        elif child.tag in _CHARTS:
            yield WordAside("chart", value=child.get(_R + "id") or "")
        elif child.tag == _DIAGRAM + "relIds":
            yield WordAside("diagram", value=child.get(_R + "dm") or "")
        elif child.tag == _DRAWING + "p":
            yield WordAside("text", value="".join(text.text or "" for text in child.iter(_DRAWING + "t")))
        elif child.tag == _VML + "textpath":
            yield WordAside("text", value=child.get("string") or "")
        elif child.tag in (_DRAWING + "blip", _VML + "imagedata"):
            yield WordAside("picture")
        elif child.tag == W + "control":
            yield WordAside("control", value=child.get(W + "name") or "ActiveX")
        elif child.tag == _OLE:
            yield WordAside("object", value=child.get("ProgID") or "")
        else:
            yield from drawn(child)


def chosen_alternative(element: _Element) -> list[_Element]:
    """Return what is shown of several forms of the same (ECMA-376-3, 9.3): the first that holds something readable."""
    forms = [*element.iterchildren(_MC + "Choice"), *element.iterchildren(_MC + "Fallback")]
    return next(([form] for form in forms if holds(form, *_READABLE)), forms[:1])


def holds(element: _Element, *tags: str) -> bool:
    """Return whether one of these is in the element."""
    return next(element.iter(*tags), None) is not None


def note_mark(reference: _Element) -> str:
    """Return the mark as it stands in the text and in front of the note: [3] for a footnote, [e3] for an endnote."""
    return f"[{'e' if 'endnote' in reference.tag else ''}{reference.get(W + 'id')}]"


def mark_is(paragraph: _Element, *names: str) -> bool:
    """Return whether the paragraph's own mark, and so its end, is deleted, moved away or hidden, as the names say."""
    properties = paragraph.find(f"{W}pPr/{W}rPr")
    return properties is not None and any(is_on(properties.find(W + name)) for name in names)


def goes_on(paragraph: _Element) -> bool:
    """Return whether the paragraph goes on in the next: its end is deleted or moved away, or it is a large first letter
    in a frame of its own."""
    frame = paragraph.find(f"{W}pPr/{W}framePr")
    dropped = frame is not None and frame.get(W + "dropCap") in ("drop", "margin")
    return dropped or mark_is(paragraph, "del", "moveFrom")


_CHARACTERS = {
    W + "br": "\n",
    W + "cr": "\n",
    W + "tab": "\t",
    W + "ptab": "\t",
    W + "noBreakHyphen": "-",
}
_ADDERS: dict[str, Callable[[LineReader, _Element], None]] = {
    W + "r": LineReader._add_run,
    W + "t": lambda reader, element: reader._add_text(element.text or ""),
    W + "sym": LineReader._add_symbol,
    W + "fldChar": LineReader._add_field_mark,
    W + "instrText": LineReader._add_instruction,
    W + "fldSimple": LineReader._add_simple_field,
    W + "delText": LineReader._pass_deleted,
    W + "del": LineReader._pass_deleted,
    W + "moveFrom": LineReader._pass_deleted,
    W + "delInstrText": lambda _reader, _element: None,
    W + "footnoteReference": LineReader._add_note_mark,
    W + "endnoteReference": LineReader._add_note_mark,
    W + "sdt": LineReader._add_control,
    W + "ruby": LineReader._add_ruby,
    M + "oMath": LineReader._add_equation,
    M + "oMathPara": LineReader._add_displayed,
    W + "commentRangeStart": LineReader._begin_comment,
    W + "commentRangeEnd": LineReader._end_comment,
    W + "commentReference": LineReader._meet_comment,
    W + "drawing": LineReader._add_drawing,
    W + "pict": LineReader._add_drawing,
    W + "object": LineReader._add_drawing,
    W + "tbl": LineReader._add_table,
    W + "p": LineReader._add_inner,
    _MC + "AlternateContent": LineReader._add_alternative,
    **dict.fromkeys(_CHARACTERS, LineReader._add_wordless),
}

"""Walking a page: what a browser would print of it, as blocks of text."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from retrieval.parsing.formats.extracted import Blocks, row_line
from retrieval.parsing.formats.plain.tables import LONG_TABLE, write_table
from retrieval.parsing.formats.web.drawn import katex_tex, mathjax_tex
from retrieval.parsing.formats.web.formulas import dollars, formula, raised
from retrieval.parsing.formats.web.furniture import Furniture
from retrieval.parsing.formats.web.grid import HtmlGrid, ListNumbering, span
from retrieval.parsing.formats.web.pictures import drawing, field, picture
from retrieval.parsing.formats.web.visibility import Look, Visibility

if TYPE_CHECKING:
    from lxml.etree import _Element

_NEVER_SHOWN = set("title script style template iframe object datalist canvas audio video rp area map".split())
_BLOCK_TAGS = set(
    "address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure footer form "
    "h1 h2 h3 h4 h5 h6 header hr legend li main nav ol p pre section summary table tbody tfoot thead tr ul".split()
)
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
# A table that holds one of these lays out a page: its cells are no cells to a reader.
_LAYOUT_TAGS = ("table", "pre", "nav", "main", "article", "section", *_HEADINGS)
_ROW_GROUPS = {"thead", "tbody", "tfoot", "table"}
_PICTURED = {"img", "svg", "math", "mjx-container", "input", "select"}
# What is hidden from programs that read aloud is seen, but in these it only doubles or adorns other text.
_ADORNING_TAGS = {"a", "b", "button", "div", "em", "i", "nobr", "span", "strong", "sup", "use"}
_DRAWING_FONTS = ("material-icons", "material-symbols")  # in which the name of a drawing is its text
_READ_ALOUD = {"sr-only", "visually-hidden", "visuallyhidden", "screen-reader-text", "screenreader", "a11y-hidden"}
_CHANGES = {"del", "ins"}
_REPEATS_LIMIT = 1_000  # characters, and strings, of text that may repeat other text
_DRAWN_FORMULAS = {"MathJax", "MathJax_Preview", "MathJax_Display", "MathJax_SVG", "MathJax_CHTML", "mjx-chtml"}


# Most of a page: without attributes they are shown as they are.
_ORDINARY = {
    "p",
    "b",
    "i",
    "em",
    "strong",
    "br",
    "td",
    "th",
    "tr",
    "tbody",
    "h1",
    "h2",
    "h3",
    "code",
    "pre",
    "dt",
    "dd",
}


def _is_control(element: _Element) -> bool:
    """Return whether it is a button that only does something, or a dialog that isn't open. A button within a heading
    says what it opens."""
    if element.tag == "dialog":
        return element.get("open") is None
    return element.tag == "button" and next(element.iterancestors(*_HEADINGS, "dt", "summary"), None) is None


class _Frame(NamedTuple):
    is_passed_over: bool
    look: Look
    style: str  # of lists in it
    raising: str = ""  # "sup" or "sub", when it stands above or below its line


class HtmlReader:
    """Walk an HTML tree and append what a browser would print to `blocks`. Where an element stands whose id is one of
    `anchors`, the blocks get a mark: `place` and the id. What `furniture` names is left out."""

    def __init__(
        self, blocks: Blocks, *, furniture: Furniture | None = None, place: str = "", anchors: Iterable[str] = ()
    ) -> None:
        self._blocks = blocks
        self._place = place
        self._anchors = set(anchors)
        self._furniture = furniture or Furniture()
        self._inline: list[str] = []
        self._level = 0
        self._close = False
        self._mark = ""
        self._preformatted = 0
        self._cells: list[int] = []  # where the text of each open cell begins in _inline
        self._raised: list[int] = []
        self._readings: list[str] = []  # of characters, by <rt>
        self._grid = HtmlGrid()
        self._rows: list[list[str]] = []  # of a table, that are not written yet
        self._lists: dict[_Element, ListNumbering] = {}
        self._layout: set[_Element] = set()
        self._has_tex_scripts = False

    def read(self, root: _Element) -> None:
        from lxml.etree import iterwalk

        _put_feet_last(root)
        self._layout = _layout_tables(root)
        self._has_tex_scripts = any("math/tex" in script.get("type", "") for script in root.iter("script"))
        visibility = Visibility(root)
        frames = [_Frame(False, visibility.first_look, "")]
        walk = iterwalk(root, events=("start", "end"))
        for event, element in walk:
            if event == "end":
                self._leave(element, frames.pop(), frames[-1])
                continue
            frame = self._frame(element, frames[-1], visibility)
            frames.append(frame)
            if frame.is_passed_over:
                walk.skip_subtree()
            else:
                self._enter(element, frame)
        self._flush()
        self._write_rows()

    def _frame(self, element: _Element, above: _Frame, visibility: Visibility) -> _Frame:
        """Return whether the element is passed over, once what stands in its place has been said."""
        if element.tag in _ORDINARY and not element.attrib and not visibility.sheets.has_rules:
            return above._replace(style="", raising="") if above.style or above.raising else above
        is_unseen = above.look.is_unseen and element.tag in _PICTURED
        if not isinstance(element.tag, str) or is_unseen or self._replace(element):
            return above._replace(is_passed_over=True)
        hidden, look, declared = visibility.judge(element, above.look)
        if hidden or element.tag == "noscript":
            self._say_hidden(element)
            return above._replace(is_passed_over=True)
        if element in self._furniture or _is_adornment(element):
            if element in self._furniture and _has_text(element):
                self._blocks.notes.add("page_furniture")
            return above._replace(is_passed_over=True)
        style = declared.get("list-style-type") or (declared.get("list-style") or "").partition(" ")[0]
        style = style or (above.style if element.tag in {"li", "ol", "ul"} else "")
        return _Frame(False, look, style, _raising(element, declared))

    def _replace(self, element: _Element) -> bool:
        """Say what stands for an element that has no text of its own to be shown; return whether it is one."""
        tag, said = element.tag, None
        if tag == "math" or tag.endswith(":math"):
            said = formula(element)
        elif tag == "script" and "math/tex" in (kind := element.get("type", "")):
            said = dollars(element.text or "", is_block="display" in kind)
        elif tag == "mjx-container" and next(element.iter("math"), None) is None:
            said = self._mathjax(element)
        elif tag == "svg":
            said = drawing(element)
        elif tag == "img":
            said = picture(element, self._blocks.notes)
        elif tag in {"input", "select"}:
            said = f" {shown} " if (shown := field(element)) else ""
        elif self._is_drawn_formula(element) or tag in _NEVER_SHOWN or _is_control(element):
            said = ""
        elif "katex-html" in element.get("class", "").split():
            said = dollars(katex_tex(element), is_block="katex-display" in _classes_around(element))
        if said:
            self._inline.append(said)
        return said is not None

    def _is_drawn_formula(self, element: _Element) -> bool:
        """Return whether this draws a formula that stands beside it as MathML or TeX."""
        classes = element.get("class", "").split()
        if "katex-html" in classes:
            before = element.getprevious()
            return before is not None and next(before.iter("math"), None) is not None
        return self._has_tex_scripts and not _DRAWN_FORMULAS.isdisjoint(classes)

    def _mathjax(self, element: _Element) -> str:
        """Return a formula that MathJax has drawn without MathML beside it; what it can't be read of is noted."""
        if tex := mathjax_tex(element):
            return dollars(tex, is_block=element.get("display") == "true")
        spoken = next(filter(None, (inside.get("aria-label", "").strip() for inside in element.iter())), "")
        if not spoken:
            self._blocks.notes.add("parts", "MathJax")
        return f"[formula: {spoken[:_REPEATS_LIMIT]}]" if spoken else ""

    def _say_hidden(self, element: _Element) -> None:
        """Note hidden text; formulas that are hidden beside their own picture are said."""
        formulas = list(element.iter("math")) if element.tag in {"span", "mjx-assistive-mml", "div"} else []
        if formulas and not _has_text(element, but="math"):
            self._inline += [formula(each) for each in formulas]
        elif _has_text(element):
            self._blocks.notes.add("hidden_text")

    def _enter(self, element: _Element, frame: _Frame) -> None:
        tag, style = element.tag, frame.style
        if self._anchors and (name := element.get("id") or element.get("name")) in self._anchors:
            if not self._cells:
                self._flush()
            self._write_rows()
            self._blocks.mark(f"{self._place}#{name}")
        if self._is_cell(element):
            self._cells.append(len(self._inline))
        elif tag in _BLOCK_TAGS and self._cells:
            self._inline.append(" ")
            if tag == "li":
                self._inline.append(self._item_mark(element, style))
        elif tag in _BLOCK_TAGS or tag in ("td", "th"):
            self._begin_block(element, style)
        elif tag == "br":
            self._inline.append(" " if self._cells else "\n")
        elif frame.raising or tag == "rt":
            self._raised.append(len(self._inline))
        elif tag == "q":
            self._inline.append("“")
        elif tag == "textarea" or (tag in _CHANGES and _follows_change(element)):
            self._inline.append(" ")
        self._say(element.text, frame)

    def _begin_block(self, element: _Element, style: str) -> None:
        tag = element.tag
        self._flush()
        self._preformatted += tag == "pre"
        self._level = int(tag[1]) if tag in _HEADINGS else self._level
        if tag == "table":
            self._write_rows()
            self._grid = HtmlGrid()
        elif tag == "li":
            self._close = element.getprevious() is not None or _is_nested(element)
            above = self._mark if self._mark not in ("", "- ") else ""  # its first line is a list itself
            self._mark = above + self._item_mark(element, style)

    def _item_mark(self, item: _Element, style: str) -> str:
        above = item.getparent()
        if above is None or above.tag != "ol":
            return "- "
        if above not in self._lists:
            self._lists[above] = ListNumbering(above, style)
        return self._lists[above].mark(item, style)

    def _leave(self, element: _Element, frame: _Frame, above: _Frame) -> None:
        tag = element.tag
        if frame.is_passed_over:
            pass
        elif self._cells and self._is_cell(element):
            start = self._cells.pop()
            text = "".join(self._inline[start:])
            del self._inline[start:]
            if self._cells:
                self._inline.append(f" {text} ")
            else:
                self._grid.add(" ".join(text.split()), columns=span(element, "colspan"), rows=span(element, "rowspan"))
        elif tag in _BLOCK_TAGS and self._cells:
            self._inline.append(" ")
        elif tag in _BLOCK_TAGS or tag in ("td", "th"):
            self._end_block(tag)
        else:
            self._end_inline(element, frame.raising)
        self._say(element.tail, above)

    def _end_block(self, tag: str) -> None:
        self._flush()
        self._level = 0
        self._preformatted -= tag == "pre"
        if tag == "li":
            self._mark, self._close = "", False
        elif tag == "tr" or tag in _ROW_GROUPS:
            self._end_row()
            if tag in _ROW_GROUPS:
                self._grid.end_group()
            if tag == "table":
                self._write_rows()

    def _end_row(self) -> None:
        cells = self._grid.end_row()
        if any(map(str.strip, cells)):
            self._rows.append(cells)

    def _write_rows(self) -> None:
        """Append the rows that have ended; those of a long table name their columns themselves, as in a sheet."""
        rows, self._rows = self._rows, []
        if len(rows) > LONG_TABLE and not (self._mark or self._close):
            write_table(self._blocks, rows)
            return
        follows = self._grid.rows > len(rows)
        for number, cells in enumerate(rows):
            self._blocks.add(self._mark + row_line(cells), close=number > 0 or follows or self._close)
            self._mark = ""

    def _end_inline(self, element: _Element, raising: str) -> None:
        tag = element.tag
        if (raising or tag == "rt") and self._raised and (start := self._raised.pop()) <= len(self._inline):
            text = "".join(self._inline[start:])
            del self._inline[start:]
            if tag == "rt":
                self._readings.append(text.strip())
            else:
                is_link = next(element.iter("a"), None) is not None or _parent_tag(element) == "a"
                self._inline.append(raised(text, is_lowered=raising == "sub", is_link=is_link) if text else "")
        elif tag == "ruby" and self._readings:
            self._inline.append(f"({''.join(self._readings)})")
            self._readings.clear()
        elif tag == "q":
            self._inline.append("”")

    def _is_cell(self, element: _Element) -> bool:
        """Return whether this is a cell of a table of cells, and not of one that lays out a page."""
        if element.tag not in ("td", "th"):
            return False
        return len(self._cells) > 0 or next(element.iterancestors("table"), None) not in self._layout

    def _say(self, text: str | None, frame: _Frame) -> None:
        if text and frame.look.is_invisible:
            if text.strip():
                self._blocks.notes.add("hidden_text")
        elif text:
            self._inline.append(text if self._preformatted else re.sub(r"\s+", " ", text))

    def _flush(self) -> None:
        text = "".join(self._inline)
        self._inline.clear()
        self._raised.clear()
        if not self._preformatted:
            text = "\n".join(" ".join(line.split()) for line in text.split("\n")).strip()
        if text.strip(" |-\n"):
            self._write_rows()
            self._blocks.add(self._mark + text, level=self._level, close=self._close)
            self._mark, self._close = "", False


def _raising(element: _Element, declared: dict[str, str]) -> str:
    """Return "sup" or "sub" for what its tag or its style puts above or below the line."""
    if element.tag in {"sup", "sub"}:
        return str(element.tag)
    if element.tag in _BLOCK_TAGS or element.tag in {"td", "th", "br", "rt", "ruby", "q"}:
        return ""
    return {"super": "sup", "sub": "sub"}.get(declared.get("vertical-align", ""), "")


def _follows_change(element: _Element) -> bool:
    """Return whether this stands right behind a change of the other kind, from which a browser tells it by strokes."""
    before = element.getprevious()
    return before is not None and before.tag in _CHANGES - {element.tag} and not before.tail


def _is_adornment(element: _Element) -> bool:
    """Return whether this only adorns the text: the ¶ behind a heading, what is not read aloud and has neither letters
    nor digits or draws the formula beside it, and what is read aloud of text that is seen beside it."""
    name = element.get("class", "")
    if name in {"headerlink", "anchorjs-link"}:
        return True
    if element.get("aria-hidden") == "true" and element.tag in _ADORNING_TAGS:
        said = _letters(element)
        return not said or any(font in name for font in _DRAWING_FONTS) or _is_in_formula_beside(element, said)
    if name and not _READ_ALOUD.isdisjoint(name.split()):
        said = _letters(element)
        return any(each.get("aria-hidden") == "true" and _letters(each) == said for each in _beside(element))
    return False


def _is_in_formula_beside(element: _Element, said: str) -> bool:
    """Return whether the letters and digits stand in MathML that is all there is in an element beside it."""
    for other in _beside(element):
        if next(other.iter("math"), None) is not None and (other.tag == "math" or not _has_text(other, but="math")):
            return not Counter(said) - Counter(_letters(other))
    return False


def _beside(element: _Element) -> list[_Element]:
    return [each for each in (element.getprevious(), element.getnext()) if each is not None]


def _letters(element: _Element) -> str:
    """Return the letters and digits in it, in lower case, up to a limit."""
    found = "".join(islice(element.itertext(), _REPEATS_LIMIT))[: 10 * _REPEATS_LIMIT]
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", found).casefold()))


def _classes_around(element: _Element) -> set[str]:
    """Return the classes of the two elements that it stands in."""
    around = islice(element.iterancestors(), 2)
    return {name for above in around for name in above.get("class", "").split()}


def _has_text(element: _Element, but: str = "") -> bool:
    """Return whether there is text in it, which is no script's and not in an element named `but`."""
    from lxml.etree import iterwalk

    walk = iterwalk(element, events=("start", "end"))
    for event, inside in walk:
        if event == "end":
            text = inside.tail if inside is not element else ""
        elif not isinstance(inside.tag, str) or inside.tag in {"script", "style", "template", but}:
            walk.skip_subtree()
            continue
        else:
            text = inside.text
        if text and text.strip():
            return True
    return False


def _parent_tag(element: _Element) -> str:
    above = element.getparent()
    return str(above.tag) if above is not None else ""


def _is_nested(item: _Element) -> bool:
    """Return whether this item's list is itself in an item."""
    above = item.getparent()
    return above is not None and above.getparent() is not None and above.getparent().tag == "li"


def _put_feet_last(root: _Element) -> None:
    """Move what stands at the foot of a table behind its rows, where browsers show it wherever it is written."""
    for foot in list(root.iter("tfoot")):
        table = foot.getparent()
        if table is not None and table.tag == "table" and foot.getnext() is not None:
            table.append(foot)


def _layout_tables(root: _Element) -> set[_Element]:
    """Return the tables that hold more than rows of cells."""
    found: set[_Element] = set()
    for element in root.iter(*_LAYOUT_TAGS):
        for table in element.iterancestors("table"):
            if table in found:
                break
            found.add(table)
    return found

r"""Formulas in answers: `$…$` and `\(…\)` in a line, `$$…$$` and `\[…\]` on their own, as models write them.

LaTeX becomes MathML here, on the server: browsers show it without a script or a font of ours. What comes of it is built
anew from a list of elements and attributes, for its source is model text; what can't be shown so is shown as written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import unescape
from typing import Any
from xml.etree.ElementTree import Element

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from latex2mathml.converter import convert_to_element
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

LONGEST = 2_000  # characters of a formula
DEEPEST = 60  # elements in one another
WIDE = 30  # characters of a formula that may need to be scrolled

_PLAIN = """
mrow mn mtext msqrt mroot msub msup msubsup munder mover munderover mtable mtr mpadded mphantom menclose mmultiscripts
mprescripts none"""
ELEMENTS: dict[str, set[str]] = {  # https://w3c.github.io/mathml-core/, without links, actions, styles and annotations
    **{name: set() for name in _PLAIN.split()},
    "math": {"display"},
    "mi": {"mathvariant"},
    "mo": {"stretchy", "fence", "form", "accent"},
    "mfrac": {"linethickness"},
    "mspace": {"width"},
    "mstyle": {"displaystyle", "scriptlevel"},
    "mtd": {"columnalign"},
}
_VALUE = re.compile(r"[a-z]{1,20}|-?[0-2](?:\.\d{1,4})?(?:em)?")  # no space that moves a formula over other text
_NUMBERED = re.compile(r"\{(?:align|aligned|gathered)\}")  # the converter has no other for these; numbers say nothing
_UNKNOWN = re.compile(r"\\[A-Za-z]*|[&{}]")  # as an identifier: a command or sign that the converter only repeats

_FORMULA = re.compile(
    r"\$\$(?P<dollars>(?:[^$\\]|\\.)+?)\$\$"
    r"|\\\[(?P<brackets>(?:[^\\]|\\[^\]])+?)\\\]"
    r"|\\\((?P<round>(?:[^\\]|\\[^)])+?)\\\)"
    r"|\$(?P<dollar>(?!\s)(?:[^$\\`]|\\.)+?)(?<!\s)\$(?![\dA-Z_$])",
    re.DOTALL,
)
_SIGN = re.compile(r"[\\^_=+*/<>|{}-]")
_WORDS = re.compile(r"(?:^|\s)[^\W\d_]{2,}\s+[^\W\d_]{2,}(?:\s|$)")
_PRICE = re.compile(r"\d[\d.,]*\s*[^\W\d_]{2,}|\d[\d.,]*\s+\S")
_OPENING = re.compile(r" {0,3}(\$\$|\\\[)")
_CLOSING = {"$$": "$$", "\\[": "\\]"}


def enable(parser: MarkdownIt) -> None:
    """Let `parser` read formulas."""
    parser.inline.ruler.before("escape", "formula", _inline_rule)
    parser.block.ruler.before("code", "formula", _block_rule, {"alt": ["paragraph", "blockquote", "list"]})
    parser.add_render_rule("formula", _render)


def formula_at(text: str, at: int) -> re.Match[str] | None:
    """The formula that begins at `at`; None where none does: "$5 and $10" are prices, `\\[1\\]` escaped brackets."""
    found = _FORMULA.match(text, at, at + LONGEST)
    return found if found and _is_formula(found) else None


def open_line(lines: Sequence[str]) -> int | None:
    """Return which of `lines` begins a formula that may go on behind the last of them; None where none does."""
    text = "".join(lines)
    begins, closed = 0, len(text) - LONGEST  # what began before that has ended
    for number, line in enumerate(lines):
        opening = _OPENING.match(line)
        if line.isspace():
            closed = max(closed, begins)
        elif opening and begins >= closed:
            at = text.find(_CLOSING[opening[1]], begins + opening.end())
            if at < 0:
                return None if any(later.isspace() for later in lines[number:]) else number
            closed = at + len(opening[1])
        begins += len(line)
    return None


def _is_formula(found: re.Match[str]) -> bool:
    kind, source = str(found.lastgroup), found[found.lastgroup or 0].strip()
    if kind == "dollars":
        return bool(source)
    if "\\" not in source and _WORDS.search(source):
        return False
    if kind == "dollar":
        return bool(source) and ("\\" in source or not _PRICE.match(source))
    return bool(_SIGN.search(source)) or (len(source) <= 3 and not (kind == "brackets" and source.isdecimal()))


def formula_html(source: str, *, written: str, display: bool) -> SafeString:
    """`source` (LaTeX) as MathML, or as it is; `written` is kept with it, to be copied."""
    names = ["math", *(["display"] if display else []), *(["wide"] if len(source) > WIDE else [])]
    try:
        shown = _mathml(source, display=display)
    except Exception:  # the converter's faults have no name in common, and text of a model finds new ones
        shown, names = escape(source.strip()), [*names, "source"]
    focus = format_html(' tabindex="{}"', 0) if "wide" in names else ""
    return format_html('<span class="{}" data-tex="{}"{}>{}</span>', " ".join(names), written, focus, shown)


def _mathml(source: str, *, display: bool) -> SafeString:
    """Raises what the converter raises, and ValueError for what it can't say."""
    made = convert_to_element(_NUMBERED.sub("{align*}", source), display="block" if display else "inline")
    return mark_safe("".join(_markup(made, depth=0)))  # noqa: S308 (built of known names and escaped text)  # nosec


def _markup(element: Element, *, depth: int) -> Iterator[str]:
    text = unescape(element.text or "")
    unknown = element.tag not in ELEMENTS or (element.tag == "mi" and _UNKNOWN.fullmatch(text))
    if unknown or depth > DEEPEST:
        raise ValueError(f"{element.tag} {text!r} can't be shown as MathML.")
    known = [(k, v) for k, v in element.items() if k in ELEMENTS[element.tag] and _VALUE.fullmatch(v)]
    attributes = "".join(f' {name}="{value}"' for name, value in known)
    yield f"<{element.tag}{attributes}>{escape(text)}"
    for child in element:
        yield from _markup(child, depth=depth + 1)
    yield f"</{element.tag}>"


# ---- in Markdown -----------------------------------------------------------------------------------------------------
def _inline_rule(state: StateInline, silent: bool) -> bool:
    found = formula_at(state.src, state.pos)
    if found is None or found.end() > state.posMax:
        return False
    if not silent:
        token = state.push("formula", "", 0)
        token.content, token.markup, token.meta = found[found.lastgroup or 0], found[0], {"kind": found.lastgroup}
    state.pos = found.end()
    return True


def _block_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Keeps the lines of a formula together in a paragraph of their own: they may look like a list or a heading."""
    if state.is_code_block(start):
        return False
    first = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    opening = _OPENING.match(first)
    if opening is None:
        return False
    begins = state.bMarks[start] + state.tShift[start] + opening.end()
    closes = state.src.find(_CLOSING[opening[1]], begins, begins + LONGEST)
    if closes < state.eMarks[start]:
        return False  # it never ends, or with its line: a paragraph like any other
    line = start
    while state.eMarks[line] < closes:
        line += 1
        if line >= end or state.isEmpty(line) or state.sCount[line] < state.blkIndent:
            return False
    if not silent:
        state.line = line + 1
        state.push("paragraph_open", "p", 1).map = [start, state.line]
        token = state.push("inline", "", 0)
        token.content = state.getLines(start, state.line, state.blkIndent, False).strip()
        token.map, token.children = [start, state.line], []
        state.push("paragraph_close", "p", -1)
    return True


def _render(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    return formula_html(token.content, written=token.markup, display=token.meta["kind"] in ("dollars", "brackets"))

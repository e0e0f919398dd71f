"""Equations of Office (OMML, ECMA-376-1, 22.1) as LaTeX. Signs stay the characters that they are."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_OFF = {"0", "false", "off"}
_MATHEMATICAL = re.compile("[\U0001d400-\U0001d7ff]")  # letters and digits in another shape
_GONE = {_W + "del", _W + "moveFrom"}
_ACCENTS = {
    "\u0300": "grave",
    "\u0301": "acute",
    "\u0302": "hat",
    "^": "hat",
    "\u0303": "tilde",
    "~": "tilde",
    "\u0304": "bar",
    "\u0305": "overline",
    "¯": "bar",
    "‾": "overline",
    "\u0306": "breve",
    "\u0307": "dot",
    "\u0308": "ddot",
    "\u20db": "dddot",
    "\u030c": "check",
    "\u20d6": "overleftarrow",
    "\u20d7": "vec",
    "→": "vec",
    "\u20e1": "overleftrightarrow",
    "\u0332": "underline",
}
_GROUPED = {"⏞": "overbrace", "⏟": "underbrace", "⏜": "overparen", "⏝": "underparen"}
_LARGE = {
    "∑": "sum",
    "∏": "prod",
    "∐": "coprod",
    "∫": "int",
    "∬": "iint",
    "∭": "iiint",
    "∮": "oint",
    "⋃": "bigcup",
    "⋂": "bigcap",
    "⋁": "bigvee",
    "⋀": "bigwedge",
}
_FUNCTIONS = set(
    "arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim liminf limsup ln log max "
    "min sec sin sinh sup tan tanh".split()
)
_FENCES = {"{": r"\{", "}": r"\}", "‖": r"\|", "": ".", "〈": "⟨", "〉": "⟩"}
_NEXT_ROW = r" \\ "
_ESCAPED = {"{": r"\{", "}": r"\}", "%": r"\%", "#": r"\#", "&": "", "$": r"\$"}


def as_latex(element: _Element) -> str:
    """Return an equation, or what stands in one, as LaTeX on one line; empty when it holds nothing."""
    return " ".join(_inside(element).split())


def _inside(parent: _Element | None) -> str:
    return _joined(map(_written, parent)) if parent is not None else ""


def _joined(texts: Iterable[str]) -> str:
    """Return the texts as one; a command that ends in a letter is kept apart from a letter behind it."""
    joined: list[str] = []
    for text in texts:
        if joined and text[:1].isalnum() and _ends_in_command(joined[-1]):
            joined.append(" ")
        if text:
            joined.append(text)
    return "".join(joined)


def _ends_in_command(text: str) -> bool:
    letters = len(text) - len(text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    return letters > 0 and text[-letters - 1 : -letters] == "\\"


def _written(element: _Element) -> str:
    if not isinstance(element.tag, str) or element.tag in _GONE:
        return ""
    if element.tag in (M + "t", _W + "t"):
        text = _MATHEMATICAL.sub(lambda found: unicodedata.normalize("NFKC", found[0]), element.text or "")
        return "".join(_ESCAPED.get(character, character) for character in text)
    if element.tag == M + "r":
        return _run(element)
    writer = _WRITERS.get(element.tag[len(M) :]) if element.tag.startswith(M) else None
    if writer is not None:
        return writer(element)
    return "" if element.tag.endswith("Pr") else _inside(element)


def _run(run: _Element) -> str:
    text = _inside(run)
    properties = run.find(M + "rPr")
    is_text = properties is not None and _is_on(properties.find(M + "nor"))
    return f"\\text{{{text}}}" if is_text and any(character.isalpha() for character in text) else text


def _fraction(element: _Element) -> str:
    above, below = _part(element, "num"), _part(element, "den")
    kind = _property(element, "fPr", "type")
    if kind in ("lin", "skw"):
        return f"{_grouped(above)}/{_grouped(below)}"
    return f"\\binom{{{above}}}{{{below}}}" if kind == "noBar" else f"\\frac{{{above}}}{{{below}}}"


def _grouped(text: str) -> str:
    return text if len(text) < 2 or text.isalnum() else f"{{{text}}}"


def _scripts(element: _Element) -> str:
    """Return a base with what stands below and above it, on its right; or on its left (sPre)."""
    marks = _marks(element)
    base = _part(element, "e")
    if element.tag == M + "sPre":
        return f"{{}}{marks}{base}"
    return f"{base if len(base) < 2 or _is_command(base) or _is_fenced(element) else f'{{{base}}}'}{marks}"


def _marks(element: _Element) -> str:
    """Return what stands below and above, in braces unless it is one character."""
    marks = ""
    for sign, name in (("_", "sub"), ("^", "sup")):
        if text := _part(element, name):
            marks += f"{sign}{text}" if len(text) == 1 else f"{sign}{{{text}}}"
    return marks


def _is_command(text: str) -> bool:
    return text.isalnum() or (text.startswith("\\") and text[1:].isalpha())


def _is_fenced(scripts: _Element) -> bool:
    """Return whether the base is one pair of brackets."""
    base = scripts.find(M + "e")
    return base is not None and [part.tag for part in base if part.tag != M + "ctrlPr"] == [M + "d"]


def _radical(element: _Element) -> str:
    hidden = element.find(f"{M}radPr/{M}degHide")
    degree = "" if _is_on(hidden) else _part(element, "deg")
    return f"\\sqrt[{degree}]{{{_part(element, 'e')}}}" if degree else f"\\sqrt{{{_part(element, 'e')}}}"


def _n_ary(element: _Element) -> str:
    sign = _property(element, "naryPr", "chr", default="∫")
    command = f"\\{_LARGE[sign]}" if sign in _LARGE else sign
    return f"{command}{_marks(element)} {_part(element, 'e')}"


def _delimited(element: _Element) -> str:
    opening = _property(element, "dPr", "begChr", default="(")
    closing = _property(element, "dPr", "endChr", default=")")
    separator = _property(element, "dPr", "sepChr", default="|")
    inside = separator.join(_inside(part) for part in element.iterchildren(M + "e"))
    tall = any(command in inside for command in ("\\frac", "\\binom", "\\begin", "\\sum", "\\int", "\\prod", "\\sqrt"))
    if tall or not opening or not closing:
        return f"\\left{_FENCES.get(opening, opening)}{inside}\\right{_FENCES.get(closing, closing)}"
    return f"{_FENCES.get(opening, opening)}{inside}{_FENCES.get(closing, closing)}"


def _function(element: _Element) -> str:
    name = _part(element, "fName")
    head = name.split("_")[0].split("^")[0].strip("{}")
    if head in _FUNCTIONS:
        name = name.replace(head, f"\\{head}", 1)
        name = name[1:].replace("}", "", 1) if name.startswith("{\\") else name
    return f"{name} {_part(element, 'e')}"


def _matrix(element: _Element) -> str:
    rows = (" & ".join(map(_inside, row.iterchildren(M + "e"))) for row in element.iterchildren(M + "mr"))
    return f"\\begin{{matrix}}{_NEXT_ROW.join(rows)}\\end{{matrix}}"


def _array(element: _Element) -> str:
    rows = list(map(_inside, element.iterchildren(M + "e")))
    return f"\\begin{{aligned}}{_NEXT_ROW.join(rows)}\\end{{aligned}}" if len(rows) > 1 else "".join(rows)


def _accent(element: _Element) -> str:
    sign = _property(element, "accPr", "chr", default="\u0302")
    inside = _part(element, "e")
    return f"\\{_ACCENTS[sign]}{{{inside}}}" if sign in _ACCENTS else f"\\overset{{{sign}}}{{{inside}}}"


def _bar(element: _Element) -> str:
    below = _property(element, "barPr", "pos", default="bot") != "top"
    return f"\\{'underline' if below else 'overline'}{{{_part(element, 'e')}}}"


def _group(element: _Element) -> str:
    sign = _property(element, "groupChrPr", "chr", default="⏟")
    inside = _part(element, "e")
    if sign in _GROUPED:
        return f"\\{_GROUPED[sign]}{{{inside}}}"
    above = _property(element, "groupChrPr", "pos", default="bot") == "top"
    return f"\\{'overset' if above else 'underset'}{{{sign}}}{{{inside}}}"


def _limit(element: _Element) -> str:
    base, limit = _part(element, "e"), _part(element, "lim")
    below = element.tag == M + "limLow"
    if base in _FUNCTIONS or base.startswith(("\\underbrace", "\\overbrace")):
        return f"{base}{'_' if below else '^'}{{{limit}}}"
    return f"\\{'underset' if below else 'overset'}{{{limit}}}{{{base}}}"


def _boxed(element: _Element) -> str:
    return f"\\boxed{{{_part(element, 'e')}}}"


def _phantom(element: _Element) -> str:
    """Return what it holds, unless it only keeps the room for that."""
    shown = element.find(f"{M}phantPr/{M}show")
    return _part(element, "e") if shown is None or _is_on(shown) else ""


def _part(element: _Element, name: str) -> str:
    return _inside(element.find(M + name))


def _property(element: _Element, group: str, name: str, *, default: str = "") -> str:
    """Return a value of its properties; `default` when it isn't set. It may be set to nothing."""
    found = element.find(f"{M}{group}/{M}{name}")
    return default if found is None else found.get(M + "val") or ""


def _is_on(element: _Element | None) -> bool:
    return element is not None and (element.get(M + "val") or "1").lower() not in _OFF


_WRITERS: dict[str, Callable[[_Element], str]] = {
    "f": _fraction,
    "sSub": _scripts,
    "sSup": _scripts,
    "sSubSup": _scripts,
    "sPre": _scripts,
    "rad": _radical,
    "nary": _n_ary,
    "d": _delimited,
    "func": _function,
    "m": _matrix,
    "eqArr": _array,
    "acc": _accent,
    "bar": _bar,
    "groupChr": _group,
    "limLow": _limit,
    "limUpp": _limit,
    "borderBox": _boxed,
    "phant": _phantom,
}

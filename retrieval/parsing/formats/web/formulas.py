"""Formulas of a page as TeX: MathML, and what KaTeX, MathJax and MediaWiki make of it; raised and lowered digits."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

_DEPTH_LIMIT = 60
_TEX_ENCODINGS = ("application/x-tex", "application/x-latex", "tex", "latex", "text/tex")
_STYLED = re.compile(r"\{\\(?:displaystyle|textstyle|scriptstyle) (.*)\}", re.DOTALL)
_NAMES = {
    "sin", "cos", "tan", "cot", "log", "ln", "exp", "lim", "max", "min", "sup", "inf", "det", "dim", "ker", "gcd",
}  # fmt: skip
_SIGNS = {
    "−": "-", "\u2061": "", "\u2062": "", "\u2063": "", "\u2064": "", "×": r"\times ", "⋅": r"\cdot ", "·": r"\cdot ",
    "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "≈": r"\approx ", "±": r"\pm ", "∞": r"\infty ", "→": r"\to ",
    "∑": r"\sum ", "∏": r"\prod ", "∫": r"\int ", "∂": r"\partial ", "∈": r"\in ", "√": r"\surd ", "…": r"\dots ",
    "α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ", "δ": r"\delta ", "ε": r"\epsilon ", "θ": r"\theta ",
    "λ": r"\lambda ", "μ": r"\mu ", "π": r"\pi ", "ρ": r"\rho ", "σ": r"\sigma ", "τ": r"\tau ", "φ": r"\phi ",
    "ω": r"\omega ", "Δ": r"\Delta ", "Σ": r"\Sigma ", "Ω": r"\Omega ",
    "{": r"\{", "}": r"\}", "%": r"\%", "#": r"\#", "&": r"\&", "$": r"\$",
}  # fmt: skip
_ACCENTS = {
    "¯": "bar",
    "‾": "overline",
    "^": "hat",
    "ˆ": "hat",
    "~": "tilde",
    "→": "vec",
    "⃗": "vec",
    "˙": "dot",
    ".": "dot",
}
_RAISED = re.compile(
    r"[+\-−–]?\d{1,6}(?:[.,/]\d{1,6})?[+\-−]?|[+\-−]|[+\-−]?\d{0,3}[a-zA-Z](?:[+\-−/](?:\d{1,3}|[a-zA-Z]))?"
)
_FIGURE = re.compile(r"\d|[+\-−–]\w")
_SHORT = 40  # characters of what may be raised as a whole
_LOWERED = re.compile(r"\d{1,6}|[a-zA-Z]|(?:[a-z],)?[ijkn][+\-−]?\d{0,3}|max|min")


def formula(element: _Element) -> str:
    """Return a <math> element as TeX between dollar signs, the annotation in TeX that comes with it if there is one;
    empty when it shows nothing."""
    tex = _annotation(element) or _row(element, 0)
    return dollars(tex, is_block=element.get("display") == "block")


def dollars(tex: str, *, is_block: bool = False) -> str:
    """Return TeX as it stands in a text: on one line, between $, or $$ for a formula that stands alone."""
    tex = " ".join(tex.split())
    if styled := _STYLED.fullmatch(tex):
        tex = styled[1].strip()
    sign = "$$" if is_block else "$"
    return f"{sign}{tex}{sign}" if tex else ""


def raised(text: str, *, is_lowered: bool, is_link: bool) -> str:
    """Return what <sup> or <sub> holds so that it can't be taken for more digits or letters of what stands before it:
    ^4, _2, ^{n+1}, and the number of a note as [12]."""
    bare = text.strip()
    if is_link and bare.isdigit():
        return f"[{bare}]"
    if (_LOWERED if is_lowered else _RAISED).fullmatch(bare):
        bare = bare.replace("−", "-")
        is_compound = re.search(r"[a-zA-Z/]|\d[+\-]\d", bare) is not None and len(bare) > 1
        return f"{'_' if is_lowered else '^'}{f'{{{bare}}}' if is_compound else bare}"
    if _FIGURE.match(bare) and len(bare) <= _SHORT:  # 20 and 4_2 are not 204_2
        return f"{'_' if is_lowered else '^'}{{{bare}}}"
    return text


def compose(tag: str, parts: list[str]) -> str:
    """Return the TeX of a MathML element named `tag` whose children read as `parts`, side by side where it has too few.
    Of `^` and `_`: the second part, raised or lowered."""
    if tag in {"^", "_"}:
        return _script(tag, parts[1])
    build = _BUILT.get(tag)
    return build(parts) if build is not None and len(parts) >= _NEEDED.get(tag, 1) else _joined(parts)


def leaf(text: str, *, tag: str = "mo") -> str:
    """Return the text of a MathML element without children as TeX."""
    return _leaf(tag, text)


def _annotation(element: _Element) -> str:
    for annotation in element.iter("annotation", "{*}annotation"):
        if annotation.get("encoding", "").strip().lower() in _TEX_ENCODINGS:
            return "".join(annotation.itertext())
    return ""


def _row(element: _Element, depth: int) -> str:
    if depth > _DEPTH_LIMIT:
        return " ".join("".join(element.itertext()).split())
    return _joined([_tex(child, depth + 1) for child in element if isinstance(child.tag, str)])


def _joined(parts: list[str]) -> str:
    """Return them side by side; a command ends where a letter follows only behind a space."""
    text = ""
    out: list[str] = []
    for part in parts:
        if not part:
            continue
        text = out[-1] if out else ""
        if re.search(r"\\[a-zA-Z]+$", text) and part[0].isalpha():
            out.append(" ")
        out.append(part)
    return "".join(out)


def _tex(element: _Element, depth: int) -> str:
    tag = element.tag.rpartition("}")[2].rpartition(":")[2]
    if tag in {"annotation", "annotation-xml", "mphantom", "none", "mprescripts"}:
        return ""
    if tag in {"mi", "mn", "mo", "mtext", "ms"}:
        return _leaf(tag, " ".join("".join(element.itertext()).split()))
    if tag == "mspace":
        return " "
    if tag == "semantics":
        first = next((child for child in element if isinstance(child.tag, str)), None)
        return _tex(first, depth + 1) if first is not None and depth < _DEPTH_LIMIT else ""
    if tag in {"mtable", "mfenced"}:
        return _table(element, depth) if tag == "mtable" else _fenced(element, depth)
    build = _BUILT.get(tag)
    if build is None:
        inside = _row(element, depth)
        return inside or (" ".join((element.text or "").split()) if not len(element) else "")
    if depth > _DEPTH_LIMIT:
        return " ".join("".join(element.itertext()).split())
    children = [_tex(child, depth + 1) for child in element if isinstance(child.tag, str)]
    return build(children) if len(children) >= _NEEDED.get(tag, 1) else _joined(children)


def _leaf(tag: str, text: str) -> str:
    if tag in {"mtext", "ms"}:
        return rf"\text{{{text}}}" if text else ""
    if tag == "mi" and len(text) > 1:
        return rf"\{text} " if text in _NAMES else rf"\mathrm{{{text}}}" if text.isalpha() else text
    return "".join(_SIGNS.get(character, character) for character in text)


def _script(sign: str, inside: str) -> str:
    inside = inside.strip()
    if not inside:
        return ""
    return f"{sign}{inside}" if len(inside) == 1 else f"{sign}{{{inside}}}"


def _base(inside: str) -> str:
    bare = inside.strip()
    return bare if len(bare) <= 1 or re.fullmatch(r"\w+|\\[a-zA-Z]+|\\mathrm\{\w+\}|\(.*\)", bare) else f"{{{bare}}}"


def _over(children: list[str]) -> str:
    accent = _ACCENTS.get(children[1].strip())
    accent = "vec" if children[1].strip() == r"\to" else accent
    if accent:
        return rf"\{accent}{{{children[0].strip()}}}"
    return f"{_base(children[0])}{_script('^', children[1])}"


_BUILT: dict[str, Callable[[list[str]], str]] = {
    "mfrac": lambda c: rf"\frac{{{c[0].strip()}}}{{{c[1].strip()}}}",
    "msqrt": lambda c: rf"\sqrt{{{_joined(c).strip()}}}",
    "mroot": lambda c: rf"\sqrt[{c[1].strip()}]{{{c[0].strip()}}}",
    "msup": lambda c: f"{_base(c[0])}{_script('^', c[1])}",
    "msub": lambda c: f"{_base(c[0])}{_script('_', c[1])}",
    "msubsup": lambda c: f"{_base(c[0])}{_script('_', c[1])}{_script('^', c[2])}",
    "munder": lambda c: f"{_base(c[0])}{_script('_', c[1])}",
    "mover": _over,
    "munderover": lambda c: f"{_base(c[0])}{_script('_', c[1])}{_script('^', c[2])}",
    "mmultiscripts": lambda c: f"{_base(c[0])}{_script('_', c[1])}{_script('^', c[2])}",
}
_NEEDED = {"mfrac": 2, "mroot": 2, "msup": 2, "msub": 2, "msubsup": 3, "munder": 2, "mover": 2, "munderover": 3}
_NEEDED["mmultiscripts"] = 3


def _table(element: _Element, depth: int) -> str:
    if depth > _DEPTH_LIMIT:
        return " ".join("".join(element.itertext()).split())
    rows = [
        " & ".join(_row(cell, depth + 2).strip() for cell in row if isinstance(cell.tag, str))
        for row in element
        if isinstance(row.tag, str)
    ]
    lines = r" \\ ".join(rows)
    return rf"\begin{{matrix}} {lines} \end{{matrix}}"


def _fenced(element: _Element, depth: int) -> str:
    parts = [_tex(child, depth + 1) for child in element if isinstance(child.tag, str)] if depth < _DEPTH_LIMIT else []
    separator = (element.get("separators") or ",")[:1]
    opening, closing = element.get("open") or "(", element.get("close") or ")"
    return f"{_leaf('mo', opening)}{f'{separator} '.join(parts)}{_leaf('mo', closing)}"

"""Formulas that are only drawn, by KaTeX or MathJax, as TeX: where no MathML stands beside them to be read instead."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from retrieval.parsing.formats.web.formulas import compose, leaf

if TYPE_CHECKING:
    from lxml.etree import _Element

_DEPTH_LIMIT = 120
_UNSAID = {"strut", "pstrut", "vlist-s", "nulldelimiter", "frac-line", "hide-tail", "stretchy"}  # of KaTeX
_STACKED = {"mfrac", "msupsub", "op-limits"}
_STRUTS = {"surd", "nstrut", "dstrut", "line", "spacer", "mphantom", "assistive-mml", "speech"}  # of MathJax
_CODE = re.compile(r"(?:^|\s)mjx-c([0-9A-Fa-f]{2,6})(?=\s|$)")


def katex_tex(element: _Element) -> str:
    """Return what a `katex-html` element draws as TeX, without dollar signs."""
    return _katex(element, 0).strip()


def mathjax_tex(element: _Element) -> str:
    """Return what an `mjx-container` draws as TeX, without dollar signs: the TeX that it was made of where it keeps
    that, else from the names and code points of its parts; empty where it has none."""
    for inside in element.iter():
        if tex := inside.get("data-latex", ""):
            return str(tex)
    return _mathjax(element, 0).strip()


def _katex(element: _Element, depth: int) -> str:
    classes = set(element.get("class", "").split()) if isinstance(element.tag, str) else _UNSAID
    if not classes.isdisjoint(_UNSAID):
        return ""
    if depth > _DEPTH_LIMIT:
        return "".join(element.itertext())
    if "mspace" in classes:
        return " "
    if not classes.isdisjoint(_STACKED) and (lines := _lines(element, depth)):
        return _stacked(element, classes, lines)
    inside = "".join(
        [leaf(element.text or ""), *(_katex(child, depth + 1) + leaf(child.tail or "") for child in element)]
    )
    return rf"\sqrt{{{inside.strip()}}}" if "sqrt" in classes else inside


def _stacked(element: _Element, classes: set[str], lines: list[str]) -> str:
    if "mfrac" in classes and len(lines) > 1:
        return compose("mfrac", [lines[-1], lines[0]])
    if "msupsub" in classes:
        is_lowered = any("vlist-t2" in inside.get("class", "").split() for inside in element)
        signs = ("_", "^") if is_lowered else ("^",)
        return "".join(compose(sign, ["", line]) for sign, line in zip(signs, lines, strict=False))
    return _limits(element, lines) if "op-limits" in classes else compose("mrow", lines)


def _lines(element: _Element, depth: int) -> list[str]:
    """Return what KaTeX has put above each other, from the lowest to the highest."""
    for inside in element.iter("span"):
        if "vlist" in inside.get("class", "").split():
            return [line for child in inside if (line := _katex(child, depth + 3).strip())]
    return []


def _limits(element: _Element, lines: list[str]) -> str:
    column = next(inside for inside in element.iter("span") if "vlist" in inside.get("class", "").split())
    signs = [any("mop" in inside.get("class", "").split() for inside in child.iter("span")) for child in column]
    at = signs.index(True) if True in signs[: len(lines)] else 0
    below = compose("_", ["", lines[at - 1]]) if at else ""
    above = compose("^", ["", lines[at + 1]]) if at + 1 < len(lines) else ""
    return f"{lines[at]}{below}{above}"


def _mathjax(element: _Element, depth: int) -> str:
    if not isinstance(element.tag, str):
        return ""
    name = element.get("data-mml-node") or element.tag.removeprefix("mjx-")
    if name in _STRUTS:
        return ""
    if code := element.get("data-c") or ((found := _CODE.search(element.get("class", ""))) and found[1]) or "":
        return _character(code)
    if depth > _DEPTH_LIMIT:
        return ""
    if name in _BUILT:
        return compose(name, _children(element, name, depth))
    parts = [_mathjax(child, depth + 1) for child in element]
    if name in {"mtr", "mtd"}:
        return compose("mrow", parts) + (" & " if name == "mtd" else r" \\ ")
    if name in {"mi", "mn", "mo", "mtext", "ms"}:
        return leaf("".join(parts), tag=name)
    return compose("mrow", parts)


_BUILT = {"mfrac", "msqrt", "mroot", "msub", "msup", "msubsup", "munder", "mover", "munderover"}


def _children(element: _Element, name: str, depth: int) -> list[str]:
    """Return the parts of what is built of several, in the order in which MathML has them."""
    named = {"mfrac": ["num", "den"], "munder": ["base", "under"], "mover": ["base", "over"]}
    named |= {"munderover": ["base", "under", "over"], "mroot": ["box", "root"], "msqrt": ["box"]}
    found: list[Any] = [next(element.iter(f"mjx-{each}"), None) for each in named.get(name, [])]
    if found and None not in found and not any(each in found for one in found for each in one.iterancestors()):
        return [_mathjax(each, depth + 1) for each in found]
    parts: list[_Element] = []
    for child in element:
        parts += list(child) if child.tag in {"mjx-script", "mjx-sqrt"} else [child]
    said = [text for part in parts if (text := _mathjax(part, depth + 2))]
    if name in {"msqrt", "mroot"}:
        return [text for text in said if text.strip() not in {"√", r"\surd"}]
    if name == "msubsup" and element.tag == "mjx-msubsup" and len(said) == 3:  # the raised one stands first
        return [said[0], said[2], said[1]]
    return said


def _character(code: str) -> str:
    try:
        return unicodedata.normalize("NFKC", chr(int(code, 16)))
    except (ValueError, OverflowError):
        return ""

"""Raised and lowered characters as Unicode has them: ten to the fourth is 10⁴, never 104."""

from __future__ import annotations

_RAISED = str.maketrans("0123456789+-−=()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾")
_LOWERED = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")


def raised(text: str) -> str:
    """Return a raised text: signs that Unicode has raised, words as they are (1st), other letters behind a ^."""
    return _shifted(text, _RAISED, "^")


def lowered(text: str) -> str:
    """Return a lowered text: signs that Unicode has lowered, words as they are, other letters behind a _."""
    return _shifted(text, _LOWERED, "_")


def _shifted(text: str, signs: dict[int, int], mark: str) -> str:
    shown = text.strip()
    if shown and all(ord(letter) in signs for letter in shown):
        return text.translate(signs)
    if len(shown) == 1 and shown.isalpha():  # x to the n; two letters are mostly an ordinal's ending
        return text.replace(shown, mark + shown)
    return text

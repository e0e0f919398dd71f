"""Text as readers see it: one line end, one form of each letter, and nothing that no one sees.

Standard library only: a child process that parses uses it as well.
"""

from __future__ import annotations

import re
import unicodedata

_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f\xad\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
# Joiners shape Arabic, Indic scripts and emoji; behind anything else, or in a row, they only hide text.
_INVISIBLE = re.compile(
    f"{_HIDDEN.pattern}"
    "|(?<![\u0590-\u1fff\u2190-\u2bff\ufe0f\U0001f000-\U0001faff])[\u200c\u200d]|(?<=[\u200c\u200d])[\u200c\u200d]"
)
# What shows nothing, or changes how what stands around it is shown: controls, formats, fillers, selectors. What is seen
# by what it does stays: a non-joiner between letters that join, and what makes emoji of signs or one of several.
_EMOJI = "\u203c-\u3299\U0001f000-\U0001faff"
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u070f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\ud800-\udfff\U000e0000-\U000e0fff]"
    "|\r(?!\n)|(?<![\u0590-\u1fff])\u200c|\u200c(?![\u0590-\u1fff])"
    f"|(?<![{_EMOJI}\ufe0f])\u200d|\u200d(?![{_EMOJI}])|(?<![\xa9\xae{_EMOJI}])\ufe0f(?!\u20e3)"
)
_SIGNS = re.compile(r"(?<![^\w\x00-\x7f])[^\w\x00-\x7f]{31,}")  # neither letters nor ASCII: marks are among them
_MARKS_IN_A_ROW = 30  # of the Stream-Safe Text Format (UAX #15, 12)
_JOINER = "\u034f"  # which parts them there, and shows nothing


def clean(text: str) -> str:
    """Return the text with \\n as its only line end, without what no reader sees: controls, zero-width and tag
    characters, lone surrogates; composed (NFC), so that a letter and its accent are one character however they were
    written."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n").replace("\x85", "\n")
    text = _INVISIBLE.sub("", text)
    if not text.isascii():
        text = _SIGNS.sub(_with_marks_parted, text)
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def without_hidden(piece: str) -> str:
    """Return a piece of a text, as a model writes it, without controls, marks of direction, zero-width and tag
    characters; joiners stay, since what they join may be in another piece."""
    return _HIDDEN.sub("", piece)


def with_unseen_shown(text: str) -> str:
    """Return a text with what nobody would see in it written out, as ‹U+202E›: so that two texts that differ look
    different, and what somebody is to confirm stands there in the order that it has."""
    return _UNSEEN.sub(lambda found: f"‹U+{ord(found[0]):04X}›", text)


def _with_marks_parted(signs: re.Match[str]) -> str:
    """Return the signs with no more marks in a row than a letter can need: to compose them takes quadratic time."""
    parted, row = [], 0
    for sign in signs[0]:
        row = row + 1 if unicodedata.combining(sign) else 0
        if row > _MARKS_IN_A_ROW:
            parted.append(_JOINER)
            row = 1
        parted.append(sign)
    return "".join(parted)

"""The language a text is written in."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

_SAMPLES = 5  # places spread over the text: a document may begin with a licence in another language
_SAMPLE_CHARACTERS = 600
_LETTERS_NEEDED = 40
_SURE = 0.5  # of a probability that is calibrated to the length (py3langid's norm_probs)
_CODE = re.compile(r"[{}\[\]<>=;\\$#@_/]|\w\.\w|\w\(")
_FENCED = re.compile(r"^(```|~~~)[^\n]*\n(?:(?!\1)[^\n]*\n)*+(?:\1|\Z)", re.MULTILINE)


def detect_language(text: str) -> str:
    """Return the language as ISO 639-1; empty for a text that is too short, is no prose, or fits no language well."""
    sample = _sample(text)
    if sum(map(str.isalpha, sample)) < _LETTERS_NEEDED:
        return ""
    code, probability = load_model().classify(sample)
    return code if probability >= _SURE and len(code) == 2 else ""


@cache
def load_model() -> LanguageIdentifier:
    """Return the model. Loading its 4.6 MB of xz takes 0.4 s of CPU, so it is done once, before processes are forked
    that need it."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    found = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    # Regional languages have no ISO 639-1 code: without them a text is counted to their larger neighbour.
    found.set_languages([label for label in found.labels if len(label) == 2])
    return found


def _sample(text: str) -> str:
    """Return prose from several places: lines of words, not table rows and not code."""
    longest = 8 * _SAMPLE_CHARACTERS  # of which a sample is the first prose
    windows = (text[start : start + longest] for start in range(0, len(text), max(len(text) // _SAMPLES, longest)))
    return "\n".join(_prose(window)[:_SAMPLE_CHARACTERS] for window in windows)


def _prose(window: str) -> str:
    lines = _FENCED.sub("", window).split("\n")
    return "\n".join(line for line in lines if _is_prose(line))


def _is_prose(line: str) -> bool:
    stripped = line.strip()
    if line.startswith(("|", "    ", "\t")) or not stripped:
        return False
    letters = sum(map(str.isalpha, stripped))
    return letters > 0.6 * len(stripped) and len(_CODE.findall(stripped)) <= len(stripped) // 25

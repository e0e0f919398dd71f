"""Which language a document, a question or a few words are in, as ISO 639-1."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from copy import copy
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from retrieval.text.stopwords import STOP_WORDS
from retrieval.text.words import MARKS, words

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

_SAMPLES = 5  # places spread over the text: a document may begin with a licence in another language
_SAMPLE_CHARACTERS = 600
_LETTERS_NEEDED = 40
_ASKED_ANYWHERE = "en"
# Small words tell the languages of scripts that several share.
_OF_SCRIPT = {
    "BENGALI": "bn", "CJK": "zh", "GREEK": "el", "GUJARATI": "gu", "GURMUKHI": "pa", "HANGUL": "ko", "HEBREW": "he",
    "HIRAGANA": "ja", "KANNADA": "kn", "KATAKANA": "ja", "KHMER": "km", "LAO": "lo", "MALAYALAM": "ml", "SINHALA": "si",
    "TAMIL": "ta", "TELUGU": "te", "THAI": "th",
}  # fmt: skip
_SURE = 0.5  # of a probability that is calibrated to the length (py3langid's norm_probs)
_LETTER = re.compile(rf"[^\W\d_]|[{MARKS}]")  # the marks are half of what is written in Hindi or Thai
_CODE = re.compile(r"[{}\[\]<>=;\\$#@_/]|\w\.\w|\w\(")
_FENCED = re.compile(r"^(```|~~~)[^\n]*\n(?:(?!\1)[^\n]*\n)*+(?:\1|\Z)", re.MULTILINE)


def detect_language(text: str) -> str:
    """Return the language of a document's `text`; empty when it is too short, is no prose, or can't be told."""
    sample = _sample(text)
    if len(_LETTER.findall(sample)) < _LETTERS_NEEDED:
        return ""
    code, probability = load_model().classify(sample)
    return code if probability >= _SURE and len(code) == 2 else ""


def language_of(query: str, *, among: Sequence[str]) -> str:
    """Return the language that `query` is most likely in, of those in `among`, which are those of the documents;
    English, in which people also ask about others; and one that its script, or more of its small words than belong to
    these, tells. Empty when `among` is.

    Choosing among few languages, and not among all, is what makes so short a text tell: 96 to 100 % right for one-line
    descriptions in seven languages.
    """
    languages = {*among, _ASKED_ANYWHERE} if among else set()
    votes = _votes(words(query))
    others = [
        language for language, count in votes.items() if languages and count > max(map(votes.__getitem__, languages))
    ]
    languages.update(sorted(others, key=votes.__getitem__)[-1:], _by_script(query) if languages else ())
    if len(languages) < 2:
        return "".join(languages)
    language, _ = _identifier(tuple(sorted(languages))).classify(query)
    return str(language)


def _by_script(query: str) -> set[str]:
    """Return the languages that alone are written in the scripts of `query`."""
    scripts = {unicodedata.name(letter, "").partition(" ")[0] for letter in query if letter > "\u0300"}
    return {_OF_SCRIPT[script] for script in scripts if script in _OF_SCRIPT}


def likely_language(folded: Iterable[str]) -> str:
    """Return the language that most of these `folded` words are small words of; empty when none is. Single letters
    don't count. Of languages that have as many, it is the one that STOP_WORDS lists first."""
    votes = _votes(folded)
    return max(STOP_WORDS, key=votes.__getitem__) if votes else ""


def _votes(folded: Iterable[str]) -> Counter[str]:
    return Counter(language for word in folded if len(word) > 1 for language in _SPOKEN_IN.get(word, ()))


_SPOKEN_IN = {
    word: tuple(language for language, listed in STOP_WORDS.items() if word in listed)
    for word in frozenset().union(*STOP_WORDS.values())
}


@lru_cache(maxsize=64)
def _identifier(languages: tuple[str, ...]) -> LanguageIdentifier:
    """Return the model that chooses among these `languages`; it shares what it has with the one that knows all."""
    narrowed = copy(load_model())
    narrowed.set_languages([language for language in languages if language in narrowed.labels] or None)
    return narrowed


@cache
def load_model() -> LanguageIdentifier:
    """Return the model that knows all languages, with probabilities. To load its 4.6 MB of xz takes 0.4 s of CPU, and
    then it holds 110 MB."""
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
    letters = len(_LETTER.findall(stripped))
    return letters > 0.6 * len(stripped) and len(_CODE.findall(stripped)) <= len(stripped) // 25

"""Sentences that say the same with different figures: pure arithmetic over their texts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from retrieval.text.sentences import sentence_spans
from retrieval.text.terms import content_terms
from retrieval.text.words import words

MOST_CHARACTERS = 400  # of a sentence: a longer one is a table or a list
MOST_FIGURES = 4
_LEAST_WORDS = 4
_LEAST_TERMS = 2
_FIGURE = re.compile(r"(?<![\w.])\d[\d.,:/%–-]*(?<![.,:/–-])")
_ENDS = re.compile(r"[.!?:;][\"'”’»)\]]*\s*$")
# What stands before a number that names a place or a version, and says nothing that could be wrong.
_NAMES_A_PLACE = re.compile(
    r"(?:\b(?:figure|fig|table|section|chapter|page|pages|pp?|step|no|nr|appendix|annex|version|release|v|question|"
    r"item|article|art|issue|line|part|example|listing|note|rfc|iso|pep|abbildung|abb|tabelle|abschnitt|kapitel|seite|"
    r"schritt|anhang|artikel|teil|zeile|beispiel|absatz|abs)\.?|§{1,2}|#)\s*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class FiguredSentence:
    """A sentence with figures: its place in the text it was taken from, what it is about, and what it counts."""

    start: int
    end: int
    text: str
    terms: frozenset[str]
    figures: tuple[str, ...]


def sentences_with_figures(text: str, *, language: str) -> list[FiguredSentence]:
    """Return the sentences of `text` that say something with figures, in order."""
    found = (_figured(text, start, end, language) for start, end in sentence_spans(text))
    return [sentence for sentence in found if sentence]


def contradict(one: FiguredSentence, other: FiguredSentence) -> bool:
    """Say whether two sentences are about the same, in the same words, and count something else."""
    if len(one.figures) != len(other.figures) or one.terms != other.terms:
        return False
    return sorted(one.figures) != sorted(other.figures)


def _figured(text: str, start: int, end: int, language: str) -> FiguredSentence | None:
    sentence = text[start:end]
    if end - start > MOST_CHARACTERS or "\n\n" in sentence or "|" in sentence or "\t" in sentence:
        return None
    found = list(_FIGURE.finditer(sentence))
    figures = tuple(match[0] for match in found if not _NAMES_A_PLACE.search(sentence[: match.start()]))
    if not 0 < len(figures) <= MOST_FIGURES or sentence.lstrip().startswith(figures[0]):
        return None  # a number at the beginning counts a list
    rest = _FIGURE.sub(" ", sentence)
    if len(words(rest)) < _LEAST_WORDS or not _ENDS.search(sentence) or sentence.lstrip().startswith("#"):
        return None  # a heading says nothing
    terms = content_terms(rest, language=language)
    return FiguredSentence(start, end, sentence, terms, figures) if len(terms) >= _LEAST_TERMS else None

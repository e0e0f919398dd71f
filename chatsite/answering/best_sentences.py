"""The sentences of passages that fit a question best, or none: pure arithmetic over their terms."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agents.messages import Passage
from retrieval.text.blocks import BlockKind, TextBlock, blocks
from retrieval.text.sentences import spans_of
from retrieval.text.terms import content_terms, language_of_terms, terms
from retrieval.text.words import words

SENTENCES_MAX = 4

# Calibrated on 472 questions about five texts, asked of their own text and of another one's.
COVERAGE_MIN = 0.28  # of the question's weight, the mean of what the passage and the sentence hold
TERMS_MIN = 3  # of the question's terms must stand in the passage, when there are so many
ABSENT_WEIGHT = 0.7  # of its weight, for a term that no passage holds: people ask in words of their own

# What questions about a selection are put with: "explain this sentence" is about none of these words.
_ABOUT_A_SELECTION = """explain mean meaning selection selected sentence paragraph passage summarize summary say words
    erklären bedeutet bedeuten bedeutung auswahl ausgewählt ausgewählte satz absatz abschnitt zusammenfassen
    zusammenfassung fasse zusammen sagen heißt wörter markierte"""
_HEADING_MOST = 60  # characters; a shorter paragraph that ends with a letter is a heading
_NO_SENTENCE = re.compile(r"[\s|:=\-–—_*#`~]*$|(?:!\[[^\]]*\]\([^)]*\)\s*)+$")  # a rule, or pictures alone
_REFERENCE = re.compile(r"\[\d+\]")  # a document's own, which looks like our markers


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that may answer, with its cosine similarity to the query, and whether its search takes what it found
    for an answer; each None when the search doesn't say."""

    passage: Passage
    similarity: float | None = None
    answers: bool | None = None


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a candidate, which came `rank`-th: `text` stands in its passage word for word, but for runs of
    white space."""

    text: str
    candidate: Candidate
    rank: int
    terms: frozenset[str]
    heading: bool


def best_sentences(query: str, candidates: Sequence[Candidate], *, selection: bool = False) -> list[Sentence]:
    """Return the one to four sentences that answer `query`, best first; none when no passage fits it.

    With `selection`, the passages are what the question is about: "explain this" is answered by their beginning.
    """
    language = language_of_terms(query, *(f"{one.passage.title}\n{one.passage.text}" for one in candidates))
    wanted = content_terms(query, language=language)
    if selection:
        wanted -= terms(_ABOUT_A_SELECTION, language=language)
    asked = _folded(query)
    sentences = [
        sentence
        for rank, candidate in enumerate(candidates)
        for sentence in _sentences(candidate, rank, language)
        if asked not in _folded(sentence.text)
    ]
    if selection and not wanted:
        return [sentence for sentence in sentences if not sentence.heading][:2]
    weights = _weigh(wanted, sentences)
    of_passage = {one.passage.marker: _passage_terms(one.passage, language) for one in candidates}
    fitting = [s for s in sentences if _fits(s, of_passage[s.candidate.passage.marker], weights)]
    scores = {id(s): _score(s, of_passage[s.candidate.passage.marker], weights) for s in fitting}
    fitting.sort(key=lambda s: (-scores[id(s)], s.rank))  # stable: what ties stays in the order of the text
    return _choose(fitting, scores, weights)


def _folded(text: str) -> str:
    """Return `text` as its words alone, for telling whether a sentence repeats the question: then it is an example of
    it, not its answer."""
    return " ".join(words(text)) or text


# ---- ranking ---------------------------------------------------------------------------------------------------------
def _weigh(wanted: frozenset[str], sentences: Sequence[Sentence]) -> dict[str, float]:
    """Return the inverse document frequency of each term (Robertson and Sparck Jones, as in BM25); a sentence is a
    document."""
    frequency = Counter(term for sentence in sentences for term in sentence.terms & wanted)
    count = len(sentences)
    weights = {term: math.log(1 + (count - frequency[term] + 0.5) / (frequency[term] + 0.5)) for term in sorted(wanted)}
    return {term: weight if frequency[term] else ABSENT_WEIGHT * weight for term, weight in weights.items()}


def _coverage(held: frozenset[str], weights: dict[str, float]) -> float:
    """Return the share of the question's weight that the terms `held` hold, 0 to 1."""
    whole = sum(weights.values())
    return sum(weight for term, weight in weights.items() if term in held) / whole if whole else 0.0


def _fits(sentence: Sentence, of_passage: frozenset[str], weights: dict[str, float]) -> bool:
    """Return whether a sentence may be quoted. Where the search has decided whether there is an answer, words only
    choose the sentence."""
    answers = sentence.candidate.answers
    coverage = (_coverage(of_passage, weights) + _coverage(sentence.terms, weights)) / 2
    if answers is not None:
        return answers and coverage >= COVERAGE_MIN / 2
    needed = min(TERMS_MIN, max(len(weights) - 1, 1)) if len(weights) > 2 else len(weights)
    return len(of_passage & weights.keys()) >= needed and coverage >= COVERAGE_MIN


def _score(sentence: Sentence, of_passage: frozenset[str], weights: dict[str, float]) -> float:
    score = _coverage(sentence.terms, weights) + 0.3 * _coverage(of_passage, weights) + 0.1 / (1 + sentence.rank)
    score += 0.3 * (sentence.candidate.similarity or 0.0)
    score -= 0.4 if sentence.heading else 0.0  # a heading names the thing, the sentence below it says something
    score -= 0.2 if _REFERENCE.search(sentence.text) else 0.0
    return score - 0.1 * max(0.0, len(sentence.text) / 400 - 1)


def _choose(ranked: Sequence[Sentence], scores: dict[int, float], weights: dict[str, float]) -> list[Sentence]:
    """Return the best, then others nearly as good, or that hold what is still missing; none that says the same
    again."""
    chosen: list[Sentence] = []
    missing = dict(weights)
    for sentence in ranked:
        if len(chosen) == SENTENCES_MAX:
            break
        if any(_alike(sentence, other) for other in chosen):
            continue
        near = not chosen or scores[id(sentence)] >= 0.8 * scores[id(chosen[0])]
        if near or (_coverage(sentence.terms, missing) >= 0.5 and scores[id(sentence)] >= 0.5 * scores[id(chosen[0])]):
            chosen.append(sentence)
            missing = {term: weight for term, weight in missing.items() if term not in sentence.terms}
    return chosen


def _alike(one: Sentence, other: Sentence) -> bool:
    """Return whether two sentences are near-duplicates, as overlapping chunks and repeated boilerplate bring them:
    Jaccard similarity of the terms."""
    either = one.terms | other.terms
    return one.text == other.text or (bool(either) and len(one.terms & other.terms) / len(either) > 0.8)


# ---- sentences of a passage ------------------------------------------------------------------------------------------
def _sentences(candidate: Candidate, rank: int, language: str) -> Iterator[Sentence]:
    """Yield the sentences of a passage, without the marks of lists and tables and the fences around code. What a
    heading says counts for the sentences below it."""
    text, above = candidate.passage.text, frozenset[str]()
    for block in blocks(text):
        if block.kind is BlockKind.FENCE:
            continue
        heading = _is_heading(text, block)
        for start, end in spans_of(text, block, start=block.body):
            quoted = " ".join(text[start:end].split())
            quoted = quoted.rstrip("| ") if block.kind is BlockKind.ROW else quoted
            held = terms(quoted, language=language)
            if held and not _NO_SENTENCE.match(quoted):
                yield Sentence(quoted, candidate, rank, held if heading else held | above, heading)
        above = terms(text[block.body : block.end], language=language) if heading else above


def _is_heading(text: str, block: TextBlock) -> bool:
    short = block.end - block.start < _HEADING_MOST and text[block.end - 1].isalpha()
    return block.kind is BlockKind.HEADING or (block.kind is BlockKind.PARAGRAPH and short)


def _passage_terms(passage: Passage, language: str) -> frozenset[str]:
    return terms(f"{passage.title}\n{passage.text}", language=language)

"""The sentences of passages that answer a question best, or none: pure arithmetic over their terms and, where there is
a model for it, their meaning."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Protocol

from agents.messages import Passage
from chatsite.answering.passage_sentences import SentencedPassage
from chatsite.answering.question_parts import asks_for_list, asks_for_number, has_number, parts_of
from retrieval.searching.names import names_in
from retrieval.text.blocks import BlockKind
from retrieval.text.terms import content_terms, language_of_terms, terms
from retrieval.text.words import words

SENTENCES_MOST = 4
READ_FOR_MEANING = 16  # sentences, the best by their words; more change nothing: docs/decisions/028

# Calibrated on 472 questions about five texts, asked of their own text and of another one's.
COVERAGE_LEAST = 0.28  # of the question's weight, the mean of what the passage and the sentence hold
TERMS_LEAST = 3  # of the question's terms must stand in the passage, when there are so many
ABSENT_WEIGHT = 0.7  # of its weight, for a term that no passage holds: people ask in words of their own
CLOSE = 0.35  # a sentence whose cosine to the question is higher may answer without any of its words

# What counts how much for a sentence, fitted on 440 questions (docs/decisions/039); a cosine counts 1.
WITH_HEADING, ALONE = 1.6, 1.7  # the share of the question that it holds, with its heading and without
BEFORE, BEHIND = 1.0, 0.5  # what the sentences beside it add to that
NAMED = 0.4  # all that the question names
PROMISED = 0.9  # a list behind it, where one is asked for
REFERENCE = 1.7  # a number of a source, for the worse
NEAR_THE_BEST = 0.6  # a sentence whose score is less below the best one's is quoted as well


# What questions about a selection are put with: "explain this sentence" is about none of these words.
_ABOUT_A_SELECTION = """explain mean meaning selection selected sentence paragraph passage summarize summary say words
    erklären bedeutet bedeuten bedeutung auswahl ausgewählt ausgewählte satz absatz abschnitt zusammenfassen
    zusammenfassung fasse zusammen sagen heißt wörter markierte"""
_REFERENCE = re.compile(r"\[\d+\]")  # a document's own, which looks like our markers


class Closeness(Protocol):
    """Returns the cosine of each text to a question; nothing where no model knows their language."""

    def __call__(self, question: str, texts: Sequence[str], *, language: str) -> Sequence[float]: ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that may answer, with its cosine similarity to the query, and whether its search takes what it found
    for an answer; each None when the search doesn't say."""

    passage: Passage
    similarity: float | None = None
    answers: bool | None = None


@dataclass(frozen=True, eq=False)
class Sentence:
    """Sentence number `at` of a candidate, which came `rank`-th."""

    candidate: Candidate
    within: SentencedPassage
    at: int
    rank: int
    own_terms: frozenset[str]
    terms: frozenset[str]  # and those of the heading above it
    about: frozenset[str]  # and those of what stands before it in its paragraph

    @cached_property
    def text(self) -> str:
        """What it says: word for word as in its passage, but for runs of white space."""
        return self.within.said(self.at)

    @property
    def heading(self) -> str:
        return self.within.sentences[self.at].above

    @property
    def marker(self) -> int:
        return self.candidate.passage.marker


@dataclass(frozen=True)
class Found:
    """The sentences that answer, best first; the terms of the question, those of its names, the language (ISO 639-1)
    they were taken in; whether the sentences hold enough of it to be sure; and the parts of it that nothing answers."""

    sentences: Sequence[Sentence]
    wanted: frozenset[str]
    named: frozenset[str]
    language: str
    sure: bool = True
    unanswered: Sequence[str] = ()


def best_sentences(
    query: str, candidates: Sequence[Candidate], *, selection: bool = False, closeness: Closeness | None = None
) -> Found:
    """Return the sentences that answer `query`, a few at most; none when no passage fits it.

    With `selection`, the passages are what the question is about: "explain this" is answered by their beginning, and
    what hardly fits is returned as well, as not sure.
    """
    ranking = _Ranking.of(query, candidates, selection=selection)
    if selection and not ranking.weights:
        return ranking.found(ranking.sentences[:2])
    ranking.read(query, closeness)
    fitting = [sentence for sentence in ranking.ranked if ranking.fits(sentence)]
    if not fitting and selection:
        fitting = [sentence for sentence in ranking.ranked if ranking.touches(sentence)][:1]
        says_no_more = len(ranking.weights) < 2  # "How long?", but not "When is the sauna heated?"
        if not fitting and says_no_more and asks_for_number(query):
            fitting = [sentence for sentence in ranking.sentences if has_number(sentence.text)][:1]
        return ranking.found(fitting, sure=False)
    chosen = _choose(fitting, ranking)
    if not chosen:
        return ranking.found(())
    more, unanswered = _of_parts(query, chosen, ranking, closeness)
    return ranking.found([*chosen, *more], unanswered=unanswered)


# ---- ranking ---------------------------------------------------------------------------------------------------------
@dataclass
class _Ranking:
    """All sentences of the candidates, and what each holds of the question."""

    language: str
    sentences: Sequence[Sentence]
    weights: Mapping[str, float]
    of_passage: Mapping[int, frozenset[str]]  # the terms of each passage, by its marker
    named: frozenset[str]  # the terms of the names in the question: codes, versions, files
    wants_list: bool
    scores: dict[Sentence, float] = field(default_factory=dict)
    cosines: dict[Sentence, float] = field(default_factory=dict)

    @classmethod
    def of(cls, query: str, candidates: Sequence[Candidate], *, selection: bool) -> _Ranking:
        whole = {one.passage.marker: f"{one.passage.title}\n{one.passage.text}" for one in candidates}
        language = language_of_terms(query, *whole.values())
        wanted = content_terms(query, language=language)
        if selection:
            wanted -= terms(_ABOUT_A_SELECTION, language=language)
        named = frozenset().union(*(_telling(terms(name.written, language=language)) for name in names_in(query)))
        asked = _folded(query)
        sentences = [
            sentence
            for rank, candidate in enumerate(candidates)
            for sentence in _sentences(candidate, rank, language)
            if asked not in _folded(sentence.text)
        ]
        of_passage = {marker: terms(text, language=language) for marker, text in whole.items()}
        ranking = cls(language, sentences, {}, of_passage, named, asks_for_list(query))
        ranking.weights = _weigh(wanted | ranking.joined_in(query), sentences)
        ranking.scores = dict(ranking._by_words())
        return ranking

    def _by_words(self) -> Iterator[tuple[Sentence, float]]:
        """Yield what each sentence's words are worth. One that is understood only with its neighbours gains by what
        they hold."""
        held = {one: self.coverage(one.terms) for one in self.sentences}
        gained = dict.fromkeys(self.sentences, 0.0)
        for before, after in pairwise(self.sentences):
            if before.rank == after.rank and before.heading == after.heading:
                both = self.coverage(before.terms | after.terms)
                gained[after] += BEFORE * (both - held[after])
                gained[before] += BEHIND * (both - held[before])
        for sentence in self.sentences:
            score = WITH_HEADING * held[sentence] + ALONE * self.coverage(sentence.own_terms) + gained[sentence]
            score += 1 / (1 + sentence.rank)
            score += NAMED if self.named and self.names(sentence) else 0.0
            score += PROMISED if self.wants_list and sentence.within.promised(sentence.at) else 0.0
            yield sentence, score - (REFERENCE if _REFERENCE.search(sentence.text) else 0.0)

    def read(self, query: str, closeness: Closeness | None) -> None:
        """Add what the best sentences mean to what their words are worth; the others can't answer then."""
        near = self.ranked[:READ_FOR_MEANING]
        cosines = (
            closeness(query, [_in_its_section(one) for one in near], language=self.language)
            if closeness and near
            else ()
        )
        if cosines:
            self.cosines = dict(zip(near, cosines, strict=True))
            self.scores = {sentence: self.scores[sentence] + self.cosines[sentence] for sentence in near}

    def found(self, sentences: Sequence[Sentence], *, sure: bool = True, unanswered: Sequence[str] = ()) -> Found:
        """Return these sentences as what answers the question."""
        return Found(sentences, frozenset(self.weights), self.named, self.language, sure, unanswered)

    @property
    def ranked(self) -> list[Sentence]:
        """Return the sentences by their scores; what ties stays in the order of the text."""
        return sorted(self.scores, key=lambda sentence: -self.scores[sentence])

    def coverage(self, held: frozenset[str], *, among: frozenset[str] | None = None) -> float:
        """Return the share of the question's weight, or of the terms `among` it, that the terms `held` hold, 0 to 1."""
        weights = {term: weight for term, weight in self.weights.items() if among is None or term in among}
        whole = sum(weights.values())
        return sum(weight for term, weight in weights.items() if term in held) / whole if whole else 0.0

    def wanted_in(self, part: str) -> frozenset[str]:
        """Return the terms of a part of the question."""
        return content_terms(part, language=self.language) | self.joined_in(part)

    def joined_in(self, part: str) -> frozenset[str]:
        """Return the terms of neighbouring words that some sentence writes as one: who asks how to back up wants a
        backup."""
        pairs = terms(" ".join(map("".join, pairwise(words(part)))), language=self.language)
        return pairs & frozenset().union(*(sentence.terms for sentence in self.sentences))

    def names(self, sentence: Sentence) -> bool:
        """Return whether it is about all that the question names: what is said of E1235 is no answer about E1234."""
        return self.named <= sentence.about

    def fits(self, sentence: Sentence) -> bool:
        """Return whether a sentence may be quoted. Where the search has decided whether there is an answer, words and
        meaning only choose the sentence."""
        answers, of_passage = sentence.candidate.answers, self.of_passage[sentence.marker]
        coverage = (self.coverage(of_passage) + self.coverage(sentence.terms)) / 2
        if answers is not None:
            return answers and (coverage >= COVERAGE_LEAST / 2 or self.cosines.get(sentence, 0.0) >= CLOSE)
        count = len(self.weights)
        needed = min(TERMS_LEAST, max(count - 1, 1)) if count > 2 else count
        return len(of_passage & self.weights.keys()) >= needed and coverage >= COVERAGE_LEAST

    def touches(self, sentence: Sentence) -> bool:
        """Return whether a sentence has anything to do with the question."""
        return not sentence.terms.isdisjoint(self.weights) or self.cosines.get(sentence, 0.0) >= CLOSE


def _telling(of_name: frozenset[str]) -> frozenset[str]:
    """Return the terms of a name that tell it from others: of "error E1204" the code."""
    return frozenset(term for term in of_name if any(map(str.isdigit, term))) or of_name


def _folded(text: str) -> str:
    """Return `text` as its words alone, for telling whether a sentence repeats the question: then it is an example of
    it, not its answer."""
    return " ".join(words(text)) or text


def _sentences(candidate: Candidate, rank: int, language: str) -> Iterator[Sentence]:
    """Yield the sentences of a passage that say something, which headings and the names of columns don't: they count
    for what stands below them."""
    within = SentencedPassage.of(candidate.passage)
    about, block = frozenset[str](), -1
    for at, place in enumerate(within.sentences):
        header = within.header(at) if place.kind is BlockKind.ROW else None
        held = terms(within.said(at), language=language)
        if held and not place.heading and at != header:
            above = f"{place.above} {'' if header is None else within.said(header)}"
            in_all = held | terms(above, language=language)
            about, block = in_all | (about if place.block == block else frozenset()), place.block
            yield Sentence(candidate, within, at, rank, held, in_all, about)


def _in_its_section(sentence: Sentence) -> str:
    return f"{sentence.heading}: {sentence.text}" if sentence.heading else sentence.text


def _weigh(wanted: frozenset[str], sentences: Sequence[Sentence]) -> dict[str, float]:
    """Return the inverse document frequency of each term (Robertson and Sparck Jones, as in BM25); a sentence is a
    document."""
    frequency = Counter(term for sentence in sentences for term in sentence.terms & wanted)
    count = len(sentences)
    weights = {term: math.log(1 + (count - frequency[term] + 0.5) / (frequency[term] + 0.5)) for term in sorted(wanted)}
    return {term: weight if frequency[term] else ABSENT_WEIGHT * weight for term, weight in weights.items()}


# ---- choosing --------------------------------------------------------------------------------------------------------
def _choose(ranked: Sequence[Sentence], ranking: _Ranking) -> list[Sentence]:
    """Return the best, then others nearly as good; none that says the same again."""
    chosen: list[Sentence] = []
    for sentence in [one for one in ranked if ranking.names(one)] or ranked:
        behind = ranking.scores[chosen[0]] - ranking.scores[sentence] if chosen else 0.0
        if len(chosen) == SENTENCES_MOST or behind > NEAR_THE_BEST:
            break
        if not any(_alike(sentence, other) for other in chosen):
            chosen.append(sentence)
    return chosen


def _alike(one: Sentence, other: Sentence) -> bool:
    """Return whether two sentences are near-duplicates, as overlapping chunks and repeated boilerplate bring them:
    Jaccard similarity of the terms."""
    either = one.terms | other.terms
    return one.text == other.text or (bool(either) and len(one.terms & other.terms) / len(either) > 0.8)


def _of_parts(
    query: str, chosen: Sequence[Sentence], ranking: _Ranking, closeness: Closeness | None
) -> tuple[list[Sentence], list[str]]:
    """Return what answers the parts of the question that the `chosen` sentences leave out, and the parts that none
    answers."""
    more: list[Sentence] = []
    unanswered: list[str] = []
    held = frozenset().union(*(sentence.terms for sentence in ranking.sentences))
    for part, of_it in _own_terms(query, ranking):
        own = of_it & held
        if any(ranking.coverage(sentence.terms, among=own) >= 0.5 for sentence in (*chosen, *more)):
            continue
        holding = [sentence for sentence in ranking.sentences if ranking.coverage(sentence.terms, among=own) >= 0.5]
        if holding:
            more.append(max(holding, key=lambda one: (ranking.scores.get(one, 0.0), -one.rank)))
        elif not _is_near(part, ranking, closeness):
            unanswered.append(part.rstrip(" ?？.!"))
    return more, unanswered


def _own_terms(query: str, ranking: _Ranking) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the parts of the question with the terms that no other part has."""
    parts = parts_of(query, language=ranking.language)
    held = [ranking.wanted_in(part) for part in parts]
    for part, of_it in zip(parts, held, strict=True) if len(parts) > 1 else ():
        if own := of_it - frozenset().union(*(other for other in held if other is not of_it)):
            yield part, own


def _is_near(part: str, ranking: _Ranking, closeness: Closeness | None) -> bool:
    """Return whether some sentence may answer the part in other words, or holds some of its own."""
    wanted = ranking.wanted_in(part)
    if any(not wanted.isdisjoint(of_passage) for of_passage in ranking.of_passage.values()):
        return True
    near = [sentence.text for sentence in ranking.ranked[:READ_FOR_MEANING]]
    return closeness is not None and max(closeness(part, near, language=ranking.language), default=0.0) >= CLOSE

"""Answers by quoting, with no language model: pick the sentences that fit the question, or say that none does."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from dataclasses import dataclass

from agents.budget import FREE, Price
from agents.errors import ToolFailed
from agents.events import TextDelta
from agents.messages import Message, Passage, ToolCall, ToolMessage, UserMessage
from agents.model import ModelEvent
from agents.result import Output
from agents.tools import Tool

SEARCH = "search"
DECLINED = "No passage that was found answers this question."
DECLINED_SELECTION = "The selected text does not answer this question."

SENTENCES_MAX = 4
WORDS_PER_DELTA = 4

# Calibrated on 472 questions about five texts, asked of their own text and of another one's.
COVERAGE_MIN = 0.28  # of the question's weight, the mean of what the passage and the sentence hold
TERMS_MIN = 3  # of the question's terms must stand in the passage, when there are so many
ABSENT_WEIGHT = 0.7  # of its weight, for a term that no passage holds: people ask in words of their own


@dataclass(frozen=True, slots=True)
class Found:
    """A passage with its cosine similarity to the query, and whether its search takes what it found for an answer;
    each None when the search doesn't say."""

    passage: Passage
    similarity: float | None = None
    answers: bool | None = None


@dataclass(frozen=True, slots=True)
class Sentence:
    """A candidate: `text` stands in its passage word for word, but for runs of white space."""

    text: str
    found: Found
    rank: int
    terms: frozenset[str]
    heading: bool


@dataclass(frozen=True, slots=True)
class ExtractiveModel:
    """Calls the search tool like any model would, then quotes. `notice` opens each answer: why it is only quotes. What
    it says when nothing answers may be said in another language.
    """

    notice: str
    name: str = "extractive"
    price: Price = FREE
    declined: str = DECLINED
    declined_selection: str = DECLINED_SELECTION

    async def stream(
        self,
        *,
        instructions: str,
        messages: Sequence[Message],
        tools: Sequence[Tool],
        output: Output | None = None,
    ) -> AsyncGenerator[ModelEvent]:
        asked_at = max(i for i, message in enumerate(messages) if isinstance(message, UserMessage))
        question = messages[asked_at]
        assert isinstance(question, UserMessage)
        searches = [m for m in messages[asked_at:] if isinstance(m, ToolMessage) and m.call.name == SEARCH]
        if not searches and any(tool.name == SEARCH for tool in tools):
            yield ToolCall(f"search_{len(messages)}", SEARCH, json.dumps({"query": question.text}))
            return
        if searches and all(search.failed for search in searches):
            raise ToolFailed("the search failed, and there is nothing else to quote from") from _cause(searches[-1])
        query = _query_of(searches[-1]) if searches else question.text
        found = [Found(passage) for passage in question.passages] + list(_read_searches(searches))
        quoted = quote(query or question.text, found, selection=bool(question.passages))
        declined = self.declined_selection if question.passages else self.declined
        answer = "\n\n".join(f"{s.text} [{s.found.passage.marker}]" for s in quoted) or declined
        for words in _in_pieces(f"{self.notice}\n\n{answer}"):
            yield TextDelta(words)


def quote(query: str, found: Sequence[Found], *, selection: bool = False) -> list[Sentence]:
    """The one to four sentences that answer `query`, best first; none when no passage fits it.

    With `selection`, the passages are what the question is about: "explain this" is answered by their beginning.
    """
    terms = content_terms(query) - (META_TERMS if selection else frozenset())
    asked = _folded(query)
    sentences = [s for rank, one in enumerate(found) for s in _sentences(one, rank) if asked not in _folded(s.text)]
    if selection and not terms:
        return [s for s in sentences if not s.heading][:2]
    weights = _weigh(terms, sentences)
    of_passage = {one.passage.marker: _passage_terms(one.passage) for one in found}
    fitting = [s for s in sentences if _fits(s, of_passage[s.found.passage.marker], weights)]
    scores = {id(s): _score(s, of_passage[s.found.passage.marker], weights) for s in fitting}
    fitting.sort(key=lambda s: (-scores[id(s)], s.rank))  # stable: what ties stays in the order of the text
    return _choose(fitting, scores, weights)


def _folded(text: str) -> str:
    """For telling whether a sentence repeats the question: then it is an example of it, not its answer."""
    return " ".join(re.findall(r"\w+", text.lower())) or text


# ---- ranking: pure arithmetic ----------------------------------------------------------------------------------------
def _weigh(terms: frozenset[str], sentences: Sequence[Sentence]) -> dict[str, float]:
    """Inverse document frequency of each term (Robertson and Sparck Jones, as in BM25); a sentence is a document."""
    frequency = Counter(term for sentence in sentences for term in sentence.terms & terms)
    count = len(sentences)
    weights = {term: math.log(1 + (count - frequency[term] + 0.5) / (frequency[term] + 0.5)) for term in terms}
    return {term: weight if frequency[term] else ABSENT_WEIGHT * weight for term, weight in weights.items()}


def _coverage(terms: frozenset[str], weights: dict[str, float]) -> float:
    """The share of the question's weight that `terms` hold, 0 to 1."""
    whole = sum(weights.values())
    return sum(weight for term, weight in weights.items() if term in terms) / whole if whole else 0.0


def _fits(sentence: Sentence, of_passage: frozenset[str], weights: dict[str, float]) -> bool:
    """Where the search has decided whether there is an answer, words only choose the sentence."""
    answers = sentence.found.answers
    coverage = (_coverage(of_passage, weights) + _coverage(sentence.terms, weights)) / 2
    if answers is not None:
        return answers and coverage >= COVERAGE_MIN / 2
    needed = min(TERMS_MIN, max(len(weights) - 1, 1)) if len(weights) > 2 else len(weights)
    return len(of_passage & weights.keys()) >= needed and coverage >= COVERAGE_MIN


def _score(sentence: Sentence, of_passage: frozenset[str], weights: dict[str, float]) -> float:
    score = _coverage(sentence.terms, weights) + 0.3 * _coverage(of_passage, weights) + 0.1 / (1 + sentence.rank)
    score += 0.3 * (sentence.found.similarity or 0.0)
    score -= 0.4 if sentence.heading else 0.0  # a heading names the thing, the sentence below it says something
    score -= 0.2 if re.search(r"\[\d+\]", sentence.text) else 0.0  # a document's own references look like our markers
    return score - 0.1 * max(0.0, len(sentence.text) / 400 - 1)


def _choose(ranked: Sequence[Sentence], scores: dict[int, float], weights: dict[str, float]) -> list[Sentence]:
    """The best, then others nearly as good, or that hold what is still missing; none that says the same again."""
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
    """Near-duplicates, as overlapping chunks and repeated boilerplate bring them: Jaccard similarity of the terms."""
    either = one.terms | other.terms
    return one.text == other.text or (bool(either) and len(one.terms & other.terms) / len(either) > 0.8)


# ---- terms -----------------------------------------------------------------------------------------------------------
_WORD = re.compile(r"\w+(?:['’.\-]\w+)*")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")
_SUFFIXES = ("ations", "ation", "ingly", "ings", "ing", "edly", "ed", "ies", "es", "s", "ly")


def content_terms(text: str) -> frozenset[str]:
    """The stems of the words of `text` that say what it is about."""
    return frozenset(_terms(text)) - STOP_TERMS


def _terms(text: str) -> Iterator[str]:
    """The stems of all words; an identifier like QDRANT_URL counts whole and in its parts."""
    for word in _WORD.findall(text.replace("’", "'")):
        whole = word.lower().removesuffix("'s")
        yield _stem(whole)
        parts = _PARTS.findall(word.removesuffix("'s"))
        if len(parts) > 1:
            for part in parts:
                yield _stem(part.lower())


def _stem(word: str) -> str:
    """Cut the commonest English endings off, so that a plural or a past tense matches; at least 3 letters stay."""
    if not word.isascii() or not word.isalpha() or len(word) < 4 or word.endswith(("ss", "us", "is")):
        return word
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            word = word.removesuffix(suffix) + ("y" if suffix == "ies" else "")
            break
    if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "aeiouls":
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 3 else word


def _passage_terms(passage: Passage) -> frozenset[str]:
    return frozenset(_terms(f"{passage.title}\n{passage.text}"))


STOP_TERMS = frozenset(
    _terms(
        """a about above after again all also am an and any are as at be because been before being between both but
        by can could did do does doing done down during each either else ever every few for from further
        get gets give given had has have having he her here hers him his how i if in into is isn't it its
        itself just let like make makes many may me might more most much must my no nor not now of off on
        once one only or other our out over own per please same she should so some such take tell than
        that the their theirs them then there these they this those through to too under until up upon us
        use used using very was way we were what what's when where whether which while who whom whose why
        will with within without would yes you your according document documents describe explain kind
        mentioned name show specific text type"""
    )
)
META_TERMS = frozenset(
    _terms("explain mean meaning selection selected sentence paragraph passage summarize summary say words")
)


# ---- sentences -------------------------------------------------------------------------------------------------------
_OWN_LINE = re.compile(r"^[ \t]*(?:[-*+•]\s|\d{1,3}[.)]\s|#{1,6}\s|\||>)")
_FENCE = re.compile(r"[ \t]*(?:```|~~~)")
_MARKUP = re.compile(r"^[ \t]*(?:(?:[-*+•]|\d{1,3}[.)]|#{1,6}|>)\s+|\|\s*)+")
_NO_SENTENCE = re.compile(r"[\s|:=\-–—_*#`~]*$|(?:!\[[^\]]*\]\([^)]*\)\s*)+$")  # a rule, or pictures alone
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|al|Dr|Mr|Mrs|Ms|St|No|Fig|Eq|Inc|Ltd|Co|approx)|\b[A-Z])\.$")
_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]*_]*(?=\s+[\"'“‘(\[*_`]*[A-Z0-9À-Þ])|[。！？]")


def _sentences(found: Found, rank: int) -> Iterator[Sentence]:
    """The candidates of a passage. What a heading says counts for the sentences below it."""
    above: frozenset[str] = frozenset()
    for block in _blocks(found.passage.text):
        markup = _MARKUP.match(block)
        row = bool(markup and "|" in markup[0])
        heading = "#" in markup[0] if markup else len(block) < 60 and block[-1].isalpha()
        body = block[markup.end() :] if markup else block
        for text in [body.rstrip().rstrip("|")] if row else _split(body):
            folded = " ".join(text.split())
            terms = frozenset(_terms(folded))
            if terms and not _NO_SENTENCE.match(folded):
                yield Sentence(folded, found, rank, terms if heading else terms | above, heading)
        above = frozenset(_terms(body)) if heading else above


def _blocks(text: str) -> Iterator[str]:
    """Paragraphs, with their hard-wrapped lines joined; a heading, a list item, a table row and a line of code are each
    their own. The fences around code are left out.
    """
    block: list[str] = []
    fenced = False
    for line in text.splitlines(keepends=True):
        fence = _FENCE.match(line) is not None
        alone = fenced or fence or _OWN_LINE.match(line) or (block and re.match(r"\s*(?:#|\|)", block[-1]))
        if alone or not line.strip():
            yield from _whole(block)
            block = []
        fenced ^= fence
        if not fence:
            block.append(line)
    yield from _whole(block)


def _whole(block: Iterable[str]) -> Iterator[str]:
    if joined := "".join(block).strip():
        yield joined


def _split(text: str) -> Iterator[str]:
    start = 0
    for end in _SENTENCE_END.finditer(text):
        if not _ABBREVIATION.search(text[start : end.end()]):
            yield text[start : end.end()]
            start = end.end()
    yield text[start:]


# ---- reading and writing messages ------------------------------------------------------------------------------------
def _read_searches(searches: Iterable[ToolMessage]) -> Iterator[Found]:
    """The passages that the search tool returned, each once."""
    seen: set[int] = set()
    for search in searches:
        if not search.failed:
            result = json.loads(search.text)
            for row in result["passages"]:
                if row["marker"] not in seen:
                    seen.add(row["marker"])
                    passage = Passage(row["marker"], row["text"], row.get("title") or "", row.get("page"))
                    yield Found(passage, row.get("similarity"), result.get("answers"))


def _query_of(search: ToolMessage) -> str:
    try:
        return str(json.loads(search.call.arguments)["query"])
    except (ValueError, LookupError, TypeError):
        return ""


def _cause(search: ToolMessage) -> BaseException | None:
    return search.value if isinstance(search.value, BaseException) else None


def _in_pieces(text: str) -> Iterator[str]:
    words = re.findall(r"\s*\S+", text)
    for i in range(0, len(words), WORDS_PER_DELTA):
        yield "".join(words[i : i + WORDS_PER_DELTA])

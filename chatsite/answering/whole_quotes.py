"""Quotes that can be understood: sentences with what they need beside them, as Markdown with markers.

Each piece of a quote that stands before a marker is in its passage word for word, but for runs of white space.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from chatsite.answering.best_sentences import Found, Sentence
from chatsite.answering.passage_sentences import SentencedPassage
from chatsite.answering.question_parts import asks_for_list
from retrieval.text.blocks import BlockKind
from retrieval.text.terms import content_terms, terms

WORDS_MOST = 120  # of an answer, but for lists that were asked for
LIST_WORDS_MOST = 400
ROWS_MOST = 8  # of a table that a sentence introduces


@dataclass(frozen=True)
class WholeQuote:
    """Sentences `numbers` of a passage, in order."""

    marker: int
    within: SentencedPassage
    numbers: Sequence[int]

    @property
    def words(self) -> int:
        return sum(len(self.within.said(at).split()) for at in self.numbers)

    def with_numbers(self, more: Sequence[int]) -> WholeQuote:
        return WholeQuote(self.marker, self.within, sorted({*self.numbers, *more}))

    @property
    def markdown(self) -> str:
        """Return it as Markdown: paragraphs, lists, tables and code, with a marker behind each piece."""
        return "\n\n".join(self._pieces())

    def _pieces(self) -> Iterator[str]:
        for kind, run in groupby(self._runs(), key=lambda run: self._kind(run[0])):
            yield _WRITTEN.get(kind, WholeQuote._prose)(self, list(run))

    def _kind(self, at: int) -> BlockKind:
        kind = self.within.sentences[at].kind
        lead = self.within.lead(at)
        if kind is BlockKind.PARAGRAPH and lead in self.numbers and not self.within.is_prose(at):
            return BlockKind.CODE  # a command, as a page without fences shows it
        return kind

    def _runs(self) -> Iterator[list[int]]:
        """Yield neighbours together: sentences of prose that follow one another, the sentences of an item."""
        run: list[int] = []
        for before, at in pairwise([None, *self.numbers]):
            if at is None:
                continue
            if run and not (before == at - 1 and self._flows(at - 1, at)):
                yield run
                run = []
            run.append(at)
        if run:
            yield run

    def _flows(self, one: int, other: int) -> bool:
        before, after = self.within.sentences[one], self.within.sentences[other]
        if self.within.passage.text[before.end : after.start].strip():
            return False  # a picture, or a line of a table of contents
        if BlockKind.CODE in (self._kind(one), self._kind(other)):
            return False
        if BlockKind.ITEM in (before.kind, after.kind):
            return before.block == after.block
        return before.kind is not BlockKind.ROW and after.kind is not BlockKind.ROW

    def _said(self, run: Sequence[int]) -> str:
        """Return what stands from the first of these sentences to the end of the last, on one line."""
        first, last = self.within.sentences[run[0]], self.within.sentences[run[-1]]
        return " ".join(self.within.passage.text[first.start : last.end].split())

    def _prose(self, runs: list[list[int]]) -> str:
        return "\n\n".join(f"{self._said(run)} [{self.marker}]" for run in runs)

    def _list(self, runs: list[list[int]]) -> str:
        return "\n".join(f"{self.within.mark(run[0])} {self._said(run)} [{self.marker}]" for run in runs)

    def _table(self, runs: list[list[int]]) -> str:
        rows = [at for run in runs for at in run]
        header = self.within.header(rows[0])
        if header is None or len(rows) < 2:
            return "\n\n".join(f"{self.within.said(at)} [{self.marker}]" for at in rows)
        lines = [f"| {self.within.said(at)} [{self.marker}] |" for at in rows if at != header]
        columns = self.within.said(header)
        return "\n".join([f"| {columns} |", f"|{' --- |' * (columns.count('|') + 1)}", *lines])

    def _code(self, runs: list[list[int]]) -> str:
        numbers = [at for run in runs for at in run]
        first, last = self.within.sentences[numbers[0]], self.within.sentences[numbers[-1]]
        code = self.within.passage.text[first.start : last.end]
        fence = _FENCE
        while fence in code:
            fence += "`"
        return f"{fence}\n{code}\n{fence}\n[{self.marker}]"


_FENCE = "````"  # longer than what documents fence code with
_WRITTEN: dict[BlockKind, Callable[[WholeQuote, list[list[int]]], str]] = {
    BlockKind.ITEM: WholeQuote._list,
    BlockKind.ROW: WholeQuote._table,
    BlockKind.CODE: WholeQuote._code,
}


@dataclass(frozen=True)
class _Asked:
    """What is asked: its terms, those of its names, the language (ISO 639-1) they were taken in, and whether it is a
    list."""

    terms: frozenset[str]
    named: frozenset[str]
    language: str
    wants_list: bool

    def is_met(self, text: str) -> bool:
        """Return whether the text holds any of the terms."""
        return not self.terms.isdisjoint(content_terms(text, language=self.language))

    def holds(self, text: str) -> bool:
        """Return whether the text says nothing that isn't asked already."""
        return content_terms(text, language=self.language) <= self.terms


def whole_quotes(question: str, found: Found) -> list[WholeQuote]:
    """Return the sentences found with what each needs, the best first, as far as the answer stays short enough; those
    of one list or table together."""
    asked = _Asked(found.wanted, found.named, found.language, asks_for_list(question))
    quotes: list[WholeQuote] = []
    room = WORDS_MOST
    for sentence in found.sentences:
        numbers = sorted(set(_needed(sentence, asked, best=sentence is found.sentences[0])))
        quote = WholeQuote(sentence.marker, sentence.within, numbers)
        same = next((at for at, other in enumerate(quotes) if _belongs_to(quote, other)), None)
        grown = quotes[same].with_numbers(numbers) if same is not None else quote
        words = grown.words - (quotes[same].words if same is not None else 0)
        if quotes and words > room:
            continue
        room -= words
        quotes[slice(same, same + 1) if same is not None else slice(len(quotes), None)] = [grown]
    return quotes


def _belongs_to(quote: WholeQuote, other: WholeQuote) -> bool:
    """Return whether two quotes overlap, follow one another, or are of the same list or table."""
    if quote.within is not other.within:
        return False
    around = {near for at in other.numbers for near in (*quote.within.run_of(at), *quote.within.beside(at))}
    return not around.isdisjoint(quote.numbers)


def _needed(sentence: Sentence, asked: _Asked, *, best: bool) -> Iterator[int]:
    """Yield the numbers of the sentence and of what it can't be understood without."""
    within, at = sentence.within, sentence.at
    kind = within.sentences[at].kind
    run = within.run_of(at)
    lead = within.lead(run[0])
    if kind is BlockKind.ITEM:
        yield from _item(sentence, asked, best=best)
    elif kind is BlockKind.ROW:
        yield at
        header = within.header(at)
        yield from () if header is None else (header,)
    elif kind is BlockKind.CODE:
        yield from _shortened(run, at, within, WORDS_MOST)
    else:
        yield from _prose(sentence, asked)
        if lead is None or within.is_prose(at):
            return
    if lead is not None:
        yield lead


def _item(sentence: Sentence, asked: _Asked, *, best: bool) -> Iterator[int]:
    """Yield the whole list where one was asked for and this is it, or where the steps are numbered; else the item."""
    within, run = sentence.within, sentence.within.run_of(sentence.at)
    block = within.sentences[sentence.at].block
    lead = within.lead(run[0])
    about = f"{within.sentences[run[0]].above} {within.said(lead) if lead is not None else ''}"
    is_about = asked.is_met(about)
    is_asked = asked.wants_list and (is_about or (best and within.mark(sentence.at) != "-"))
    if is_asked and _words(within, run) <= (LIST_WORDS_MOST if is_about else WORDS_MOST):
        yield from run
    else:
        yield from (at for at in run if within.sentences[at].block == block)


def _prose(sentence: Sentence, asked: _Asked) -> Iterator[int]:
    """Yield the sentence, the one it points back to, what its colon promises, and the one behind a bare name."""
    within, at = sentence.within, sentence.at
    yield at
    before = within.needed_before(at)
    if before is not None:
        yield before
    promised = within.promised(at)
    if promised:
        yield from _of_promised(within, promised, asked)
    elif asked.holds(sentence.text) and (following := within.next_sentence(at)) is not None:
        yield following
        yield from within.promised(following)[:ROWS_MOST]


def _of_promised(within: SentencedPassage, promised: range, asked: _Asked) -> Iterator[int]:
    """Yield what a colon promises, as much as may be quoted; of a long table the rows that hold what is asked."""
    named = [at for at in promised if asked.named and asked.named <= terms(within.said(at), language=asked.language)]
    if named:  # of a list of error codes the one that is asked for
        header = within.header(named[0])
        yield from named if header is None else [header, *named]
    elif within.sentences[promised[0]].kind is BlockKind.ROW and len(promised) > ROWS_MOST:
        holding = [at for at in promised if asked.is_met(within.said(at))]
        yield from [promised[0], *holding][:ROWS_MOST]
    else:
        yield from _shortened(promised, promised[0], within, LIST_WORDS_MOST if asked.wants_list else WORDS_MOST)


def _shortened(run: range, at: int, within: SentencedPassage, most: int) -> range:
    """Return the run, or as much of it from number `at` on as has `most` words, at least that one."""
    if _words(within, run) <= most:
        return run
    end = at + 1
    while end < run.stop and _words(within, range(at, end + 1)) <= most:
        end += 1
    return range(at, end)


def _words(within: SentencedPassage, numbers: range) -> int:
    return sum(len(within.said(at).split()) for at in numbers)

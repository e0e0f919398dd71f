"""The model that answers by quoting, with no language model: it says the sentences that fit."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from agents import ModelEvent, Price, TextDelta
from agents.budget import FREE
from agents.tools.threads import in_own_thread
from chatsite.answering.best_sentences import Candidate, Closeness, best_sentences
from chatsite.answering.whole_quotes import whole_quotes
from retrieval.searching.names import Name, nearest_name

WORDS_PER_DELTA = 4


@dataclass(frozen=True, slots=True)
class ExtractiveModel:
    """Quotes what fits each question of `asked` from the candidates there are when it is asked. With `selection`, they
    are what the questions are about.

    `notice` opens each answer and says why it is only quotes; `declined` is said when nothing answers; `absent` says
    that a name stands nowhere, and which one is spelt most like it; `unanswered` that nothing answers a part of the
    question; `closest` introduces what hardly fits in a selection. With `closeness`, meaning counts beside words.
    """

    asked: Sequence[str]
    candidates: Callable[[], Sequence[Candidate]]
    notice: Callable[[], str]
    declined: str
    absent: Callable[[str, str], str]
    unanswered: Callable[[str], str]
    closest: str
    missing: Sequence[Name] = ()  # names in the questions that stand nowhere
    nothing: Sequence[str] = ()  # of several questions, those that nothing answers
    selection: bool = False
    closeness: Closeness | None = None
    name: str = "extractive"
    price: Price = FREE
    offline: bool = True  # so USE_MOCK_EXECUTION leaves it in its place

    async def stream(self, **request: Any) -> AsyncGenerator[ModelEvent]:
        answer = await in_own_thread(self.quoted) or self.declined  # to read for meaning takes a while
        for words in _in_pieces(f"{self.notice()}\n\n{answer}"):
            yield TextDelta(words)

    def quoted(self) -> str:
        """Return what answers each question that is asked, one after another: quotes with their markers, or the name
        that stands nowhere; empty when nothing does. Blocks while sentences are read for their meaning."""
        candidates = self.candidates()
        lines = (line for asked in self.asked for line in self._lines(asked, candidates))
        return "\n\n".join(dict.fromkeys(lines))

    def _lines(self, asked: str, candidates: Sequence[Candidate]) -> list[str]:
        texts = [f"{one.passage.title}\n{one.passage.text}" for one in candidates]
        if missing := [name for name in self.missing if name.written in asked]:
            return [self.absent(name.written, nearest_name(name, texts)) for name in missing]
        if asked in self.nothing:
            return [self.unanswered(asked.rstrip(" ?？.!"))]
        found = best_sentences(asked, candidates, selection=self.selection, closeness=self.closeness)
        quotes = [quote.markdown for quote in whole_quotes(asked, found)]
        unsure = [self.closest] if quotes and not found.sure else []
        return [*unsure, *quotes, *map(self.unanswered, found.unanswered)]


def _in_pieces(text: str) -> Iterator[str]:
    words = re.findall(r"\s*\S+", text)
    for i in range(0, len(words), WORDS_PER_DELTA):
        yield "".join(words[i : i + WORDS_PER_DELTA])

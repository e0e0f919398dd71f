"""The model that answers by quoting, with no language model: it says the sentences that fit."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from agents import ModelEvent, Price, TextDelta
from agents.budget import FREE
from chatsite.answering.best_sentences import Candidate, best_sentences
from retrieval.searching.names import Name, nearest_name

WORDS_PER_DELTA = 4


@dataclass(frozen=True, slots=True)
class ExtractiveModel:
    """Quotes what fits each question of `asked` from the candidates there are when it is asked. With `selection`, they
    are what the questions are about. `notice` opens each answer and says why it is only quotes; `declined` is said when
    nothing answers; `absent` says that a name stands nowhere, and which one is spelt most like it.
    """

    asked: Sequence[str]
    candidates: Callable[[], Sequence[Candidate]]
    notice: Callable[[], str]
    declined: str
    absent: Callable[[str, str], str]
    missing: Sequence[Name] = ()  # names in the questions that stand nowhere
    selection: bool = False
    name: str = "extractive"
    price: Price = FREE
    offline: bool = True  # so USE_MOCK_EXECUTION leaves it in its place

    async def stream(self, **request: Any) -> AsyncGenerator[ModelEvent]:
        answer = self.quoted() or self.declined
        for words in _in_pieces(f"{self.notice()}\n\n{answer}"):
            yield TextDelta(words)

    def quoted(self) -> str:
        """Return what answers each question that is asked, one after another: sentences with their markers, or the
        name that stands nowhere; empty when nothing does."""
        candidates = self.candidates()
        lines = (line for asked in self.asked for line in self._lines(asked, candidates))
        return "\n\n".join(dict.fromkeys(lines))

    def _lines(self, asked: str, candidates: Sequence[Candidate]) -> list[str]:
        texts = [f"{one.passage.title}\n{one.passage.text}" for one in candidates]
        if missing := [name for name in self.missing if name.written in asked]:
            return [self.absent(name.written, nearest_name(name, texts)) for name in missing]
        found = best_sentences(asked, candidates, selection=self.selection)
        return [f"{sentence.text} [{sentence.candidate.passage.marker}]" for sentence in found]


def _in_pieces(text: str) -> Iterator[str]:
    words = re.findall(r"\s*\S+", text)
    for i in range(0, len(words), WORDS_PER_DELTA):
        yield "".join(words[i : i + WORDS_PER_DELTA])

"""The model that answers by quoting, with no language model: it says the sentences that fit."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from agents import ModelEvent, Price, TextDelta
from agents.budget import FREE
from chatsite.answering.best_sentences import Candidate, best_sentences
from retrieval.text.asked import asked_in

WORDS_PER_DELTA = 4


@dataclass(frozen=True, slots=True)
class ExtractiveModel:
    """Quotes what fits `query` from the candidates there are when it is asked. With `selection`, they are what the
    query is about. `notice` opens each answer and says why it is only quotes; `declined` is said when nothing answers.
    """

    query: str
    candidates: Callable[[], Sequence[Candidate]]
    notice: Callable[[], str]
    declined: str
    selection: bool = False
    name: str = "extractive"
    price: Price = FREE
    offline: bool = True  # so USE_MOCK_EXECUTION leaves it in its place

    async def stream(self, **request: Any) -> AsyncGenerator[ModelEvent]:
        answer = self.quoted() or self.declined
        for words in _in_pieces(f"{self.notice()}\n\n{answer}"):
            yield TextDelta(words)

    def quoted(self) -> str:
        """Return the sentences that answer what is asked, one question after another, each with its marker; empty when
        none does."""
        candidates = self.candidates()
        found = (best_sentences(asked, candidates, selection=self.selection) for asked in asked_in(self.query))
        lines = (f"{sentence.text} [{sentence.candidate.passage.marker}]" for some in found for sentence in some)
        return "\n\n".join(dict.fromkeys(lines))


def _in_pieces(text: str) -> Iterator[str]:
    words = re.findall(r"\s*\S+", text)
    for i in range(0, len(words), WORDS_PER_DELTA):
        yield "".join(words[i : i + WORDS_PER_DELTA])

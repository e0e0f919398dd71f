"""The model that answers by quoting, with no language model: it searches, then says the sentences that fit."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from dataclasses import dataclass

from agents.budget import FREE, Price
from agents.errors import ToolFailed
from agents.events import TextDelta
from agents.messages import Message, Passage, ToolCall, ToolMessage, UserMessage
from agents.models.model import ModelEvent
from agents.models.settings import ModelSettings
from agents.output import Output
from agents.tools import Tool
from chatsite.answering.best_sentences import Candidate, best_sentences

SEARCH = "search"
DECLINED = "No passage that was found answers this question."
DECLINED_SELECTION = "The selected text does not answer this question."

WORDS_PER_DELTA = 4


@dataclass(frozen=True, slots=True)
class ExtractiveModel:
    """Calls the search tool like any model would, then quotes. `notice` opens each answer and says why it is only
    quotes; `declined` and `declined_selection` are said when nothing answers.
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
        settings: ModelSettings | None = None,
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
        found = [Candidate(passage) for passage in question.passages] + list(_read_searches(searches))
        quoted = best_sentences(query or question.text, found, selection=bool(question.passages))
        declined = self.declined_selection if question.passages else self.declined
        answer = "\n\n".join(f"{s.text} [{s.candidate.passage.marker}]" for s in quoted) or declined
        for words in _in_pieces(f"{self.notice}\n\n{answer}"):
            yield TextDelta(words)


def _read_searches(searches: Iterable[ToolMessage]) -> Iterator[Candidate]:
    """Yield the passages that the search tool returned, each once."""
    seen: set[int] = set()
    for search in searches:
        if not search.failed:
            result = json.loads(search.text)
            for row in result["passages"]:
                if row["marker"] not in seen:
                    seen.add(row["marker"])
                    passage = Passage(row["marker"], row["text"], row.get("title") or "", row.get("page"))
                    yield Candidate(passage, row.get("similarity"), result.get("answers"))


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

"""The site as an evaluation asks it: the searches and the quoted sentences of a real question, with nothing saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth import get_user_model

from chatsite.answering.assistant import DocumentSearch
from chatsite.answering.citations import strip_markers
from chatsite.answering.language_models import answering_models
from chatsite.asking.question import Question, searches
from chatsite.models import Conversation
from chatsite.reader import Reader
from retrieval.models import User
from retrieval.searching.search import Method, SearchResult, search


@dataclass(frozen=True)
class EvaluatedSite:
    """What `retrieval.evaluation.run.ask` measures, as `user` would have it."""

    user: User

    @classmethod
    def of_everybody(cls) -> EvaluatedSite:
        """Return the site as somebody sees it who may read every collection."""
        return cls(get_user_model()(is_active=True, is_superuser=True))

    def find(self, messages: Sequence[str], *, limit: int, method: Method | None = None) -> SearchResult:
        """Return what is found for the last of the messages, which follows those before it."""
        asked, follows = searches(messages)
        return search(messages[-1], user=self.user, limit=limit, method=method, asked=asked, follows=follows)

    def quote(self, messages: Sequence[str]) -> str:
        """Return the sentences that answer the last of the messages without a language model; empty when it is
        refused."""
        asked, follows = searches(messages)
        question = Question(Reader(self.user), Conversation(), messages[-1], asked=asked, follows=follows)
        found = DocumentSearch(question, passages={}, steps=[])
        found.first()
        models = answering_models(
            found.asked, found.candidates, missing=found.missing, unanswered=found.unanswered, mode=question.mode
        )
        quoted = models.extractive.quoted()
        answer = strip_markers(quoted)
        return answer if answer != quoted else ""

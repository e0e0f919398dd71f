"""The site as an evaluation asks it: the searches and the quoted sentences of a real question, with nothing saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth import get_user_model

from chatsite.answering.assistant import DocumentSearch
from chatsite.answering.citations import strip_markers
from chatsite.answering.language_models import answering_models
from chatsite.asking.question import Question, searches
from chatsite.models import Conversation, SavedQuestion
from chatsite.reader import Reader
from retrieval.errors import EvaluationSetError
from retrieval.evaluation.questions import JudgedQuestion, QuestionSet, Quote
from retrieval.models import User
from retrieval.searching.search import Method, SearchResult, search


def saved_questions() -> QuestionSet:
    """Return the questions that staff have saved, as far as a search can be measured on them: those whose place in a
    document is known, and those that nothing is to answer. Raises EvaluationSetError where there are none."""
    found = [one for saved in SavedQuestion.objects.order_by("pk") for one in _judged(saved)]
    if not found:
        raise EvaluationSetError("No question is saved whose place in a document is known, or that nothing answers.")
    return QuestionSet("saved questions", (), tuple(found))


def _judged(saved: SavedQuestion) -> list[JudgedQuestion]:
    if saved.expected == SavedQuestion.Expected.REFUSED:
        return [JudgedQuestion(saved.question)]
    if not saved.document_id or saved.end is None:
        return []
    place = Quote(str(saved.document_id), saved.start, saved.end, saved.quote)
    return [JudgedQuestion(saved.question, quotes=(place,))]


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

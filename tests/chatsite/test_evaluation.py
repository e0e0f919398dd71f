"""What an evaluation asks is what a reader gets, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chatsite.evaluation import EvaluatedSite
from chatsite.models import Conversation, Run
from retrieval.models import Collection, Document

Put = Callable[[Collection, str, str], Document]


@pytest.fixture
def site(put: Put, public: Collection) -> EvaluatedSite:
    put(public, "heron.md", "The Heron pump is oiled every week. Its seals are changed in June, by the caretaker.")
    put(public, "boiler.md", "The boiler of the house is serviced in May. Its filter is changed in October.")
    return EvaluatedSite.of_everybody()


def test_follow_up_is_searched_with_what_it_follows(site: EvaluatedSite) -> None:
    found = site.find(["How often is the Heron pump oiled?", "And when are its seals changed?"], limit=1)
    assert found.passages[0].title == "heron"
    assert "Heron" in found.asked[0]


def test_question_is_answered_with_sentences_without_their_markers(site: EvaluatedSite) -> None:
    answer = site.quote(["How often is the Heron pump oiled?"])
    assert answer.startswith("The Heron pump is oiled every week.")
    assert "[1]" not in answer


@pytest.mark.parametrize("question", ["What is the capital of Mongolia?", "What does error E1279 of the pump mean?"])
def test_refusal_is_no_answer(site: EvaluatedSite, question: str) -> None:
    assert site.quote([question]) == ""


def test_nothing_is_saved(site: EvaluatedSite) -> None:
    site.find(["How often is the Heron pump oiled?"], limit=5)
    site.quote(["How often is the Heron pump oiled?"])
    assert (Run.objects.count(), Conversation.objects.count()) == (0, 0)

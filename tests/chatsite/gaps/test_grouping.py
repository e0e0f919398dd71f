"""Questions that nothing answered come together with those that ask the same, and each is looked at once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from chatsite.gaps.grouping import AT_ONCE, REMEMBERED, group_new
from chatsite.models import Conversation, Feedback, Gap, GapQuestion, Run
from tests.configured import configured

pytestmark = pytest.mark.usefixtures("index")

SAME = [  # each row asks one thing
    [
        "How do I reset my password?",
        "I forgot my password, how can I get a new one?",
        "how to reset the password",
        "Where can I reset my password?",
    ],
    [
        "When is the canteen open?",
        "What are the opening hours of the canteen?",
        "until when is the canteen open",
        "Is the canteen open on Saturday?",
    ],
    [
        "How many days of parental leave do I get?",
        "How long is parental leave?",
        "What is the length of parental leave?",
        "parental leave how many days",
    ],
    [
        "Can I bring my dog to the office?",
        "Are dogs allowed in the office?",
        "May I take my dog to the office?",
        "Is it allowed to bring a dog into the office?",
    ],
]


def asked(question: str, *, days_ago: int = 0, **fields: Any) -> Run:
    values = {"mode": "retrieval", "state": "completed", "ended_at": timezone.now()} | fields
    run = Run.objects.create(conversation=Conversation.objects.create(), question=question, **values)
    Run.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(days=days_ago))
    return run


def groups() -> list[set[str]]:
    return [{asked.run.question for asked in gap.questions.select_related("run")} for gap in Gap.objects.order_by("pk")]


def test_the_same_in_other_words_is_one_gap_and_other_things_are_others() -> None:
    for column in zip(*SAME, strict=True):
        for question in column:
            asked(question)
    assert group_new() == 16
    row_of = {question: number for number, row in enumerate(SAME) for question in row}
    purest = [Counter(row_of[question] for question in group).most_common(1)[0][1] for group in groups()]
    assert sum(purest) == 16  # nothing stands among questions that ask something else
    assert len(groups()) <= 6


def test_where_no_model_makes_vectors_common_words_decide(tmp_path: Path) -> None:
    with configured(tmp_path / "words", embedding_model="none"):
        asked("When is the canteen open?")
        asked("Is the canteen open?")
        asked("How long is parental leave?")
        group_new()
    assert groups() == [{"When is the canteen open?", "Is the canteen open?"}, {"How long is parental leave?"}]
    assert {gap.space for gap in Gap.objects.all()} == {""}


def test_only_what_was_not_answered_or_badly_is_a_gap() -> None:
    asked("Answered?", answered=True)
    asked("Hello", small_talk="greeting")
    asked("In the selection?", mode="selected_text")
    asked("Failed?", state="failed")
    asked("Asked long ago?", days_ago=REMEMBERED.days + 1)
    asked("Asked again?", replaced_by=asked("Answered then?", answered=True))
    Feedback.objects.create(run=asked("Answered badly?", answered=True), helpful=False)
    Feedback.objects.create(run=asked("Answered well?", answered=True), helpful=True)
    asked("Not answered?")
    asked("Answered without a source?", unsupported="In May.", answer="Nothing answers it.")
    group_new()
    questions = set(GapQuestion.objects.values_list("run__question", flat=True))
    assert questions == {"Answered badly?", "Not answered?", "Answered without a source?"}


def test_each_question_is_looked_at_once_and_later_ones_join() -> None:
    asked("When is the canteen open?")
    assert (group_new(), group_new()) == (1, 0)
    asked("What are the opening hours of the canteen?")
    assert group_new() == 1
    assert len(groups()) == 1


def test_a_gap_that_was_dismissed_takes_further_questions_and_stays_so() -> None:
    asked("When is the canteen open?")
    group_new()
    Gap.objects.update(state=Gap.State.DISMISSED)
    asked("Is the canteen open today?")
    group_new()
    assert [gap.state for gap in Gap.objects.all()] == [Gap.State.DISMISSED]


def test_a_gap_without_questions_goes() -> None:
    run = asked("When is the canteen open?")
    group_new()
    run.conversation.delete()
    asked("How long is parental leave?")
    group_new()
    assert groups() == [{"How long is parental leave?"}]


def test_one_call_looks_at_so_many_and_the_next_goes_on() -> None:
    conversation = Conversation.objects.create()
    Run.objects.bulk_create(
        Run(conversation=conversation, mode="retrieval", question="Same?", state="completed", ended_at=timezone.now())
        for _ in range(AT_ONCE + 3)
    )
    assert (group_new(), group_new(), group_new()) == (AT_ONCE, 3, 0)


def test_vectors_of_another_model_are_not_compared() -> None:
    asked("When is the canteen open?")
    group_new()
    Gap.objects.update(space="another-model", vector=b"\\0" * 16)
    asked("When is the canteen open?")
    group_new()
    assert len(groups()) == 1  # by its words

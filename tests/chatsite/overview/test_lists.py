"""The admin's lists of conversations and feedback, and the grouping of questions: what a million rows must not cost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chatsite.gaps.grouping import group_new
from chatsite.models import Conversation, Feedback, Gap, GapQuestion, Run

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's plans"),
]


def asked(question: str, *, days_ago: int = 0) -> Run:
    run = Run.objects.create(
        conversation=Conversation.objects.create(title=question),
        mode="retrieval",
        question=question,
        state="completed",
        ended_at=timezone.now(),
    )
    Run.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(days=days_ago))
    return run


def plans_of(queries: CaptureQueriesContext, *, table: str) -> list[str]:
    """Return the steps of SQLite's plans for the queries that read from a table."""
    steps = []
    for query in queries.captured_queries:
        if f'FROM "{table}"' in query["sql"]:
            with connection.cursor() as cursor:
                cursor.execute("EXPLAIN QUERY PLAN " + query["sql"].replace("%", "%%"))
                steps += [str(row[3]) for row in cursor.fetchall()]
    return steps


@pytest.mark.parametrize("name", ["conversation", "feedback", "run"])
def test_list_is_read_in_its_order_and_not_sorted_whole(client: Client, name: str) -> None:
    client.force_login(User.objects.create_superuser("root"))
    Feedback.objects.create(run=asked("How is the pump cleaned?"), helpful=True)
    with CaptureQueriesContext(connection) as queries:
        page = client.get(f"/admin/chatsite/{name}/").content.decode()
    assert "How is the pump cleaned?" in page
    steps = plans_of(queries, table=f"chatsite_{name}")
    assert any(f"{name}_by_time" in step for step in steps)
    assert [step for step in steps if "TEMP B-TREE" in step] == []


def test_what_was_tried_is_looked_up_and_not_looked_for(client: Client) -> None:
    client.force_login(User.objects.create_superuser("root"))
    asked("How is the pump cleaned?")
    with CaptureQueriesContext(connection) as queries:
        client.get("/admin/chatsite/run/")
    steps = plans_of(queries, table="chatsite_run")
    looked_up = [step for step in steps if " U0" in step]
    assert len(looked_up) == 2  # for how many there are, and for those of the page
    assert all("INDEX conversation_tried" in step for step in looked_up)


def test_new_question_joins_the_gaps_of_these_days_alone_which_are_found_by_themselves() -> None:
    old, new = Gap.objects.create(question="Is the kettle safe?"), Gap.objects.create(question="Is the boiler safe?")
    GapQuestion.objects.create(gap=old, run=asked("Is the kettle safe?", days_ago=100))
    GapQuestion.objects.create(gap=new, run=asked("Is the boiler safe?", days_ago=3))
    for question in ("Is the kettle safe?", "Is the boiler safe?"):
        asked(question)
    with CaptureQueriesContext(connection) as queries:
        assert group_new() == 2
    assert (old.questions.count(), new.questions.count()) == (1, 2)
    assert any("CORRELATED" in step for step in plans_of(queries, table="chatsite_gap"))

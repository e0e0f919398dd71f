"""What questions have taken: one's own, and for the staff everybody's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from chatsite.models import Conversation, Run
from tests.chatsite.api.programs import Program

USAGE = "/api/v1/usage"


def answered(program: Program | None, user: User | None, *, model: str, tokens: int, days: int = 0) -> None:
    """Record a run of so many input and output tokens."""
    conversation = Conversation.objects.create(user=user, api_key=program.key if program else None, title="Tea")
    now = timezone.now()
    run = Run.objects.create(
        conversation=conversation, question="Tea?", model=model, state="completed", ended_at=now,
        usage={"input_tokens": tokens, "output_tokens": tokens} if tokens else {},
    )  # fmt: skip
    Run.objects.filter(pk=run.pk).update(created_at=now - timedelta(days=days))


@pytest.fixture
def asking(reader: User, settings: Any) -> Program:
    settings.OPENAI_BASE_URL = ""
    program = Program(reader)
    answered(program, reader, model="gpt-4.1-mini", tokens=1_000_000)
    answered(program, reader, model="gpt-4.1-mini", tokens=1_000_000)
    answered(program, reader, model="extractive", tokens=0)
    answered(program, reader, model="gpt-4.1-mini", tokens=10, days=2)
    answered(program, reader, model="gpt-4.1-mini", tokens=10, days=40)
    answered(None, reader, model="unheard-of", tokens=5)
    answered(None, None, model="extractive", tokens=0)
    return program


def test_key_counts_its_own_questions_by_day_and_model(asking: Program) -> None:
    body = asking.get(USAGE).json()
    today, before = (str(timezone.localdate() - timedelta(days=days)) for days in (0, 2))
    assert [(row["day"], row["model"], row["questions"], row["input_tokens"]) for row in body["rows"]] == [
        (before, "gpt-4.1-mini", 1, 10),
        (today, "extractive", 1, 0),
        (today, "gpt-4.1-mini", 2, 2_000_000),
    ]
    assert body["rows"][1]["cost"] == 0
    assert 1 < body["rows"][2]["cost"] < 20
    assert (body["questions"], body["output_tokens"]) == (4, 2_000_010)
    assert body["cost"] == pytest.approx(sum(row["cost"] for row in body["rows"]))


def test_session_counts_all_of_its_users(asking: Program, client: Client, reader: User) -> None:
    client.force_login(reader)
    body = client.get(USAGE).json()
    assert body["questions"] == 5
    assert body["cost"] is None  # nobody knows what one of the models costs
    day = str(timezone.localdate() - timedelta(days=2))
    assert client.get(USAGE, {"since": day, "until": day}).json()["questions"] == 1


def test_staff_who_may_view_runs_count_everybodys(asking: Program, client: Client) -> None:
    staff = User.objects.create_user("staff", is_staff=True)
    client.force_login(staff)
    assert client.get(USAGE, {"by": "user"}).status_code == 403
    staff.user_permissions.add(Permission.objects.get(codename="view_run"))
    assert Program(staff).get(USAGE, by="user").status_code == 403
    by_user = client.get(USAGE, {"by": "user"}).json()["rows"]
    assert [(row["user"], row["model"], row["questions"]) for row in by_user if row["user"]] == [
        ("reader", "extractive", 1), ("reader", "gpt-4.1-mini", 3), ("reader", "unheard-of", 1),
    ]  # fmt: skip
    by_key = client.get(USAGE, {"by": "key"}).json()["rows"]
    assert sum(row["questions"] for row in by_key if row["key"] == f"robot ({asking.key.hint}…)") == 4


def test_stranger_has_no_usage(client: Client, db: None) -> None:
    assert client.get(USAGE).status_code == 401


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"since": "2025-02-01", "until": "2025-01-01"}, "until"),
        ({"since": ""}, "since"),
        ({"since": "yesterday"}, "since"),
        ({"by": "month"}, "by"),
        ({"user": "reader"}, "user"),
    ],
)
def test_bad_parameter_is_named(asking: Program, parameters: Any, field: str) -> None:
    response = asking.get(USAGE, **parameters)
    assert (response.status_code, list(response.json()["details"])) == (400, [field])


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_first_and_last_day_there_are_can_be_asked_for(asking: Program, day: str) -> None:
    assert asking.get(USAGE, since=day, until=day).json()["questions"] == 0
    assert asking.get(USAGE, until=day).status_code == 200

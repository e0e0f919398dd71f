"""Hooks of a project: what they may do to a question and its answer, and that a broken one spoils nothing."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.test import Client

from chatsite.answering import kept
from chatsite.assistants.hooks import (
    AddNote,
    ChangeQuestion,
    HookedAnswer,
    HookedQuestion,
    Refuse,
    Withhold,
    after_answer,
    before_answer,
    withdraw,
)
from chatsite.models import Conversation, EmbedSite, Run
from chatsite.signals import answer_given, answer_refused, question_asked
from retrieval.models import Collection
from tests.chatsite.api.test_chat_query import events
from tests.chatsite.assistants.test_asking import QUESTION, ask
from tests.fakes.chat_server import ChatServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("site")]

Register = Callable[..., None]


@pytest.fixture
def register() -> Iterator[Register]:
    """Register hooks until the test ends."""
    registered: list[Any] = []

    def one(how: Any, hook: Any, **options: Any) -> None:
        registered.append((how(**options) if options else how)(hook))

    yield one
    for hook in registered:
        withdraw(hook)


def refuse(question: HookedQuestion) -> Refuse:
    return Refuse("Ask the **office** about that.")


def withhold(question: HookedQuestion, answer: HookedAnswer) -> Withhold:
    return Withhold("This is not told here.")


async def note(question: HookedQuestion, answer: HookedAnswer) -> AddNote:
    await asyncio.sleep(0)
    return AddNote(f"Cited: {len(answer.quotes)}.")


def broken(*given: Any) -> None:
    raise RuntimeError("a fault of the project's own")


def wrong(*given: Any) -> str:
    return "nonsense"


async def hangs(*given: Any) -> None:
    await asyncio.sleep(3600)


def streamed(client: Client, **body: Any) -> tuple[str, dict[str, Any], list[str]]:
    """Return the text that was told, the last event, and the names of all."""
    told = events(ask(client, stream=True, **body))
    return "".join(body["text"] for name, body in told if name == "text"), told[-1][1], [name for name, _ in told]


def test_hook_before_refuses_with_a_message(client: Client, register: Register) -> None:
    register(before_answer, refuse)
    body = ask(client).json()
    assert (body["answer"], body["answered"]) == ("Ask the **office** about that.", False)
    assert (body["sources"], body["citations"], body["unsupported"], body["model"]) == ([], [], "", "")
    run = Run.objects.get()
    assert (run.state, run.question, run.steps) == ("completed", QUESTION, [])
    text, end, names = streamed(client)
    assert (text, end["answer"]) == (body["answer"], body["answer"])
    assert names == ["run", "text", "done"]
    assert "<strong>office</strong>" in client.get(f"/runs/{run.pk}/").content.decode()


def test_hook_before_changes_text_and_adds_instructions(client: Client, register: Register, settings: Any) -> None:
    async def spell(question: HookedQuestion) -> ChangeQuestion:
        return ChangeQuestion(text=question.text.replace("brew", "pour the tea"), instructions="Say please.")

    def second(question: HookedQuestion) -> ChangeQuestion:
        assert question.text != question.asked
        return ChangeQuestion(instructions="Say thanks.")

    register(before_answer, spell)
    register(before_answer, second)
    with ChatServer() as model:
        settings.OPENAI_BASE_URL, settings.CHAT_MODELS = model.url, ["tiny"]
        body = ask(client, query="How long do I wait before I brew?").json()
    system, user = (message["content"] for message in model.requests[-1].body["messages"])
    assert system.endswith("Say please.\nSay thanks.")
    assert "How long do I wait before I pour the tea?" in user
    assert body["answered"]
    assert Run.objects.get().question == "How long do I wait before I brew?"


def test_hooks_are_told_who_asks_what(client: Client, register: Register) -> None:
    told: list[Any] = []

    def listen(question: HookedQuestion, *answer: HookedAnswer) -> None:
        told.append((question, *answer))

    register(before_answer, listen)
    register(after_answer, listen)
    user = User.objects.create_user("eva")
    client.force_login(user)
    body = ask(client, agent="kitchen").json()
    (before,), (_, answer) = told
    assert (before.text, before.agent, before.user, before.mode) == (QUESTION, "kitchen", user, "retrieval")
    assert (str(before.run_id), str(before.conversation_id)) == (body["run_id"], body["session_id"])
    assert (answer.text, answer.answered) == (body["answer"], True)
    assert answer.quotes == ("Wait four minutes before you pour the tea.",)
    assert answer.document_ids == (body["sources"][0]["document_id"],)


def test_visitor_of_an_embedded_site_is_nobody_to_a_hook(site: Collection, register: Register) -> None:
    told: list[HookedQuestion] = []
    register(before_answer, told.append)
    reader = User.objects.create_user("eva", is_staff=True)
    partner = EmbedSite.objects.create(name="Partner", origins="https://www.example.org", reader=reader)
    partner.collections.add(site)
    headers = {"authorization": f"Bearer {partner.token}", "origin": "https://www.example.org"}
    body = json.dumps({"query": QUESTION})
    assert (
        Client().post("/api/v1/chat/query", body, content_type="application/json", headers=headers).json()["answered"]
    )
    assert [question.user.is_anonymous for question in told] == [True]


def test_hook_after_adds_a_note(client: Client, register: Register) -> None:
    plain = ask(client).json()["answer"]
    register(after_answer, note)
    body = ask(client).json()
    assert body["answer"] == f"{plain}\n\nCited: 1."
    assert body["answered"]
    assert len(body["citations"]) == 1
    text, end, names = streamed(client)
    assert text.strip() == end["answer"] == body["answer"]
    assert end["citations"] == [citation | {"url": end["citations"][0]["url"]} for citation in body["citations"]]
    assert names.index("tool_result") < names.index("sources") < names.index("text")


@pytest.mark.parametrize("keep", [False, True])
def test_what_is_withheld_is_told_to_nobody_and_kept_nowhere(client: Client, register: Register, keep: bool) -> None:
    register(after_answer, withhold)
    client.force_login(User.objects.create_user("eva"))
    response = ask(client, stream=True, keep=keep)
    sent = b"".join(response.streaming_content).decode()
    kept.join(60)
    assert "four minutes" not in sent
    assert "This is not told here." in sent
    run = Run.objects.get()
    assert (run.answer, run.answered, run.unsupported, run.sources) == ("This is not told here.", False, "", [])
    assert not run.citations.exists()
    assert "four minutes" not in client.get(f"/c/{Conversation.objects.get().pk}/").content.decode()


def test_withheld_and_refused_answers_are_told_as_refused(client: Client, register: Register) -> None:
    told: list[str] = []
    receivers = []
    for name, signal in (("asked", question_asked), ("given", answer_given), ("refused", answer_refused)):

        def receive(name: str = name, **_: Any) -> None:
            told.append(name)

        signal.connect(receive, weak=False)
        receivers.append((signal, receive))
    register(after_answer, withhold)
    ask(client)
    register(before_answer, refuse)
    ask(client)
    for signal, receive in receivers:
        signal.disconnect(receive)
    assert told == ["asked", "refused", "asked", "refused"]


@pytest.mark.parametrize("hook", [broken, wrong])
def test_broken_hook_is_named_in_the_log_and_the_answer_is_given(
    client: Client, register: Register, caplog: pytest.LogCaptureFixture, hook: Any
) -> None:
    register(before_answer, hook)
    register(after_answer, hook)
    with caplog.at_level(logging.ERROR):
        body = ask(client).json()
    assert body["answered"]
    name = f"hook {__name__}.{hook.__name__} failed"
    assert [record.getMessage() for record in caplog.records if "hook" in record.getMessage()] == [name, name]


def test_required_hook_that_is_broken_refuses_or_withholds(client: Client, register: Register) -> None:
    register(after_answer, broken, required=True)
    assert ask(client).json()["answer"] == "This question can’t be answered now. Try again later."
    withdraw(broken)
    register(before_answer, broken, required=True)
    body = ask(client).json()
    assert (body["answer"], body["sources"]) == ("This question can’t be answered now. Try again later.", [])


def test_async_hook_that_hangs_is_ended(client: Client, register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatsite.assistants.hooks.ASYNC_SECONDS", 0.05)
    register(before_answer, hangs)
    assert ask(client).json()["answered"]


def test_settings_name_hooks_and_a_check_what_is_wrong_with_them(
    client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("shop_hooks")
    module.refuse, module.number = refuse, 3  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "shop_hooks", module)
    settings.DOCCHAT = {"BEFORE_ANSWER": ["gone.hook", "shop_hooks.number", "shop_hooks.refuse"], "AFTER_ANSWER": "x"}
    assert ask(client).json()["answer"] == "Ask the **office** about that."
    found = [message.msg for message in run_checks(tags=["agents"]) if message.id == "chatsite.E011"]
    assert found == [
        "DOCCHAT[\"BEFORE_ANSWER\"]: gone.hook: No module named 'gone'",
        'DOCCHAT["BEFORE_ANSWER"]: shop_hooks.number: shop_hooks.number can\'t be called',
        "DOCCHAT[\"AFTER_ANSWER\"]: must be a list of dotted names, not 'x'.",
    ]


def test_answer_that_is_cut_short_is_not_kept_where_hooks_would_see_it(client: Client, register: Register) -> None:
    register(after_answer, note)
    response = ask(client, stream=True)
    next(iter(response.streaming_content))
    response.close()
    run = Run.objects.get()
    assert (run.state, run.answer) == ("cancelled", "")


def test_small_talk_is_asked_no_hook_about(client: Client, register: Register) -> None:
    register(before_answer, refuse)
    assert ask(client, query="Hello!").json()["small_talk"] == "greeting"


def test_place_is_released_however_it_ends(client: Client, register: Register, settings: Any) -> None:
    settings.RUNS_PER_PROCESS = 2
    register(before_answer, refuse)
    for _ in range(4):
        assert ask(client).status_code == 200
        streamed(client)
    assert json.loads(ask(client).content)["answered"] is False

"""A published workflow that answers in the chat: its steps, its citations, what it can't do, how it ends."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from agents import Registry
from chatsite.answering.telling import Event, RowEntries
from chatsite.asking.question import Trial
from chatsite.asking.request import question_of
from chatsite.asking.trials import fields_of_text
from chatsite.assistants.workflow_input import WorkflowUnfit, taking_input
from chatsite.errors import AnswerError
from chatsite.models import PromptVersion, Run, Share, WorkflowRun
from chatsite.reader import TrialReader
from chatsite.workflows import running
from retrieval.models import Collection
from tests.chatsite.api.test_chat_query import events
from tests.chatsite.assistants.test_asking import ask
from tests.chatsite.workflows.flows import made
from tests.fakes.chat_server import ChatServer, text

pytestmark = pytest.mark.django_db(transaction=True)  # a run has a thread and a connection of its own

ASK = """\
inputs:
  question: {description: what is asked}
steps:
  find: {tool: search_documents, with: {query: "${inputs.question}"}}
  answer: {tool: ask_documents, with: {question: "${inputs.question}"}, needs: [find]}
"""
SUM = """\
inputs:
  question: {description: what is asked}
steps:
  find: {tool: search_documents, with: {query: "${inputs.question}"}}
  digest: {agent: summariser, prompt: "Summarise: ${steps.find.output}"}
"""
PAUSE = "inputs:\n  question: {}\nsteps:\n  pause: {function: pause}\n"
FAILS = (
    "inputs:\n  question: {}\nsteps:\n  find: {tool: search_documents, with: {query: tea, collections: [nowhere]}}\n"
)

opened = threading.Event()
project = Registry()


@project.function(thread_sensitive=False)
def pause() -> str:
    """Wait until the test lets it go on."""
    opened.wait(60)
    return "went on"


@pytest.fixture(autouse=True)
def data(settings: Any, tmp_path: Path, site: Collection) -> Iterator[None]:
    settings.DATA_DIR = tmp_path
    opened.clear()
    yield
    opened.set()
    running.join(60)


def publish(settings: Any, text: str, **options: Any) -> None:
    made(text).versions.create(number=1, text=text)
    settings.DOCCHAT = {"AGENTS": {"flow": {"workflow": "tea"} | options}}


def test_answer_cites_what_its_steps_have_found(client: Client, settings: Any) -> None:
    publish(settings, ASK)
    body = ask(client, agent="flow").json()
    assert body["answered"], body
    assert "Wait four minutes" in body["answer"]
    assert [citation["quote"] for citation in body["citations"]] == ["Wait four minutes before you pour the tea."]
    run = Run.objects.get(agent="flow")
    assert (run.state, run.answered, run.model) == ("completed", True, "")
    assert [step["step"] for step in run.steps] == ["find", "answer"]
    flow = WorkflowRun.objects.get()
    assert (flow.state, flow.inputs["question"]) == ("completed", "How long do I wait before I pour the tea?")
    page = client.get(f"/runs/{run.pk}/").content.decode()
    assert "Step “answer”." in page
    assert "Answered by a workflow." in page


def test_steps_are_told_while_it_runs(client: Client, settings: Any) -> None:
    publish(settings, ASK)
    told = events(ask(client, agent="flow", stream=True))
    called = [json.loads(body["arguments"])["step"] for name, body in told if name == "tool_call"]
    assert called == ["find", "answer"]
    assert [name for name, _ in told].count("tool_result") == 2
    assert told[-1][0] == "done"
    assert told[-1][1]["answered"]
    entries = list(RowEntries().fresh(Run.objects.prefetch_related("citations").get(agent="flow")))
    again = [(entry.name, entry.body) for entry in entries if isinstance(entry, Event)]
    kept = [(name, body) for name, body in told if name in ("tool_call", "tool_result")]
    assert sorted(map(str, again)) == sorted(map(str, kept))  # whoever follows it in another process is told the same


def test_agents_of_a_workflow_cite_by_the_markers_of_passages(client: Client, settings: Any) -> None:
    publish(settings, SUM)
    with ChatServer() as server:
        server.script(text("You wait four minutes [1]."))
        settings.OPENAI_BASE_URL, settings.CHAT_MODELS = server.url, ["tiny"]
        body = ask(client, agent="flow").json()
    assert body["answered"], body
    assert body["answer"] == "You wait four minutes [1]."
    assert '"marker": 1' in json.dumps(server.requests[0].body["messages"]).replace('\\"', '"')


def test_text_that_no_citation_supports_is_no_answer(client: Client, settings: Any) -> None:
    publish(settings, SUM)
    with ChatServer() as server:
        server.script(text("You wait an hour."))
        settings.OPENAI_BASE_URL, settings.CHAT_MODELS = server.url, ["tiny"]
        body = ask(client, agent="flow").json()
    assert (body["answered"], body["unsupported"]) == (False, "You wait an hour.")
    assert "an hour" not in body["answer"]


def test_its_searches_stay_in_the_collections_of_the_agent(client: Client, settings: Any, site: Collection) -> None:
    publish(settings, ASK, collections=["harbour"])
    body = ask(client, agent="flow").json()
    assert not body["answered"]
    assert {source["title"] for source in body["sources"]} <= {"Ships"}


def test_workflow_that_fails_is_an_error_that_is_recorded(client: Client, settings: Any) -> None:
    publish(settings, FAILS)
    failed = ask(client, agent="flow")
    assert (failed.status_code, failed.json()["error"]) == (502, "workflow_failed")
    assert (Run.objects.get().state, Run.objects.get().error) == ("failed", "workflow_failed")


def test_reader_who_leaves_ends_it(client: Client, settings: Any) -> None:
    settings.WORKFLOW_REGISTRY = f"{__name__}.project"
    publish(settings, PAUSE)
    response = ask(client, agent="flow", stream=True)
    pieces = iter(response.streaming_content)
    while b"tool_call" not in next(pieces):
        pass
    response.close()
    assert Run.objects.get().state == "cancelled"
    running.join(60)
    assert WorkflowRun.objects.get().state == "cancelled"


def test_one_reader_runs_two_at_once(client: Client, settings: Any) -> None:
    settings.WORKFLOW_REGISTRY = f"{__name__}.project"
    publish(settings, PAUSE)
    responses = [ask(client, agent="flow", stream=True) for _ in range(2)]
    for response in responses:
        pieces = iter(response.streaming_content)
        while b"tool_call" not in next(pieces):
            pass
    busy = ask(client, agent="flow")
    assert (busy.status_code, busy.json()["error"]) == (503, "workflow_busy")
    for response in responses:
        response.close()
    opened.set()
    assert ask(client, agent="flow").json()["unsupported"] == "went on"


def orders_of(user: Any) -> Registry:
    """Make the project's registry for a user."""
    registry = Registry()

    @registry.function
    def order() -> str:
        """Look up the order of the user."""
        return f"The parcel of {user} goes to Main Street 5."

    return registry


def test_what_is_looked_up_for_its_reader_is_told_to_nobody_else(client: Client, settings: Any) -> None:
    settings.WORKFLOW_REGISTRY = f"{__name__}.orders_of"
    client.force_login(User.objects.create_user("fox"))
    publish(settings, "inputs:\n  question: {}\nsteps:\n  look: {function: order}\n")
    body = ask(client, agent="flow").json()
    assert "The parcel of fox" in body["unsupported"], body
    client.post(f"/c/{body['session_id']}/share/")
    other = Client()
    other.force_login(User.objects.create_superuser("root"))
    page = other.get(f"/shared/{Share.objects.get().token}/").content.decode()
    assert "This answer was looked up for its reader only." in page
    assert "Main Street" not in page
    assert "Main Street" not in other.get(f"/admin/chatsite/run/{body['run_id']}/change/").content.decode()
    assert "Main Street" in client.get(f"/c/{body['session_id']}/").content.decode()


@pytest.mark.parametrize("registry", ["orders_of", "project", ""])
def test_what_its_searches_find_is_not_its_readers_alone(client: Client, settings: Any, registry: str) -> None:
    settings.WORKFLOW_REGISTRY = f"{__name__}.{registry}" if registry else ""
    publish(settings, ASK)
    ask(client, agent="flow")
    assert not Run.objects.get(agent="flow").personal


def test_staff_who_try_it_run_none_that_is_not_theirs_to_ask(client: Client, settings: Any) -> None:
    publish(settings, ASK, groups=["Staff"])
    looker = User.objects.create_user("looker")
    trial = Trial(PromptVersion(agent="flow"), agent="flow")
    with pytest.raises(AnswerError, match="no agent"):
        question_of(TrialReader(looker), fields_of_text("Tea?"), trial=trial)
    looker.groups.add(Group.objects.create(name="Staff"))
    assert question_of(TrialReader(looker), fields_of_text("Tea?"), trial=trial).agent.workflow == "tea"
    settings.DOCCHAT["AGENTS"]["flow"]["groups"] = []
    del settings.DOCCHAT["AGENTS"]["flow"]["workflow"]
    assert question_of(TrialReader(looker), fields_of_text("Tea?"), trial=trial).agent.name == "flow"


def test_greeting_runs_nothing(client: Client, settings: Any) -> None:
    publish(settings, ASK)
    assert ask(client, agent="flow", query="Hello!").json()["small_talk"] == "greeting"
    assert not WorkflowRun.objects.exists()


@pytest.mark.parametrize("field", ["selected_text", "document_ids", "languages", "since"])
def test_what_narrows_a_search_is_refused(client: Client, settings: Any, field: str) -> None:
    publish(settings, ASK)
    value: Any = {"selected_text": "tea", "document_ids": [1], "languages": ["en"], "since": "2024-01-01"}[field]
    refused = ask(client, agent="flow", **{field: value})
    assert (refused.status_code, list(refused.json()["details"])) == (400, [field])


def test_agent_whose_workflow_is_gone_says_so(client: Client, settings: Any) -> None:
    settings.DOCCHAT = {"AGENTS": {"flow": {"workflow": "nowhere"}}}
    refused = ask(client, agent="flow")
    assert (refused.status_code, refused.json()["error"]) == (503, "agent_unfit")
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("inputs", "takes"),
    [
        ("question: {}", "question"),
        ("topic: {}", "topic"),
        ("topic: {default: tea}, query: {default: tea}", "query"),
        ("limit: {default: 3}, topic: {default: tea}", "topic"),
    ],
)
def test_question_goes_to_the_input_that_takes_it(inputs: str, takes: str) -> None:
    assert taking_input(f"inputs: {{{inputs}}}\nsteps: {{}}\n") == takes


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("inputs: {limit: {default: 3}}\nsteps: {}\n", "has no input that takes a text"),
        ("inputs: {a: {}, b: {}}\nsteps: {}\n", "It needs a, b, and a chat has only the question"),
        ("inputs: {a: {}}\nsteps:\n  check: {person: approve, prompt: ok}\n", "step “check” waits for a person"),
        ("inputs: [", "workflow"),
    ],
)
def test_workflow_that_can_not_answer_is_told_why(said: str, fault: str) -> None:
    with pytest.raises(WorkflowUnfit, match=fault):
        taking_input(said)

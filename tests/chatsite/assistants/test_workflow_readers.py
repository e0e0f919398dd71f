"""Whose a run is that answers in the chat: who sees it, as whom it goes on, and what becomes of it in the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agents import Registry, tool
from chatsite.models import ApiKey, Conversation, EmbedSite, PromptEvaluation, PromptVersion, Run, WorkflowRun
from chatsite.prompts.evaluating import evaluate
from chatsite.reader import TrialReader, visitor_of
from chatsite.workflows import running
from chatsite.workflows.records import folder_of
from chatsite.workflows.registry import registry_for
from retrieval.models import Collection, Document
from tests.chatsite.assistants.test_asking import QUESTION, ask
from tests.chatsite.prompts.staff import client_of, saved, staff
from tests.chatsite.workflows.flows import made

pytestmark = pytest.mark.django_db(transaction=True)  # a run has a thread and a connection of its own

LATER = """\
inputs:
  question: {description: what is asked}
steps:
  first: {tool: search_documents, with: {query: "${inputs.question}"}}
  begin: {function: begin, needs: [first]}
  find: {tool: search_documents, with: {query: "${inputs.question} board"}, needs: [begin]}
"""
LOOK = "inputs:\n  question: {}\nsteps:\n  look: {function: order}\n"

opened = threading.Event()
project = Registry()
done: list[str] = []


@project.function
def begin() -> str:
    """Fail until the test lets it go on."""
    if not opened.is_set():
        raise RuntimeError("not yet")
    return "begun"


@project.tool
@tool
def send_mail(to: str) -> str:
    """Write to somebody."""
    done.append(to)
    return "sent"


def orders_of(user: Any) -> Registry:
    """Make the project's registry for a user."""
    registry = Registry()
    registry.function(lambda: f"The parcel of {user or 'nobody'} goes to Main Street 5.", name="order")
    return registry


@pytest.fixture(autouse=True)
def data(settings: Any, tmp_path: Path, site: Collection, put: Any) -> Iterator[None]:
    settings.DATA_DIR = tmp_path
    settings.WORKFLOW_REGISTRY = f"{__name__}.project"
    User.objects.create_superuser("root")
    board = Collection.objects.create(name="Board", slug="board", owner=User.objects.create_user("owner"))
    put(board, "secret.md", "How long do I wait before I pour the tea of the board? It is dear.")
    opened.clear(), done.clear()
    yield
    opened.set()
    running.join(20)


def publish(settings: Any, text: str, **options: Any) -> None:
    made(text).versions.create(number=1, text=text)
    settings.DOCCHAT = {"AGENTS": {"flow": {"workflow": "tea"} | options}}


@pytest.fixture
def askers(client: Client) -> dict[str, Client]:
    """Return clients of all kinds. Whoever stands behind a key or an embedded site may read the board, they may not."""
    owner = User.objects.get(username="owner")
    key = ApiKey.objects.create(user=owner, name="robot", digest=ApiKey.digest_of("dc_robot"))
    partner = EmbedSite.objects.create(name="Partner", origins="https://partner.example", reader=owner)
    for limited in (key, partner):
        limited.collections.set(Collection.objects.filter(slug__in=["handbook", "harbour"]))
    return {
        "browser": Client(),
        "account": client_of(User.objects.create_user("fox")),
        "key": Client(headers={"Authorization": "Bearer dc_robot"}),
        "site": Client(headers={"Authorization": f"Bearer {partner.token}"}),
    }


def act(run: WorkflowRun, action: str, *, by: str = "root") -> str:
    """Have one of the staff do something with a run, wait for it, and return what the admin says."""
    path = f"/admin/chatsite/workflowrun/{run.pk}/act/"
    said = client_of(User.objects.get(username=by)).post(path, {"action": action}, follow=True).content.decode()
    running.join(30)
    run.refresh_from_db()
    return said


def titles(run: WorkflowRun) -> set[str]:
    return {passage["title"] for passage in run.output or ()}


def failed_run(settings: Any, asker: Client, **options: Any) -> WorkflowRun:
    """Return a run that has failed half-way, and would go on by now."""
    publish(settings, LATER, **options)
    assert ask(asker, agent="flow").json()["error"] == "workflow_failed"
    opened.set()
    run = WorkflowRun.objects.get()
    assert (run.state, run.found != []) == ("failed", True)
    return run


# ---- as whom it goes on ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["browser", "account", "key", "site"])
def test_run_goes_on_with_the_rights_of_who_asked(askers: dict[str, Client], settings: Any, name: str) -> None:
    run = failed_run(settings, askers[name])
    act(run, "resume")
    assert (run.state, run.error) == ("completed", "")
    assert "Tea" in titles(run)
    assert Document.objects.get(collection__slug="board").pk not in run.found


def test_run_goes_on_in_the_collections_of_its_agent(askers: dict[str, Client], settings: Any) -> None:
    run = failed_run(settings, askers["account"], collections=["handbook"])
    assert run.within == ["handbook"]
    act(run, "resume")
    assert titles(run) == {"Tea"}


ENDED: list[tuple[str, Callable[[Any], object], str]] = [
    ("site", lambda settings: EmbedSite.objects.update(active=False), "The embedded site that this run was started on"),
    ("site", lambda settings: EmbedSite.objects.get().collections.clear(), "No such collection: handbook"),
    ("browser", lambda settings: setattr(settings, "ANONYMOUS_CHAT", False), "may not ask any more"),
    ("browser", lambda settings: Collection.objects.update(public=False), "may not read any more"),
    ("account", lambda settings: User.objects.filter(username="fox").update(is_active=False), "may not ask any more"),
    ("account", lambda settings: Run.objects.update(state="cancelled"), "has stopped the answer"),
    ("account", lambda settings: settings.DOCCHAT["AGENTS"]["flow"].update(groups=["Staff"]), "There is no agent"),
    ("account", lambda settings: settings.DOCCHAT["AGENTS"]["flow"].update(workflow=""), "answered in another way"),
    ("key", lambda settings: ApiKey.objects.update(revoked=True), "The API key that this run was started with"),
    ("key", lambda settings: ApiKey.objects.get().collections.clear(), "No such collection: handbook"),
]


@pytest.mark.parametrize(("name", "end", "said"), ENDED)
def test_run_does_not_go_on_once_the_rights_of_who_asked_have_ended(
    askers: dict[str, Client], settings: Any, name: str, end: Callable[[Any], object], said: str
) -> None:
    run = failed_run(settings, askers[name])
    end(settings)
    for action in ("resume", "replay"):
        assert said in act(run, action).replace("&#x27;", "'"), action
    assert run.state == "failed"


def test_agent_that_searches_less_by_now_lets_its_run_search_no_more(askers: dict[str, Client], settings: Any) -> None:
    run = failed_run(settings, askers["account"])
    settings.DOCCHAT["AGENTS"]["flow"]["collections"] = ["harbour"]
    act(run, "resume")
    assert "Tea" not in titles(run)


def test_who_signs_in_later_is_not_who_asked(askers: dict[str, Client], settings: Any) -> None:
    run = failed_run(settings, askers["browser"])
    Conversation.objects.update(user=User.objects.get(username="owner"), browser="")
    assert "may not ask any more" in act(run, "resume")


def test_project_makes_its_registry_for_the_visitor_and_not_for_the_account_of_the_site(
    askers: dict[str, Client], settings: Any
) -> None:
    settings.WORKFLOW_REGISTRY = f"{__name__}.orders_of"
    site = visitor_of(EmbedSite.objects.get())
    assert "owner" in str(site.user)
    order = registry_for(site).functions["order"].function
    assert "owner" not in order()


# ---- who sees it -----------------------------------------------------------------------------------------------------
def test_what_readers_ask_is_seen_by_staff_who_may_look_at_questions(askers: dict[str, Client], settings: Any) -> None:
    run = failed_run(settings, askers["account"])
    act(run, "resume")
    runs_alone = client_of(staff("runs", "view_workflowrun", "view_workflow", "run_workflow"))
    questions_too = client_of(staff("questions", "view_workflowrun", "view_workflow", "view_run"))
    page, events = f"/admin/chatsite/workflowrun/{run.pk}/change/", f"/admin/chatsite/workflowrun/{run.pk}/events/"
    listed, designer = "/admin/chatsite/workflowrun/", f"/admin/chatsite/workflow/{run.workflow_id}/change/"
    assert str(run.pk) not in runs_alone.get(listed).content.decode()
    assert str(run.pk) not in runs_alone.get(designer).content.decode()
    assert QUESTION not in runs_alone.get(page, follow=True).content.decode()
    assert runs_alone.get(events).status_code == 404
    assert runs_alone.post(page.replace("change", "act"), {"action": "resume"}).status_code == 404
    for shown in (listed, designer):
        assert str(run.pk) in questions_too.get(shown).content.decode()
    assert QUESTION in questions_too.get(page).content.decode()
    Collection.objects.filter(slug="handbook").update(public=False)
    assert QUESTION not in questions_too.get(page).content.decode()


def test_what_was_looked_up_for_its_reader_is_shown_to_no_staff(askers: dict[str, Client], settings: Any) -> None:
    settings.WORKFLOW_REGISTRY = f"{__name__}.orders_of"
    publish(settings, LOOK)
    assert "Main Street" in ask(askers["account"], agent="flow").json()["unsupported"]
    run = WorkflowRun.objects.get()
    page = f"/admin/chatsite/workflowrun/{run.pk}/change/"
    assert "Main Street" not in client_of(User.objects.get(username="root")).get(page).content.decode()
    User.objects.filter(username="fox").update(is_staff=True, is_superuser=True)
    assert "Main Street" in client_of(User.objects.get(username="fox")).get(page).content.decode()


@pytest.mark.parametrize("lookup", ["started_by__password__startswith=m", "workflow__draft__contains=tea"])
def test_list_is_not_narrowed_by_what_it_does_not_show(lookup: str, settings: Any) -> None:
    root = client_of(User.objects.get(username="root"))
    assert root.get(f"/admin/chatsite/workflowrun/?{lookup}").status_code in (302, 400)
    assert root.get(f"/admin/chatsite/workflowrun/?{lookup}", follow=True).status_code in (200, 400)


def test_it_goes_with_its_conversation_and_what_is_recorded_of_it(askers: dict[str, Client], settings: Any) -> None:
    run = failed_run(settings, askers["account"])
    assert folder_of(run).exists()
    session = Conversation.objects.get().pk
    assert askers["account"].delete(f"/api/v1/conversations/{session}").status_code == 204
    assert not WorkflowRun.objects.exists()
    assert not folder_of(run).exists()


# ---- what is only tried ----------------------------------------------------------------------------------------------
MAIL = """\
inputs:
  question: {description: what is asked}
steps:
  send: {tool: send_mail, with: {to: "${inputs.question}"}, on_error: continue}
  answer: {tool: ask_documents, with: {question: "${inputs.question}"}, needs: [send]}
"""


def test_reader_has_the_tool_run(askers: dict[str, Client], settings: Any) -> None:
    publish(settings, MAIL)
    assert ask(askers["account"], agent="flow").json()["answered"]
    assert done == [QUESTION]
    assert "not_run" not in Run.objects.get(agent="flow").scope


@pytest.mark.parametrize(
    ("text", "outcome"), [(MAIL, ("", True)), (MAIL.replace(", on_error: continue", ""), ("workflow_failed", False))]
)
def test_evaluation_runs_no_tool_and_says_so(settings: Any, text: str, outcome: tuple[str, bool]) -> None:
    publish(settings, text)
    saved(QUESTION, expected="answered")
    draft = PromptVersion.objects.create(agent="flow", instructions="Be brief.")
    root = User.objects.get(username="root")
    evaluation = PromptEvaluation.objects.create(prompt=draft, started_by=root, total=1)
    evaluate(evaluation, asker=TrialReader(root))
    assert done == []
    for tried in (evaluation.results[0]["before"], evaluation.results[0]["after"]):
        assert (tried["error"], tried["good"]) == outcome
        assert tried["not_run"] == ["send_mail"]
    page = client_of(root).get(f"/admin/chatsite/promptevaluation/{evaluation.pk}/change/").content.decode()
    assert page.count("Not run in a trial: send_mail") == 2
    run = Run.objects.filter(agent="flow").first()
    assert run is not None
    beside = client_of(root).get(f"/admin/chatsite/run/beside/?run={run.pk}").content.decode()
    assert "<dt>Not run in a trial</dt><dd>send_mail</dd>" in beside


def test_what_was_only_tried_does_not_go_on(settings: Any) -> None:
    publish(settings, MAIL.replace(", on_error: continue", ""))
    saved(QUESTION, expected="answered")
    root = User.objects.get(username="root")
    draft = PromptVersion.objects.create(agent="flow", instructions="Be brief.")
    evaluation = PromptEvaluation.objects.create(prompt=draft, started_by=root, total=1)
    evaluate(evaluation, asker=TrialReader(root))
    run = WorkflowRun.objects.first()
    assert run is not None
    assert "This run was only tried." in act(run, "resume")
    assert (run.state, done) == ("failed", [])

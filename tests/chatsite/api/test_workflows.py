"""Published workflows as addresses: a program runs one, and is told what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from chatsite.models import ApiKey
from chatsite.workflows import running
from retrieval.models import Collection
from tests.chatsite.workflows.flows import FIND, TEA, made

pytestmark = pytest.mark.django_db(transaction=True)  # a run has a thread and a connection of its own
RUNS = "/api/v1/workflows/tea/runs"


@pytest.fixture
def program(settings: Any, tmp_path: Path, transactional_db: None, put: Any) -> Client:
    """Return a client with a key for the handbook, of a user who reads the board as well."""
    settings.DATA_DIR = tmp_path
    user = User.objects.create_user("eva")
    user.user_permissions.add(Permission.objects.get(codename="run_workflow"))
    handbook = Collection.objects.create(name="Handbook", slug="handbook", public=True)
    put(handbook, "tea.md", TEA)
    put(Collection.objects.create(name="Board", slug="board", owner=user), "secret.md", "The tea of the board is dear.")
    key = ApiKey.objects.create(user=user, name="robot", digest=ApiKey.digest_of("dc_robot"))
    key.collections.add(handbook)
    made(FIND).versions.create(number=1, text=FIND)
    return Client(headers={"Authorization": "Bearer dc_robot"})


def begin(client: Client, **inputs: Any) -> Any:
    return client.post(RUNS, {"inputs": inputs}, content_type="application/json")


def test_program_runs_a_workflow_and_is_told_its_result(program: Client) -> None:
    begun = begin(program, topic="tea")
    assert (begun.status_code, begun.json()["state"], begun.json()["version"]) == (202, "running", 1)
    running.join(60)
    told = program.get(begun.json()["url"]).json()
    assert (told["state"], told["error"]) == ("completed", "")
    assert [passage["text"] for passage in told["output"]] == [TEA]


def test_result_is_withheld_when_a_document_is_no_longer_readable(program: Client) -> None:
    begun = begin(program).json()
    running.join(60)
    Collection.objects.update(public=False)
    assert program.get(begun["url"]).status_code == 403


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"top": "tea"}, "inputs: There is no top; there are: topic."),
        ({"topic": 3}, "inputs: “topic” must be like tea."),
    ],
)
def test_wrong_inputs_are_named(program: Client, inputs: dict[str, Any], said: str) -> None:
    refused = begin(program, **inputs)
    assert (refused.status_code, refused.json()["message"]) == (400, said)


def test_draft_and_what_is_not_there_are_no_address(program: Client) -> None:
    made(FIND, slug="draft")
    for slug in ("draft", "nothing"):
        answer = program.post(f"/api/v1/workflows/{slug}/runs", {}, content_type="application/json")
        assert answer.status_code == 404


def test_run_is_told_to_the_key_that_began_it_and_to_no_other_of_its_user(program: Client) -> None:
    """As a conversation is: a person sees all that was done in their name, a program what it did itself."""
    begun = begin(program).json()
    running.join(30)
    eva = User.objects.get(username="eva")
    for name, more in (("wide", {"all_collections": True}), ("other", {})):
        ApiKey.objects.create(user=eva, name=name, digest=ApiKey.digest_of(f"dc_{name}"), **more)
        assert Client(headers={"Authorization": f"Bearer dc_{name}"}).get(begun["url"]).status_code == 404, name
    person = Client()
    person.force_login(eva)
    assert person.get(begun["url"]).status_code == program.get(begun["url"]).status_code == 200
    own = begin(person).json()
    running.join(30)
    assert person.get(own["url"]).status_code == 200
    assert program.get(own["url"]).status_code == 404


def test_run_takes_the_permission_and_is_told_to_who_began_it(program: Client) -> None:
    begun = begin(program).json()
    running.join(60)
    other = Client()
    other.force_login(user := User.objects.create_user("other"))
    assert begin(other).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="run_workflow"))
    other.force_login(User.objects.get(pk=user.pk))
    assert other.get(begun["url"]).status_code == 404
    assert Client().get(begun["url"]).status_code == 401

"""The admin's pages of agents and of their prompts."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from chatsite.models import ChatAgent, PromptVersion, Run
from retrieval.models import Collection
from tests.chatsite.assistants.test_asking import ask
from tests.chatsite.prompts.staff import client_of, staff
from tests.chatsite.workflows.flows import made

LIST = "/admin/chatsite/chatagent/"
PROMPTS = "/admin/chatsite/promptversion/"
FORM = {"name": "tea", "title": "Tea", "active": "on", "for_everyone": "on", "all_collections": "on"}


def faults(response: Any) -> dict[str, list[str]]:
    return dict(response.context["adminform"].form.errors) if response.context else {}


def add(client: Client, **fields: Any) -> dict[str, list[str]]:
    form = {name: value for name, value in (FORM | fields).items() if value is not None}
    return faults(client.post(f"{LIST}add/", form))


def test_agent_is_made_and_keeps_its_name(admin_client: Client, site: Collection) -> None:
    assert add(admin_client, languages="en de", starters="Where is the kettle?", tone="warm") == {}
    agent = ChatAgent.objects.get()
    page = admin_client.get(f"{LIST}{agent.pk}/change/").content.decode()
    assert 'href="/agents/tea/"' in page
    assert "{% docchat agent=&quot;tea&quot; %}" in page
    admin_client.post(f"{LIST}{agent.pk}/change/", FORM | {"name": "other", "title": "New"})
    agent.refresh_from_db()
    assert (agent.name, agent.title) == ("tea", "New")
    assert "Where is the kettle?" not in admin_client.get("/agents/tea/").content.decode()


@pytest.mark.parametrize(
    ("fields", "field", "fault"),
    [
        ({"name": "kitchen"}, "name", "The settings declare an agent of this name"),
        ({"name": "a b"}, "name", "valid “slug”"),
        ({"all_collections": None}, "collections", "it could answer nothing"),
        ({"for_everyone": None}, "groups", "nobody could ask it"),
        ({"languages": "en german"}, "languages", "“german” is no code of a language"),
        ({"starters": "x\n" * 9}, "starters", "At most 8 questions"),
        ({"starters": "x" * 201}, "starters", "A question has at most 200 characters"),
        ({"tools": "x " * 101}, "tools", "At most 100 names"),
    ],
)
def test_what_is_wrong_is_named_at_its_field(
    admin_client: Client, site: Collection, fields: Any, field: str, fault: str
) -> None:
    found = add(admin_client, **fields)
    assert list(found) == [field]
    assert fault in " ".join(found[field])
    assert not ChatAgent.objects.exists()


def test_name_is_taken_once(admin_client: Client, site: Collection) -> None:
    add(admin_client)
    assert list(add(admin_client)) == ["name"]


def test_workflow_that_waits_for_a_person_can_not_be_chosen(admin_client: Client, site: Collection) -> None:
    text = "inputs: {question: {}}\nsteps:\n  check: {person: approve, prompt: ok}\n"
    workflow = made(text)
    assert "There is no published workflow" in add(admin_client, workflow=workflow.pk)["workflow"][0]
    workflow.versions.create(number=1, text=text)
    assert "Its step “check” waits for a person" in add(admin_client, workflow=workflow.pk)["workflow"][0]


def test_collections_that_an_editor_does_not_see_stay(site: Collection) -> None:
    hidden = Collection.objects.create(name="Board", slug="board")
    agent = ChatAgent.objects.create(name="tea", title="Tea", for_everyone=True)
    agent.collections.set([hidden, site])
    editor = client_of(staff("eve", "change_chatagent", "view_chatagent"))
    page = editor.get(f"{LIST}{agent.pk}/change/").content.decode()
    assert "Board" not in page
    other = Collection.objects.get(slug="harbour")
    editor.post(f"{LIST}{agent.pk}/change/", FORM | {"collections": [other.pk]})
    assert set(agent.collections.all()) == {hidden, other}


def test_staff_without_the_permission_are_refused(site: Collection) -> None:
    agent = ChatAgent.objects.create(name="tea", title="Tea")
    nobody = client_of(staff("nobody"))
    for address in (LIST, f"{LIST}add/", f"{LIST}{agent.pk}/change/", f"{LIST}{agent.pk}/delete/"):
        assert nobody.get(address).status_code == 403
    viewer = client_of(staff("viewer", "view_chatagent"))
    assert viewer.post(f"{LIST}{agent.pk}/change/", FORM).status_code == 403


# ---- its prompt ------------------------------------------------------------------------------------------------------


def test_instructions_of_an_agent_are_versions_of_their_own(admin_client: Client, site: Collection) -> None:
    add(admin_client)
    PromptVersion.objects.create(number=1, is_draft=False, instructions="The site’s.")
    begun = admin_client.get(f"{PROMPTS}add/?agent=tea").content.decode()
    assert "For the agent “tea”." in begun
    assert "The site’s." in begun
    admin_client.post(f"{PROMPTS}add/?agent=tea", {"instructions": "Speak of tea."})
    draft = PromptVersion.objects.get(agent="tea")
    assert admin_client.get(f"{PROMPTS}add/?agent=tea")["Location"] == f"{PROMPTS}{draft.pk}/change/"
    assert admin_client.get(f"{PROMPTS}add/").status_code == 200  # the site's own draft is another
    page = admin_client.get(f"{PROMPTS}{draft.pk}/change/").content.decode()
    assert "<del>The site’s.</del>" in page
    assert "<ins>Speak of tea.</ins>" in page
    admin_client.post(f"{PROMPTS}{draft.pk}/publish/", {"seen": draft.updated_at.isoformat()})
    assert [str(version) for version in PromptVersion.objects.published("tea")] == ["tea: Version 1"]
    assert PromptVersion.objects.in_use().instructions == "The site’s."
    agent = ChatAgent.objects.get()
    assert "tea: Version 1" in admin_client.get(f"{LIST}{agent.pk}/change/").content.decode()


def test_prompt_of_an_agent_is_tried_as_that_agent(admin_client: Client, site: Collection) -> None:
    draft = PromptVersion.objects.create(agent="kitchen", instructions="Speak of tea.")
    admin_client.post(f"{PROMPTS}{draft.pk}/try/", {"query": "How long do I wait before I pour the tea?"})
    assert list(Run.objects.values_list("agent", flat=True)) == ["kitchen", "kitchen"]
    assert Run.objects.filter(conversation__trial=True).count() == 2


def test_run_is_asked_again_as_its_agent(admin_client: Client, client: Client, site: Collection) -> None:
    run = ask(Client(), agent="kitchen").json()["run_id"]
    admin_client.post(f"/admin/chatsite/run/{run}/again/", {})
    assert list(Run.objects.values_list("agent", flat=True)) == ["kitchen", "kitchen"]


def test_group_that_is_deleted_opens_an_agent_to_nobody(client: Client, site: Collection) -> None:
    agent = ChatAgent.objects.create(name="tea", title="Tea", all_collections=True)
    agent.groups.add(group := Group.objects.create(name="Cooks"))
    user = User.objects.create_user("eva")
    user.groups.add(group)
    client.force_login(user)
    assert ask(client, agent="tea").status_code == 200
    group.delete()
    assert ask(client, agent="tea").status_code == 404
    assert Permission.objects.filter(codename="change_chatagent").exists()

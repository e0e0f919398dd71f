"""The page of an agent, its frame, and the tag that opens it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.template import Context, Template
from django.test import Client, RequestFactory

from chatsite.models import Conversation, EmbedSite, Run
from retrieval.models import Collection
from tests.chatsite.assistants.test_asking import QUESTION, ask


def test_page_shows_title_starters_and_what_it_answers_from(client: Client, site: Collection) -> None:
    page = client.get("/agents/kitchen/").content.decode()
    assert "<h1>Kitchen</h1>" in page
    assert "How long do I wait?" in page
    assert 'data-agent="kitchen"' in page
    assert f'data-only="{site.slug}"' in page
    assert "Harbour" not in page


def test_site_names_its_agents_to_who_may_ask_them(client: Client, site: Collection) -> None:
    assert 'href="/agents/kitchen/"' in (page := client.get("/").content.decode())
    assert "/agents/staff/" not in page
    user = User.objects.create_user("eva")
    user.groups.add(Group.objects.create(name="Staff"))
    client.force_login(user)
    assert 'href="/agents/staff/"' in client.get("/").content.decode()
    assert client.get("/agents/staff/").status_code == 200


@pytest.mark.parametrize("address", ["/agents/staff/", "/agents/gone/", "/embed/?agent=staff", "/embed/?agent=gone"])
def test_page_of_an_agent_of_others_is_not_there(client: Client, site: Collection, address: str) -> None:
    assert client.get(address).status_code == 404


def test_form_without_a_script_asks_the_agent(client: Client, site: Collection) -> None:
    response = client.post("/ask/", {"query": QUESTION, "agent": "kitchen"})
    assert response.status_code == 303
    assert Run.objects.get().agent == "kitchen"
    page = client.get(response["Location"]).content.decode()
    assert 'href="/agents/kitchen/"' in page
    again = client.post("/ask/", {"query": "x" * 5000, "agent": "kitchen"})
    assert again.status_code == 400
    assert "<h1>Kitchen</h1>" in again.content.decode()


def test_conversation_whose_agent_is_gone_is_still_read(client: Client, site: Collection, settings: Any) -> None:
    user = User.objects.create_user("eva")
    client.force_login(user)
    ask(client, agent="kitchen")
    settings.DOCCHAT = {}
    page = client.get(f"/c/{Conversation.objects.get().pk}/").content.decode()
    assert "four minutes" in page
    assert "The agent of this conversation can’t be asked any more." in page
    assert "data-composer" not in page


def test_frame_of_an_agent_has_its_title_and_only_its_conversations(client: Client, site: Collection) -> None:
    client.force_login(User.objects.create_user("eva"))
    other = ask(client).json()["session_id"]
    own = ask(client, agent="kitchen").json()["session_id"]
    page = client.get("/embed/?agent=kitchen").content.decode()
    assert '<h1 class="name">Kitchen</h1>' in page
    assert 'data-agent="kitchen"' in page
    assert "How long do I wait?" in page
    assert 'data-session=""' in client.get(f"/embed/?agent=kitchen&conversation={other}").content.decode()
    assert f'data-session="{own}"' in client.get(f"/embed/?agent=kitchen&conversation={own}").content.decode()


def test_frame_of_another_origin_asks_an_agent_inside_its_sites_collections(client: Client, site: Collection) -> None:
    partner = EmbedSite.objects.create(name="Partner", origins="https://www.example.org")
    partner.collections.add(Collection.objects.get(slug="harbour"))
    page = client.get(f"/embed/{partner.token}/?agent=kitchen").content.decode()
    assert 'data-agent="kitchen"' in page
    assert client.get(f"/embed/{partner.token}/?agent=staff").status_code == 404
    sent = {"authorization": f"Bearer {partner.token}", "origin": "https://www.example.org"}
    body = {"query": QUESTION, "agent": "kitchen"}
    answer = client.post("/api/v1/chat/query", body, content_type="application/json", headers=sent).json()
    assert (answer["answered"], answer["sources"]) == (False, [])  # the kitchen's documents are none of the site's


def tag(user: User | None = None, options: str = 'agent="staff"') -> str:
    request = RequestFactory().get("/")
    request.user = user or User()  # type: ignore[assignment]
    context = Context({"request": request} if user else {})
    return Template(f"{{% load docchat %}}{{% docchat {options} %}}").render(context)


def test_tag_shows_an_agents_button_to_who_may_ask_it(site: Collection, settings: Any) -> None:
    user = User.objects.create_user("eva")
    assert tag(user) == tag() == ""
    user.groups.add(Group.objects.create(name="Staff"))
    assert 'data-docchat="/embed/?agent=staff"' in tag(user)
    assert 'data-title="Staff"' in tag(user)
    assert tag(user, 'agent="gone"') == ""
    settings.DOCCHAT = settings.DOCCHAT | {"agent": "kitchen"}
    assert 'data-docchat="/embed/?agent=kitchen"' in tag(options="")

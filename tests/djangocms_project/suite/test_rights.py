"""Who may not see a page is told nothing of it anywhere; who may, is answered from it."""

import pytest
from cms.models import (
    ACCESS_CHILDREN,
    ACCESS_DESCENDANTS,
    ACCESS_PAGE,
    ACCESS_PAGE_AND_DESCENDANTS,
    GlobalPagePermission,
    Page,
)
from django.contrib.auth.models import AnonymousUser, Group, User
from django.test import Client

from chatsite.asking import suggestions
from chatsite.models import ApiKey
from chatsite.reader import Reader
from retrieval.searching.search import search
from suite.building import OPENING, TEXT, TITLE, document, editor, grant, page, permit, read, seen_by

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(db):
    """Return a member, who is in a group and may change pages where the CMS lets them, another, and a superuser."""
    member, other = User.objects.create_user("member"), User.objects.create_user("other")
    member.groups.add(Group.objects.create(name="members"))
    permit(member, "change_page")
    return {"member": member, "other": other, "editor": editor(), "nobody": None}


def close(way, leaf, people):
    """Close the page `leaf` in a way. Return who still sees it."""
    section, member, group = leaf.parent, people["member"], Group.objects.get(name="members")
    someone = User.objects.create_user("someone")
    match way:
        case "login":
            Page.objects.filter(pk=leaf.pk).update(login_required=True)
            return {"member", "other", "editor"}
        case "user":
            grant(user=member, page=leaf, grant_on=ACCESS_PAGE)
        case "group":
            grant(group=group, page=leaf, grant_on=ACCESS_PAGE)
        case "above":
            grant(group=group, page=section, grant_on=ACCESS_PAGE_AND_DESCENDANTS)
        case "children":
            grant(group=group, page=section, grant_on=ACCESS_CHILDREN)
        case "changing":
            grant(user=someone, page=leaf, grant_on=ACCESS_PAGE)
            grant(flag="can_change", user=member, page=section, grant_on=ACCESS_DESCENDANTS)
        case "everywhere":
            grant(user=someone, page=leaf, grant_on=ACCESS_PAGE)
            grant(kind=GlobalPagePermission, group=group).sites.add(1)
        case "view_page":
            grant(user=someone, page=leaf, grant_on=ACCESS_PAGE)
            permit(member, "view_page")
    return {"member", "editor"}


def told(client, user, run, session, pk):
    """Return what every page and door shows of a document and of an answer that rests on it, in one text."""
    addresses = [
        "/",
        f"/c/{session}/",
        f"/c/{session}/conversation.md",
        f"/c/{session}/conversation.json",
        f"/runs/{run}/",
        f"/api/v1/chat/runs/{run}",
        f"/api/v1/chat/runs/{run}/events",
        f"/documents/{pk}/",
        f"/documents/{pk}/original/",
        "/documents/",
        "/documents/?q=orchard",
        "/api/v1/chat/documents?q=orchard",
        f"/api/v1/chat/documents/{pk}",
    ]
    answers = [client.get(f"/ask{address}") for address in addresses]
    bodies = [b"".join(one) if one.streaming else one.content for one in answers if one.status_code == 200]
    if user:
        key = ApiKey(user=user, name="key", all_collections=True)
        program = Client(headers={"Authorization": f"Bearer {key.make_secret()}"})
        key.save()
        doors = [f"/ask/api/v1/{name}" for name in ("documents", f"documents/{pk}", f"documents/{pk}/chunks")]
        bodies += [answer.content for door in doors if (answer := program.get(door)).status_code == 200]
        bodies.append(program.post("/ask/api/v1/search", {"query": OPENING}, content_type="application/json").content)
    user = user or AnonymousUser()
    bodies.append(" ".join(suggestions.starters(Reader(user))).encode())
    bodies.append(str(search("When does the orchart opne?", user=user).corrections).encode())
    return b"\n".join(bodies).decode()


@pytest.fixture
def leaf(documents):
    page("Hedges", "The hedges are cut in June.")
    leaf = page(parent=page("Section", "Here is a section."))
    read(documents)
    return leaf


@pytest.mark.parametrize("way", ["login", "user", "group", "above", "children", "changing", "everywhere", "view_page"])
def test_closed_page_is_seen_by_whom_the_site_shows_it_and_by_nobody_else(leaf, people, client, way):
    sees = close(way, leaf, people)
    for name, user in people.items():
        user = user and User.objects.get(pk=user.pk)  # who asks in another request
        client.logout()
        if user:
            client.force_login(user)
        assert (TEXT in client.get("/en/section/the-old-orchard/").content.decode()) is (name in sees)
        assert (TITLE in seen_by(user or AnonymousUser())) is (name in sees)


def ask(client):
    return client.post("/ask/api/v1/chat/query", {"query": OPENING}, content_type="application/json").json()


@pytest.mark.parametrize(("way", "left"), [("login", 2), ("group", 2), ("above", 1)])
def test_closed_page_is_told_by_no_answer_page_or_door_but_to_whom_it_is_shown(leaf, people, settings, way, left):
    settings.ANONYMOUS_CHAT = True
    pk, clients = document().pk, {name: Client() for name in ("member", "other", "nobody")}
    for name in ("member", "other"):
        clients[name].force_login(people[name])
    asked = {name: ask(client) for name, client in clients.items()}
    assert [one["citations"][0]["title"] for one in asked.values()] == [TITLE] * 3
    sees = close(way, leaf, people)
    for name, client in clients.items():
        again = ask(client)
        assert (again["answered"], TEXT in str(again)) == (name in sees, name in sees)
        library = client.get("/ask/documents/")
        assert [one.document_count for one in library.context["collections"]] == [3 if name in sees else left]
        shown = told(client, people[name], asked[name]["run_id"], asked[name]["session_id"], pk).replace(OPENING, "")
        assert [word in shown for word in (TEXT, TITLE, "4 May")] == [name in sees] * 3


def test_site_for_staff_alone_answers_staff_alone(documents, people, settings):
    page()
    read(documents)
    settings.CMS_PUBLIC_FOR = "staff"
    for permission in (True, False):
        settings.CMS_PERMISSION = permission
        assert seen_by(AnonymousUser()) == seen_by(people["other"]) == set()
        assert seen_by(editor()) == {TITLE}
        assert seen_by(User.objects.create_user(f"staff {permission}", is_staff=True)) == {TITLE}


def test_site_without_rights_of_pages_shows_all_but_what_asks_to_sign_in(documents, people, settings):
    grant(user=people["member"], page=page(), grant_on=ACCESS_PAGE)
    page("Inside", login_required=True)
    read(documents)
    settings.CMS_PERMISSION = False
    assert seen_by(AnonymousUser()) == {TITLE}
    assert seen_by(people["other"]) == {TITLE, "Inside"}

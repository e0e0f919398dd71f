"""The assistant's button on pages of the admin, its frame, and the admin's own search behind it."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from chatsite.staff import matches
from retrieval.models import Collection, Document
from tests.chatsite.staff import urls
from tests.chatsite.staff.test_rows import boss, clerk  # noqa: F401 - fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.urls(urls.__name__)]


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def button(page: Any) -> str | None:
    """The address of the frame that the button of a page opens."""
    found = re.search(r'<script src="[^"]*widget\.js"[^>]* data-docchat="([^"]*)"', page.content.decode())
    return unescape(found[1]) if found else None


@pytest.mark.parametrize(
    "page", ["", "auth/user/", "auth/user/add/", "auth/user/1/change/", "auth/user/1/history/", "auth/user/1/delete/"]
)
@pytest.mark.parametrize("site", ["admin", "desk"])
def test_every_page_of_every_admin_site_has_it(site: str, page: str) -> None:
    someone = User.objects.create_superuser("boss", pk=1)
    User.objects.create(username="ann", pk=2)
    page = page.replace("1", "2")  # whom the desk shows as well
    response = signed_in(someone).get(f"/{site}/{page}")
    assert response.status_code == 200
    assert button(response) == f"/staff/?site={site}"


def test_page_without_a_reader_of_the_admin_has_none(boss: User, settings: Any) -> None:  # noqa: F811
    client = signed_in(boss)
    assert button(Client().get("/admin/login/")) is None
    assert button(client.get("/admin/auth/user/?_popup=1")) is None
    settings.ADMIN_ASSISTANT = False
    assert button(client.get("/admin/")) is None
    assert client.get("/staff/").status_code == 302
    assert client.get("/staff/matches/").status_code == 404


@pytest.mark.urls("tests.chatsite.staff.admin_alone")
def test_project_without_the_chats_addresses_has_none(boss: User) -> None:  # noqa: F811
    response = signed_in(boss).get("/admin/")
    assert response.status_code == 200
    assert button(response) is None


def test_projects_own_frame_of_the_admin_is_kept(boss: User, settings: Any, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "admin").mkdir()
    own = '{% extends "admin/base.html" %}{% block extrahead %}{{ block.super }}<meta name="own">{% endblock %}'
    (tmp_path / "admin" / "base.html").write_text(own)
    engine = settings.TEMPLATES[0]
    settings.TEMPLATES = [{**engine, "DIRS": [tmp_path, *engine["DIRS"]]}]
    page = signed_in(boss).get("/desk/")
    assert '<meta name="own">' in page.content.decode()
    assert button(page) == "/staff/?site=desk"


def test_frame_is_the_chat_with_the_admins_search(boss: User, public: Collection) -> None:  # noqa: F811
    response = signed_in(boss).get("/staff/?site=desk&page=/desk/")
    page = response.content.decode()
    assert 'data-admin-search-url="/staff/matches/?site=desk"' in page
    assert "frame-ancestors 'self'" in response["Content-Security-Policy"]
    assert response["Cache-Control"] == "no-store"
    assert "X-Frame-Options" not in response
    assert "data-admin-search" not in signed_in(boss).get("/embed/").content.decode()


def test_reader_who_is_not_of_the_staff_gets_the_frame_of_any_page(reader: User) -> None:
    response = signed_in(reader).get("/staff/?title=x&page=/")
    assert response.status_code == 302
    assert response["Location"] == "/embed/?title=x&page=%2F"


# ---- the admin's own search ------------------------------------------------------------------------------------------
def shown(client: Client, question: str, site: str = "admin") -> list[tuple[str, str]]:
    page = client.get("/staff/matches/", {"question": question, "site": site}).content.decode()
    found = re.findall(r'<a href="([^"]*)">[^<]*</a> <span class="muted">([^<]*)</span>', page)
    return [(unescape(url), said) for url, said in found]


def test_question_is_looked_for_as_if_typed_into_the_lists(boss: User, public: Collection) -> None:  # noqa: F811
    for name in ("Annual report", "Annual plan"):
        Document.objects.create(collection=public, title=name, filename="a.md", file="a.md")
    Group.objects.create(name="Annual readers")
    client = signed_in(boss)
    assert shown(client, "Where is the Annual report?") == [
        ("/admin/retrieval/document/?q=Annual+report", "1 row matches “Annual report”")
    ]
    assert shown(client, "What happens to annual things?") == [
        ("/admin/retrieval/document/?q=annual", "2 rows match “annual”"),
        ("/admin/auth/group/?q=annual", "1 row matches “annual”"),
    ]


def test_search_finds_only_what_the_reader_may_see(boss: User, clerk: User) -> None:  # noqa: F811
    Group.objects.create(name="clerks")
    assert [url for url, _ in shown(signed_in(boss), "clerk")] == [
        "/admin/auth/group/?q=clerk",
        "/admin/auth/user/?q=clerk",
    ]
    assert [url for url, _ in shown(signed_in(clerk), "clerk")] == ["/admin/auth/user/?q=clerk"]
    assert shown(signed_in(boss), "boss", site="desk") == []  # its queryset leaves them out, and it fails nowhere


@pytest.mark.parametrize("question", ["", "what is it?", "\0", "?" * 900, "'\";--", "%_", "a" * 900, "\ud800"])
def test_question_that_says_nothing_finds_nothing(boss: User, question: str) -> None:  # noqa: F811
    assert matches.admin_matches(boss, question) == []


def test_words_that_say_something() -> None:
    assert matches.telling_words("Which orders has ann@host.org, please, with INV-2031?") == [
        "orders", "ann@host.org", "INV-2031",
    ]  # fmt: skip

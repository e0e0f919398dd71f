"""Groups that are there from the start, and the permissions that are offered for others."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import Client

groups = import_module("chatsite.migrations.0011_groups")
HERE = SimpleNamespace(connection=connection)
KEPT = ("document", "collection")


@pytest.fixture(autouse=True)
def made(db: None) -> None:
    """Make the groups where a test that empties the database has taken them."""
    groups.make_groups(apps, HERE)


def rights(group: str) -> set[str]:
    held = Group.objects.get(name=group).permissions.select_related("content_type")
    return {f"{permission.content_type.app_label}.{permission.codename}" for permission in held}


def staff(group: str) -> Client:
    user = User.objects.create_user("staff", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


def test_groups_have_the_rights_of_their_work_and_no_others(db: None) -> None:
    both = {f"retrieval.{verb}_{model}" for verb in ("add", "change", "delete", "view") for model in KEPT}
    assert rights("Editors") == both
    assert rights("Analysts") == {f"chatsite.view_{model}" for model in ("conversation", "run", "feedback", "gap")}


def test_groups_are_in_the_docs() -> None:
    page = (Path(__file__).parents[3] / "docs/staff.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| ([A-Z]\w+) \|", page, re.MULTILINE) == list(groups.GROUPS)


@pytest.mark.case(16)
def test_editor_looks_after_documents_and_reads_no_conversation(db: None) -> None:
    client = staff("Editors")
    for page, status in [
        ("retrieval/document/", 200), ("retrieval/document/add/", 200), ("retrieval/collection/add/", 200),
        ("chatsite/conversation/", 403), ("chatsite/run/", 403), ("chatsite/gap/", 403), ("chatsite/apikey/add/", 403),
        ("auth/user/", 403),
    ]:  # fmt: skip
        assert client.get(f"/admin/{page}").status_code == status, page


@pytest.mark.case(16)
def test_analyst_reads_and_exports_questions_and_changes_nothing(db: None) -> None:
    client = staff("Analysts")
    for page, status in [
        ("chatsite/conversation/", 200), ("chatsite/run/", 200), ("chatsite/feedback/", 200), ("chatsite/gap/", 200),
        ("retrieval/document/", 403), ("retrieval/collection/add/", 403), ("chatsite/apikey/add/", 403),
    ]:  # fmt: skip
        assert client.get(f"/admin/{page}").status_code == status, page


def test_group_of_the_same_name_is_left_as_it_is(db: None) -> None:
    Group.objects.get(name="Editors").permissions.clear()
    Group.objects.filter(name="Analysts").delete()
    groups.make_groups(apps, HERE)
    assert rights("Editors") == set()
    assert len(rights("Analysts")) == 4


def test_migration_back_removes_what_nobody_uses(db: None) -> None:
    User.objects.create_user("editor").groups.add(Group.objects.get(name="Editors"))
    groups.remove_groups(apps, HERE)
    assert list(Group.objects.values_list("name", flat=True)) == ["Editors"]


@pytest.mark.parametrize("page", ["group/add/", "user/{}/change/"])
def test_technical_rights_are_not_offered(client: Client, admin_user: User, page: str) -> None:
    client.force_login(admin_user)
    text = client.get("/admin/auth/" + page.format(admin_user.pk)).text
    offered = {
        Permission.objects.get(pk=pk).codename for pk in re.findall(r'<option value="(\d+)"[^>]*>[^<]* \| ', text)
    }
    assert {"add_document", "view_run", "choose_model", "change_user", "add_apikey"} <= offered
    technical = ("chunk", "removal", "access", "citation", "session", "logentry", "contenttype")
    assert [name for name in offered if any(word in name for word in technical)] == []


def test_technical_right_that_somebody_has_stays(client: Client, admin_user: User) -> None:
    client.force_login(admin_user)
    held = Permission.objects.get(codename="view_accessattempt")
    group = Group.objects.create(name="Guards")
    group.permissions.add(held)
    given = Permission.objects.get(codename="view_document")
    fields: dict[str, Any] = {"name": "Guards", "permissions": [given.pk]}
    assert client.post(f"/admin/auth/group/{group.pk}/change/", fields).status_code == 302
    assert set(group.permissions.all()) == {held, given}

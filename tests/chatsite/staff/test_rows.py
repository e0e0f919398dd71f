"""Rows of the admin for who asks: what its own page would show them, and nothing that it wouldn't."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.test import Client, RequestFactory
from django.urls import reverse

from chatsite.models import EmbedSite
from chatsite.staff import lists, rows
from chatsite.staff.rows import RowsRefused, RowsWanted, rows_of
from tests.chatsite.staff import urls

pytestmark = [pytest.mark.django_db, pytest.mark.urls(urls.__name__)]

HASH = "pbkdf2_sha256$1$salt$theSecretHash"


def member(name: str, **fields: Any) -> User:
    joined = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    return User.objects.create(username=name, password=HASH, **{"date_joined": joined, "email": "e@host"} | fields)


@pytest.fixture
def boss() -> User:
    return member("boss", is_staff=True, is_superuser=True)


@pytest.fixture
def clerk() -> User:
    """Of the staff, with the right to view users and nothing else."""
    made = member("clerk", is_staff=True)
    made.user_permissions.add(Permission.objects.get(codename="view_user"))
    return made


def refused(asker: Any, wanted: RowsWanted, **more: Any) -> str:
    with pytest.raises(RowsRefused) as raised:
        rows_of(asker, wanted, **more)
    return str(raised.value)


def names(found: list[rows.AdminRow]) -> list[str]:
    return [row.title for row in found[1:]]


def test_list_is_counted_and_its_rows_lead_to_their_pages(boss: User) -> None:
    already = Group.objects.count()  # those that a site begins with
    Group.objects.bulk_create([Group(name=f"Group {number:02}") for number in range(30)])
    found = rows_of(boss, RowsWanted("auth.group", search="group"))
    assert found[0].title == "Groups"
    assert found[0].text == "Groups (search: “group”): 30 rows. The first 9 are shown."
    assert found[0].url == "/admin/auth/group/?q=group"
    assert names(found) == [f"group: Group {number:02}" for number in range(9)]
    first = Group.objects.get(name="Group 00")
    assert found[1].url == reverse("admin:auth_group_change", args=[first.pk])
    assert rows_of(boss, RowsWanted("auth.group", count_only=True)) == [
        rows.AdminRow("Groups", f"Groups: {30 + already} rows.", "/admin/auth/group/")
    ]


def test_rows_are_what_the_page_of_the_list_shows(boss: User) -> None:
    for name in ("ann", "bob", "carla"):
        member(name, is_active=name != "bob")
    wanted = RowsWanted(
        "auth.user", filters={"is_active": True, "date_joined__gte": "2026-01-01"}, order="-username", search="a"
    )
    found = rows_of(boss, wanted, site="desk")
    assert names(found) == ["user: carla", "user: ann"]
    client = Client()
    client.force_login(boss)
    shown = client.get(found[0].url).context["cl"].result_list
    assert [f"user: {user}" for user in shown] == names(found)
    assert found[1].text == "Username: carla\nShouted: CARLA & co\nActive: yes\nDate joined: Jan. 2, 2026, 3:04 a.m."


def test_list_is_found_by_its_title_and_one_that_is_not_there_names_those_that_are(clerk: User) -> None:
    assert rows_of(clerk, RowsWanted("Users", count_only=True))[0].text == "Users: 1 row."
    assert refused(clerk, RowsWanted("auth.group")) == "There is no list named 'auth.group'; there are: auth.user"


# ---- rights ----------------------------------------------------------------------------------------------------------
def test_nobody_sees_a_list_who_could_not_open_its_page(clerk: User, boss: User) -> None:
    gone = member("gone", is_staff=True, is_superuser=True, is_active=False)
    deleted = member("deleted", is_staff=True, is_superuser=True)
    User.objects.filter(pk=deleted.pk).delete()
    reader = member("reader")
    for asker in (gone, deleted, reader, AnonymousUser()):
        assert refused(asker, RowsWanted("auth.user")) == "There is no list named 'auth.user'; there are: none"
    assert {listed.name for listed in lists.admin_lists(lists.as_asked_by(clerk))} == {"auth.user"}


def test_rights_are_those_of_now_and_not_of_when_the_request_came(clerk: User) -> None:
    request = RequestFactory().get("/")
    request.user = User.objects.get(pk=clerk.pk)
    assert request.user.has_perm("auth.view_user")  # which the user object keeps
    assert rows_of(request, RowsWanted("auth.user"))
    clerk.user_permissions.clear()
    assert "there are: none" in refused(request, RowsWanted("auth.user"))


def test_queryset_of_the_modeladmin_and_its_rights_by_row_are_kept(boss: User) -> None:
    for name in ("ann", "hidden"):
        member(name)
    assert names(rows_of(boss, RowsWanted("auth.user"), site="desk")) == ["user: ann"]
    assert names(rows_of(boss, RowsWanted("auth.user"))) == ["user: ann", "user: boss", "user: hidden"]


def test_admin_site_that_has_no_address_is_not_looked_into(boss: User) -> None:
    assert refused(boss, RowsWanted("auth.user"), site="unmounted").endswith("there are: none")


# ---- what is never told ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "name",
    ["password", "password__startswith", "groups__user__password__startswith", "is_active__password", "pk__in",
     "user_permissions", "date_joined__regex", "username__regex", "is_superuser__gte__password",
     "is_active__contains__x", "logentry__object_repr", "_to_field", "_popup", "p", "all", "o", "q", "e", "", "__"],
)  # fmt: skip
@pytest.mark.parametrize("site", ["admin", "desk"])
def test_hidden_value_cannot_be_guessed_by_filters(boss: User, site: str, name: str) -> None:
    message = refused(boss, RowsWanted("auth.user", filters={name: "pbkdf2"}), site=site)
    assert message.startswith("Users can't be narrowed by")


@pytest.mark.parametrize("name", ["email", "email__startswith", "first_name__startswith", "last_name"])
def test_field_that_a_list_does_not_show_narrows_nothing(boss: User, name: str) -> None:
    message = refused(boss, RowsWanted("auth.user", filters={name: "e"}), site="desk")
    assert message.startswith("Users can't be narrowed by")


def test_hidden_value_cannot_be_guessed_through_a_relation(boss: User) -> None:
    LogEntry.objects.create(
        user=boss, action_flag=CHANGE, object_repr="x", content_type=ContentType.objects.get_for_model(User)
    )
    for name in ("user__password__startswith", "user__password", "user__email", "user__is_active__password"):
        message = refused(boss, RowsWanted("admin.logentry", filters={name: "p"}), site="desk")
        assert message.startswith("Log entries can't be narrowed by")
    assert len(rows_of(boss, RowsWanted("admin.logentry", filters={"user__is_active": "true"}), site="desk")) == 2


def test_credential_is_told_to_no_model(boss: User, monkeypatch: pytest.MonkeyPatch) -> None:
    site = EmbedSite.objects.create(name="Partner", origins="https://www.example.org")
    [count, row] = rows_of(boss, RowsWanted("chatsite.embedsite"), site="desk")
    assert (row.title, row.text) == ("embedded site: Partner", "Name: Partner\nActive: yes")
    assert refused(boss, RowsWanted("chatsite.embedsite", filters={"token__startswith": "pub"}), site="desk")
    monkeypatch.setattr(EmbedSite, "__str__", lambda self: self.token)  # as the rows of other packages are called
    monkeypatch.setattr(rows, "is_secret", lambda name: name in ("token", "id"))
    [count, row] = rows_of(boss, RowsWanted("chatsite.embedsite"), site="desk")
    assert (row.title, row.url) == ("embedded site", count.url)
    assert site.token not in repr(row)


def test_hidden_value_is_not_shown_nor_sorted_by(boss: User) -> None:
    member("ann")
    found = rows_of(boss, RowsWanted("auth.user"), site="desk")
    assert HASH not in repr(found)
    assert "e@host" not in repr(found)  # the form leaves it out
    for name in ("password", "-password", "email", "broken", "no_such", "username,password"):
        message = refused(boss, RowsWanted("auth.user", order=name), site="desk")
        assert message.endswith("it is by: username, shouted, is_active, date_joined.")


# ---- bad input -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "wanted",
    [
        RowsWanted("auth.user", search="x" * 201),
        RowsWanted("auth.user", search="a\0b"),
        RowsWanted("auth.user", filters={"username": "x" * 201}),
        RowsWanted("auth.user", filters={"date_joined__gte": "yesterday"}),
        RowsWanted("auth.user", filters={"date_joined__year": "99999999999"}),
        RowsWanted("auth.user", filters={"is_active": "perhaps"}),
        RowsWanted("auth.user", filters={f"username__{'exact__' * 9}exact": "a"}),
        RowsWanted("auth.user", filters={f"username{number}": "a" for number in range(9)}),
        RowsWanted("chatsite.conversation"),
        RowsWanted("x" * 5_000),
        RowsWanted(""),
    ],
    ids=range(11),
)  # fmt: skip
def test_what_cannot_be_looked_up_says_so(boss: User, wanted: RowsWanted) -> None:
    assert len(refused(boss, wanted, site="desk")) <= 2_000


def test_values_as_a_model_may_write_them(boss: User) -> None:
    for name in ("ann", "bob", "carla"):
        member(name, is_active=name != "bob")

    def found(**filters: object) -> list[str]:
        return names(rows_of(boss, RowsWanted("auth.user", filters=filters), site="desk"))

    assert found(is_active=False) == ["user: bob"]
    assert found(is_active="false") == ["user: bob"]
    assert found(username__in=["ann", "carla"]) == ["user: ann", "user: carla"]
    assert found(first_name="a") == ["user: ann", "user: carla"]  # the project's own filter
    assert found(date_joined__year=2026) == ["user: ann", "user: bob", "user: carla"]
    assert found(date_joined__lt="2026-01-02T03:04:00+00:00") == []
    assert found(groups__name=None) == []
    assert found(username="\ud800") == []


def test_row_is_bounded_and_a_column_that_fails_is_left_out(boss: User) -> None:
    member("n" * 150, first_name="x")
    found = rows_of(boss, RowsWanted("auth.user"), site="desk")[1]
    assert len(found.title) == rows.TITLE_CHARACTERS
    assert "Broken" not in found.text
    assert len(found.text) < rows.ROW_CHARACTERS

"""How a person is chosen in the admin, by what the project's own admin knows of its users."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import RequestFactory

from retrieval.admin import people
from retrieval.admin.collections import CollectionAdmin
from retrieval.models import Collection


class Searchable(admin.ModelAdmin):  # type: ignore[type-arg]
    search_fields = ["email"]


def widget(users: type[Any] | None, reader: User) -> str:
    """Return the class of the widget that a collection's owner is chosen with."""
    site = admin.AdminSite()
    site.register(Collection, CollectionAdmin)
    if users:
        site.register(User, users)
    assert site._registry[Collection].check() == []
    request = RequestFactory().get("/")
    request.user = reader
    field = site._registry[Collection].get_form(request).base_fields["owner"]
    chosen: Any = getattr(field.widget, "widget", field.widget)
    return str(type(chosen).__name__)


def test_person_is_searched_for_where_users_can_be_searched(reader: User) -> None:
    assert widget(Searchable, reader) == "AutocompleteSelect"


def test_person_is_looked_up_where_users_are_listed_only(reader: User) -> None:
    assert widget(admin.ModelAdmin, reader) == "ForeignKeyRawIdWidget"


def test_person_is_chosen_from_a_list_where_the_admin_knows_no_users(reader: User) -> None:
    assert widget(None, reader) == "Select"


def test_person_among_many_is_named_by_key(reader: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "LISTED", 0)
    assert widget(None, reader) == "ForeignKeyRawIdWidget"

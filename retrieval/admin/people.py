"""Choosing a person in the admin, whatever kind of user the project has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.auth import get_user_model
from django.db import models
from django.http import HttpRequest

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
else:
    Base = object

LISTED = 500  # people in one list; among more, one is named by key


def name_of(field: str) -> str:
    """Return the lookup of the name that people sign in with, through the foreign key `field`."""
    return f"{field}__{get_user_model().USERNAME_FIELD}"


class PeopleFields(Base):
    """For an admin whose `raw_id_fields` are people: one is searched for by name where the project's admin can search
    its users, chosen from a list where it does not know them, and else named by key."""

    def get_autocomplete_fields(self, request: HttpRequest) -> list[str] | tuple[str, ...]:
        """Return these fields where the admin can search users."""
        users = self._users()
        return list(self.raw_id_fields) if users and users.get_search_fields(request) else ()

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Return the form's field; a list of people where nothing else finds them and they are few."""
        if db_field.name in self.raw_id_fields and self._users() is None:
            people = db_field.remote_field.model._default_manager
            if people.count() <= LISTED:
                kwargs.setdefault("widget", forms.Select)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def _users(self) -> admin.ModelAdmin[Any] | None:
        try:
            return self.admin_site.get_model_admin(get_user_model())
        except NotRegistered:
            return None

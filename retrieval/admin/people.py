"""Choosing a person in the admin, whatever kind of user the project has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.admin.widgets import AutocompleteSelect, ForeignKeyRawIdWidget
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.http import HttpRequest

from retrieval.models import Collection

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
else:
    Base = object

LISTED = 500  # people in one list; among more, one is named by key


def name_of(field: str) -> str:
    """Return the lookup of the name that people sign in with, through the foreign key `field`."""
    return f"{field}__{get_user_model().USERNAME_FIELD}"


def person_widget(db_field: models.ForeignKey[Any, Any], *, site: admin.AdminSite, request: HttpRequest) -> Any:
    """Return what chooses a person: one is searched for by name where the project's admin can search its users, chosen
    from a list where it does not know them and they are few, and else named by key."""
    try:
        users = site.get_model_admin(get_user_model())
    except NotRegistered:
        few = get_user_model()._default_manager.count() <= LISTED
        return forms.Select() if few else ForeignKeyRawIdWidget(db_field.remote_field, site)
    if users.get_search_fields(request):
        return AutocompleteSelect(db_field, site)
    return ForeignKeyRawIdWidget(db_field.remote_field, site)


class PeopleFields(Base):
    """For an admin whose `raw_id_fields` are people, who are chosen by a `person_widget`."""

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Return the form's field."""
        if db_field.name in self.raw_id_fields:
            kwargs.setdefault("widget", person_widget(db_field, site=self.admin_site, request=request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class ActsAs(PeopleFields):
    """For an admin of what acts as a person: it is made as oneself. As another it is made, and changed, by whoever may
    change users, who could sign in as that one anyhow. Of collections only those that one may see are offered."""

    acts_as = ""  # the field that names the person

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        own = obj is None or getattr(obj, f"{self.acts_as}_id") in {None, request.user.pk}
        return super().has_change_permission(request, obj) and (own or _may_change_users(request))

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == self.acts_as:
            if not db_field.null:
                kwargs.setdefault("initial", request.user.pk)
            if not _may_change_users(request):
                oneself = cast(AbstractBaseUser, request.user)  # admin_view has let only staff in
                kwargs["queryset"] = get_user_model()._default_manager.filter(pk=oneself.pk)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(
        self, db_field: models.ManyToManyField[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.related_model is Collection:
            kwargs["queryset"] = Collection.objects.visible_to(request.user).listed()
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Keep the collections that were chosen by somebody who sees more."""
        offered = Collection.objects.visible_to(request.user).listed()
        kept = list(form.instance.collections.exclude(pk__in=offered.values("pk")))
        super().save_related(request, form, formsets, change)
        form.instance.collections.add(*kept)


def _may_change_users(request: HttpRequest) -> bool:
    users = get_user_model()._meta
    return request.user.has_perm(f"{users.app_label}.change_{users.model_name}")

"""Users and groups in the admin: of permissions, those that open something there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
    Users = UserAdmin[User]
else:
    Base, Users = object, UserAdmin

TECHNICAL_APPS = {"axes"}  # what counts failed sign-ins; superusers may see it, and nobody is given rights


def offered_permissions() -> QuerySet[Permission]:
    """Return the permissions of the models that the admin shows: no chunk, no removal from the index."""
    shown = [model for model in admin.site._registry if model._meta.app_label not in TECHNICAL_APPS]
    types = ContentType.objects.get_for_models(*shown).values()
    return Permission.objects.filter(content_type__in=types)


class PermissionFields(Base):
    """For an admin that gives permissions: technical ones are not offered, and stay where somebody has them."""

    permission_field = ""

    def formfield_for_manytomany(
        self, db_field: models.ManyToManyField[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == self.permission_field:
            kwargs["queryset"] = offered_permissions().select_related("content_type")
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        held = getattr(form.instance, self.permission_field)
        kept = list(held.exclude(pk__in=offered_permissions()))
        super().save_related(request, form, formsets, change)
        held.add(*kept)


class OutOfSight(Base):
    """For the admin of tables that are no daily work: no list names them, and each is at its own address."""

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        return {}


def hide_technical_apps() -> None:
    """Take the tables of TECHNICAL_APPS off the admin's first page and side bar, whoever looks."""
    for model, model_admin in list(admin.site._registry.items()):
        kind = type(model_admin)
        if model._meta.app_label in TECHNICAL_APPS and not issubclass(kind, OutOfSight):
            admin.site.unregister(model)
            admin.site.register(model, type(kind.__name__, (OutOfSight, kind), {}))


if apps.is_installed("axes"):
    from axes import admin as _registered  # noqa: F401 - whichever of the two is found first

    hide_technical_apps()

admin.site.unregister([Group, User])


@admin.register(Group)
class SiteGroupAdmin(PermissionFields, GroupAdmin):  # type: ignore[misc]  # the stubs name its argument otherwise
    permission_field = "permissions"


@admin.register(User)
class SiteUserAdmin(PermissionFields, Users):
    permission_field = "user_permissions"


if apps.is_installed("allauth.mfa"):
    from allauth.mfa.admin import AuthenticatorAdmin
    from allauth.mfa.models import Authenticator

    admin.site.unregister(Authenticator)

    @admin.register(Authenticator)
    class SecondFactorAdmin(AuthenticatorAdmin):  # type: ignore[misc]  # allauth ships no types
        """Says who has a second factor, and takes it from somebody who has lost it. Its secret is not shown."""

        fields = readonly_fields = ("user", "type", "created_at", "last_used_at")

        def has_add_permission(self, request: HttpRequest) -> bool:
            return False

        def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
            return False


if apps.is_installed("allauth.socialaccount"):
    from allauth.socialaccount.admin import SocialApp, SocialToken

    admin.site.unregister([SocialApp, SocialToken])  # the provider is the project's own setting, and no token is kept

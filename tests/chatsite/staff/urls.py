"""The site's addresses, with a second admin site: of a project whose own ModelAdmins narrow what is seen."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import path
from django.utils.safestring import mark_safe

from chatsite.models import Conversation, EmbedSite
from chatsite.site_urls import urlpatterns as site_urls

desk = admin.AdminSite(name="desk")
unmounted = admin.AdminSite(name="unmounted")


class LettersFilter(admin.SimpleListFilter):
    """Its parameter has the name of a field that the list doesn't show."""

    title = "letters"
    parameter_name = "first_name"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("a", "with an a")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        return queryset.filter(username__contains="a") if self.value() == "a" else queryset


@admin.register(User, site=desk)
class PlainUserAdmin(admin.ModelAdmin):
    """A list as a project writes it that doesn't know what Django's own UserAdmin forbids."""

    list_display = ["username", "password", "shouted", "is_active", "email", "broken", "date_joined"]
    list_filter = ["is_active", LettersFilter, "groups__name"]
    search_fields = ["username"]
    exclude = ["email"]
    date_hierarchy = "date_joined"
    ordering = ["username"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Show to nobody who their superusers are."""
        return super().get_queryset(request).filter(is_superuser=False)

    def has_view_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_view_permission(request, obj) and (obj is None or obj.username != "hidden")

    @admin.display(description="Shouted", ordering="username")
    def shouted(self, user: User) -> str:
        return mark_safe(f"<b onclick='alert(1)'>{user.username.upper()}</b> &amp; co")

    @admin.display(description="Broken")
    def broken(self, user: User) -> str:
        if user.username.startswith("nn"):
            raise RuntimeError("a column that fails")
        return ""


@admin.register(LogEntry, site=desk)
class LogAdmin(admin.ModelAdmin):
    list_display = ["user", "action_flag", "object_repr"]
    list_filter = ["user", "user__is_active"]


@admin.register(Conversation, site=desk)
class FailingAdmin(admin.ModelAdmin):
    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversation]:
        raise RuntimeError("a list that fails")


@admin.register(EmbedSite, site=desk)
class TokenAdmin(admin.ModelAdmin):
    """A list that shows a credential, as those of other packages do."""

    list_display = ["name", "token", "active"]
    list_filter = ["token"]


unmounted.register(Group)
unmounted.register(User)

urlpatterns = [path("desk/", desk.urls), *site_urls]

"""What staff see of the chat: conversations and their runs, to read and to delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chatsite.models import ApiKey, Citation, Conversation, Feedback, Run

if TYPE_CHECKING:
    ApiKeyModelAdmin = admin.ModelAdmin[ApiKey]
    ConversationModelAdmin = admin.ModelAdmin[Conversation]
    FeedbackModelAdmin = admin.ModelAdmin[Feedback]
    RunModelAdmin = admin.ModelAdmin[Run]
    CitationTabularInline = admin.TabularInline[Citation, Run]
    RunTabularInline = admin.TabularInline[Run, Conversation]
else:
    ApiKeyModelAdmin = ConversationModelAdmin = FeedbackModelAdmin = RunModelAdmin = admin.ModelAdmin
    CitationTabularInline = RunTabularInline = admin.TabularInline


class ReadOnly:
    """Records are read and deleted, never written by hand."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class RunInline(ReadOnly, RunTabularInline):
    model = Run
    fields = ["question", "mode", "state", "answered", "model", "total_time_ms"]
    show_change_link = True
    extra = 0


class CitationInline(ReadOnly, CitationTabularInline):
    model = Citation
    fields = ["marker", "document", "page", "quote"]
    extra = 0


@admin.register(Conversation)
class ConversationAdmin(ReadOnly, ConversationModelAdmin):
    list_display = ["title", "user", "created_at", "updated_at"]
    list_select_related = ["user"]
    search_fields = ["title", "user__username"]
    inlines = [RunInline]


@admin.register(Run)
class RunAdmin(ReadOnly, RunModelAdmin):
    list_display = ["question", "mode", "state", "error", "answered", "model", "total_time_ms", "created_at"]
    list_filter = ["state", "answered", "mode", "model"]
    search_fields = ["question"]
    date_hierarchy = "created_at"
    ordering = ["-created_at"]
    inlines = [CitationInline]


@admin.register(Feedback)
class FeedbackAdmin(ReadOnly, FeedbackModelAdmin):
    list_display = ["run_question", "helpful", "reason", "comment", "run_model", "updated_at"]
    list_select_related = ["run"]
    list_filter = ["helpful", "reason", "run__mode", "run__model", "updated_at"]
    search_fields = ["comment", "run__question"]

    @admin.display(description=gettext_lazy("question"), ordering="run__question")
    def run_question(self, feedback: Feedback) -> str:
        return feedback.run.question

    @admin.display(description=gettext_lazy("model"), ordering="run__model")
    def run_model(self, feedback: Feedback) -> str:
        return feedback.run.model


@admin.register(ApiKey)
class ApiKeyAdmin(ApiKeyModelAdmin):
    """A key is shown once, in the message after it was added."""

    list_display = ["name", "hint", "user", "expires_at", "revoked", "last_used_at"]
    list_select_related = ["user"]
    list_filter = ["revoked"]
    search_fields = ["name", "hint", "user__username"]
    fields = [
        "name",
        "user",
        "all_collections",
        "collections",
        "expires_at",
        "revoked",
        "hint",
        "created_at",
        "last_used_at",
    ]
    readonly_fields = ["hint", "created_at", "last_used_at"]
    autocomplete_fields = ["user"]
    filter_horizontal = ["collections"]

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        secret = "" if change else obj.make_secret()
        super().save_model(request, obj, form, change)
        if secret:
            shown_once = _("The key is %(secret)s. Copy it now: it can't be shown again.") % {"secret": secret}
            self.message_user(request, shown_once, messages.WARNING)

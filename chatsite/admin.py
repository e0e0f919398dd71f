"""What staff see of the chat: conversations and their runs, to read and to delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from chatsite.conversations.questions_csv import write_questions
from chatsite.models import ApiKey, Citation, Conversation, EmbedSite, Feedback, Run
from retrieval.admin.people import ActsAs, name_of

if TYPE_CHECKING:
    ApiKeyModelAdmin = admin.ModelAdmin[ApiKey]
    EmbedSiteModelAdmin = admin.ModelAdmin[EmbedSite]
    ConversationModelAdmin = admin.ModelAdmin[Conversation]
    FeedbackModelAdmin = admin.ModelAdmin[Feedback]
    RunModelAdmin = admin.ModelAdmin[Run]
    CitationTabularInline = admin.TabularInline[Citation, Run]
    RunTabularInline = admin.TabularInline[Run, Conversation]
else:
    ApiKeyModelAdmin = EmbedSiteModelAdmin = ConversationModelAdmin = admin.ModelAdmin
    FeedbackModelAdmin = RunModelAdmin = admin.ModelAdmin
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
    search_fields = ["title", name_of("user")]
    inlines = [RunInline]


@admin.register(Run)
class RunAdmin(ReadOnly, RunModelAdmin):
    list_display = [
        "question", "mode", "state", "error", "answered", "model", "model_fault", "total_time_ms", "created_at",
    ]  # fmt: skip
    list_filter = ["state", "answered", "small_talk", "mode", "model", "model_fault"]
    search_fields = ["question"]
    date_hierarchy = "created_at"
    ordering = ["-created_at"]
    inlines = [CitationInline]
    actions = ["save_as_questions"]

    @admin.action(description=_lazy("Save as evaluation questions"), permissions=["view"])
    def save_as_questions(self, request: HttpRequest, queryset: QuerySet[Run]) -> HttpResponse:
        """A csv that `manage.py evaluate` reads."""
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="questions.csv"'
        write_questions(response, queryset, user=request.user)
        return response


@admin.register(Feedback)
class FeedbackAdmin(ReadOnly, FeedbackModelAdmin):
    list_display = ["run_question", "helpful", "reason", "comment", "run_model", "updated_at"]
    list_select_related = ["run"]
    list_filter = ["helpful", "reason", "run__mode", "run__model", "updated_at"]
    search_fields = ["comment", "run__question"]

    @admin.display(description=_lazy("question"), ordering="run__question")
    def run_question(self, feedback: Feedback) -> str:
        return feedback.run.question

    @admin.display(description=_lazy("model"), ordering="run__model")
    def run_model(self, feedback: Feedback) -> str:
        return feedback.run.model


@admin.register(ApiKey)
class ApiKeyAdmin(ActsAs, ApiKeyModelAdmin):
    """A key is shown once, in the message after it was added."""

    list_display = ["name", "hint", "user", "expires_at", "revoked", "last_used_at"]
    list_select_related = ["user"]
    list_filter = ["revoked"]
    search_fields = ["name", "hint", name_of("user")]
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
    acts_as = "user"
    raw_id_fields = ["user"]
    filter_horizontal = ["collections"]

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        secret = "" if change else obj.make_secret()
        super().save_model(request, obj, form, change)
        if secret:
            shown_once = _("The key is %(secret)s. Copy it now: it can't be shown again.") % {"secret": secret}
            self.message_user(request, shown_once, messages.WARNING)


@admin.register(EmbedSite)
class EmbedSiteAdmin(ActsAs, EmbedSiteModelAdmin):
    """The line for a page of another origin stands above the form, once the site is saved."""

    change_form_template = "admin/chatsite/embedsite/change_form.html"
    list_display = ["name", "active", "origins", "visitor_per_minute", "per_minute", "per_day"]
    list_filter = ["active"]
    search_fields = ["name", "origins"]
    fieldsets = [
        (None, {"fields": ["name", "active", "origins", "collections", "reader"]}),
        (_lazy("Looks"), {"fields": ["title", "accent"]}),
        (_lazy("Limits"), {"fields": ["visitor_per_minute", "per_minute", "per_day"]}),
    ]
    acts_as = "reader"
    raw_id_fields = ["reader"]
    filter_horizontal = ["collections"]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        site = self.get_object(request, object_id)
        shown = {"site": site, "script_url": request.build_absolute_uri(reverse("chatsite:embed-script"))}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

"""What staff see of the chat: conversations and their runs, to read and to delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chatsite.answering.sight import Sight
from chatsite.assistants.pages import ChatAgentAdmin
from chatsite.conversations.questions_csv import write_questions
from chatsite.gaps.pages import GapAdmin, note_published
from chatsite.models import (
    ApiKey,
    ChatAgent,
    Citation,
    Conversation,
    EmbedSite,
    Feedback,
    Gap,
    ModelPrice,
    PromptEvaluation,
    PromptVersion,
    Run,
    SavedQuestion,
    Workflow,
    WorkflowRun,
    WorkflowTrigger,
)
from chatsite.overview.again import AskAgainForm, AsksAgain, begin_answer
from chatsite.overview.filters import (
    AgentFilter,
    FaultFilter,
    FeedbackModelFilter,
    ModelFilter,
    TrialConversationFilter,
    TrialFilter,
)
from chatsite.overview.run_page import run_page
from chatsite.prompts.evaluation_pages import PromptEvaluationAdmin
from chatsite.prompts.pages import PromptVersionAdmin
from chatsite.prompts.saved_pages import SavedQuestionAdmin
from chatsite.reader import Reader
from chatsite.usage.pages import CitesFilter, add_to_documents
from chatsite.workflows.pages import WorkflowAdmin
from chatsite.workflows.run_pages import WorkflowRunAdmin
from chatsite.workflows.triggers.pages import WorkflowTriggerAdmin
from retrieval.admin.additions import additions
from retrieval.admin.people import ActsAs, name_of

if TYPE_CHECKING:
    ApiKeyModelAdmin = admin.ModelAdmin[ApiKey]
    ApiKeyModelForm = forms.ModelForm[ApiKey]
    EmbedSiteModelAdmin = admin.ModelAdmin[EmbedSite]
    ConversationModelAdmin = admin.ModelAdmin[Conversation]
    FeedbackModelAdmin = admin.ModelAdmin[Feedback]
    ModelPriceModelAdmin = admin.ModelAdmin[ModelPrice]
    RunModelAdmin = admin.ModelAdmin[Run]
    CitationTabularInline = admin.TabularInline[Citation, Run]
    RunTabularInline = admin.TabularInline[Run, Conversation]
else:
    ApiKeyModelForm = forms.ModelForm
    ApiKeyModelAdmin = EmbedSiteModelAdmin = ConversationModelAdmin = admin.ModelAdmin
    FeedbackModelAdmin = RunModelAdmin = ModelPriceModelAdmin = admin.ModelAdmin
    CitationTabularInline = RunTabularInline = admin.TabularInline


QUOTING = ["answer", "unsupported", "selected_text", "selections", "steps"]  # fields of a run that may quote documents
HEADINGS = "sources"  # its field that holds headings of documents


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

    def get_queryset(self, request: HttpRequest) -> QuerySet[Citation]:
        """Leave out those of documents that whoever looks may not read."""
        readable = Q(document__in=Reader(request.user).documents()) | Q(content_hash="")
        return super().get_queryset(request).filter(readable)


@admin.register(Conversation)
class ConversationAdmin(ReadOnly, ConversationModelAdmin):
    list_display = ["title", "user", "created_at", "updated_at"]
    list_filter = [TrialConversationFilter]
    list_select_related = ["user"]
    search_fields = ["title", name_of("user")]
    inlines = [RunInline]


@admin.register(Run)
class RunAdmin(ReadOnly, AsksAgain, RunModelAdmin):
    list_display = [
        "question", "mode", "state", "error", "answered", "model", "model_fault", "total_time_ms", "created_at",
    ]  # fmt: skip
    list_filter = [
        TrialFilter, CitesFilter, "created_at", "state", "answered", "small_talk", "mode", AgentFilter, ModelFilter,
        "prompt", FaultFilter,
    ]  # fmt: skip
    search_fields = ["question"]
    show_full_result_count = False  # beside what was searched for; nor a date hierarchy: both read all rows
    ordering = ["-created_at"]
    change_form_template = "admin/chatsite/run/change_form.html"
    list_select_related = ["conversation"]
    fieldsets = [
        (None, {"fields": ["question", "selected_text", "answer", "unsupported"]}),
        (gettext_lazy("How it ended"), {"fields": ["state", "error", "answered", "small_talk", "model_fault"]}),
        (gettext_lazy("When"), {"fields": ["created_at", "ended_at", "conversation", "replaced_by", "continues"]}),
        (
            gettext_lazy("As it is recorded"),
            {"fields": ["agent", "prompt", "scope", "steps", "sources", "usage"], "classes": ["collapse"]},
        ),
    ]
    inlines = [CitationInline]
    actions = ["save_as_questions"]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Refuse an address that narrows the list by words of documents: it would tell them to who may not read
        them."""
        quotes = lookup.partition("__")[0] in {*QUOTING, HEADINGS}
        return not quotes and bool(super().lookup_allowed(lookup, value, request))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run = self.get_object(request, object_id)
        shown: dict[str, Any] = {}
        if run:
            may_save = request.user.has_perm("chatsite.add_savedquestion")
            shown = {"page": run_page(run, user=request.user), "run": run, "may_save": may_save}
            shown["again"] = AskAgainForm(request, agent=run.agent)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def get_fieldsets(self, request: HttpRequest, obj: Run | None = None) -> Any:
        """Leave out the words of documents that whoever looks may not read, and what tools gave somebody else: searches
        may repeat that where there is no answer."""
        fieldsets = super().get_fieldsets(request, obj)
        sight = Sight.of([obj], reader=Reader(request.user)) if obj else None
        if obj is None or sight is None or (sight.may_read(obj) and sight.is_readers(obj)):
            return fieldsets
        return [
            (name, {**options, "fields": [field for field in options["fields"] if field not in QUOTING]})
            for name, options in fieldsets
        ]

    @admin.action(description=gettext_lazy("Save as evaluation questions"), permissions=["view"])
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
    list_filter = ["helpful", "reason", "run__mode", FeedbackModelFilter, "updated_at"]
    search_fields = ["comment", "run__question"]

    @admin.display(description=gettext_lazy("question"), ordering="run__question")
    def run_question(self, feedback: Feedback) -> str:
        return feedback.run.question

    @admin.display(description=gettext_lazy("model"), ordering="run__model")
    def run_model(self, feedback: Feedback) -> str:
        return feedback.run.model


@admin.register(ModelPrice)
class ModelPriceAdmin(ModelPriceModelAdmin):
    """Prices of language models, in place of what their providers publish; who changed which, its history says."""

    list_display = ["model", "input", "output", "cached", "changed_at"]
    search_fields = ["model"]


admin.site.register(Gap, GapAdmin)
admin.site.register(ChatAgent, ChatAgentAdmin)
add_to_documents()
additions.begin_answer = begin_answer
admin.site.register(PromptVersion, PromptVersionAdmin)
admin.site.register(PromptEvaluation, PromptEvaluationAdmin)
admin.site.register(SavedQuestion, SavedQuestionAdmin)
additions.added.append(note_published)
admin.site.register(Workflow, WorkflowAdmin)
admin.site.register(WorkflowRun, WorkflowRunAdmin)
admin.site.register(WorkflowTrigger, WorkflowTriggerAdmin)


class ApiKeyForm(ApiKeyModelForm):
    """Refuses a new key that could search nothing. One that exists may have collections that its editor doesn't see."""

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        chosen = self.cleaned_data.get("collections") or self.cleaned_data.get("all_collections")
        if self.instance.pk is None and not chosen and "collections" not in self.errors:
            self.add_error("collections", _("Choose some, or tick “every collection”: the key could search nothing."))
        return cleaned


@admin.register(ApiKey)
class ApiKeyAdmin(ActsAs, ApiKeyModelAdmin):
    """A key is shown once, in the message after it was added."""

    form = ApiKeyForm
    list_display = ["name", "hint", "user", "expires_at", "revoked", "last_used_at"]
    list_select_related = ["user"]
    list_filter = ["revoked"]
    search_fields = ["name", "hint", name_of("user")]
    fields = [
        "name",
        "user",
        "all_collections",
        "collections",
        "may_change_documents",
        "tools",
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
        (None, {"fields": ["name", "active", "origins", "collections", "reader", "tools"]}),
        (gettext_lazy("Looks"), {"fields": ["title", "accent"]}),
        (gettext_lazy("Limits"), {"fields": ["visitor_per_minute", "per_minute", "per_day"]}),
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

"""What staff see of the chat: conversations and their runs, to read and to delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest

from chatsite.models import Citation, Conversation, Run

if TYPE_CHECKING:
    ConversationModelAdmin = admin.ModelAdmin[Conversation]
    RunModelAdmin = admin.ModelAdmin[Run]
    CitationTabularInline = admin.TabularInline[Citation, Run]
    RunTabularInline = admin.TabularInline[Run, Conversation]
else:
    ConversationModelAdmin = RunModelAdmin = admin.ModelAdmin
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

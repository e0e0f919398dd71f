"""The index in the admin: what is wrong with it, how far a rebuild is, and the actions that ask for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from retrieval.errors import IndexUnavailable
from retrieval.ingestion import reindex, spaces
from retrieval.models import Collection

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Collection]
else:
    Base = object


class IndexActions(Base):
    """For the admin of collections: all of them share one index, so it doesn't matter which are selected."""

    actions = ["build_new_index", "cancel_new_index", "compare_index", "repair_index"]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method == "GET" and self.has_change_permission(request):
            if reason := spaces.mismatch():
                messages.warning(request, reason.message())
            if reason := spaces.unlearned():
                messages.info(request, reason.message())
            for line in reindex.progress():
                messages.info(request, line.message())
        return super().changelist_view(request, extra_context)

    @admin.action(permissions=["change"], description=_("Build the index for the configured embedding model"))
    def build_new_index(self, request: HttpRequest, queryset: QuerySet[Collection]) -> None:
        reindex.request_reindex()

    @admin.action(permissions=["change"], description=_("Cancel the building of the new index"))
    def cancel_new_index(self, request: HttpRequest, queryset: QuerySet[Collection]) -> None:
        if not reindex.cancel_reindex():
            messages.info(request, _("No new index is being built."))

    @admin.action(permissions=["change"], description=_("Compare the index with the documents"))
    def compare_index(self, request: HttpRequest, queryset: QuerySet[Collection]) -> None:
        """Compare in this process, which owns an embedded index."""
        try:
            messages.info(request, str(reindex.drift(spaces.live_space())))
        except IndexUnavailable as error:
            messages.error(request, error.reason.message())

    @admin.action(permissions=["change"], description=_("Compare the index with the documents and repair it"))
    def repair_index(self, request: HttpRequest, queryset: QuerySet[Collection]) -> None:
        reindex.request_repair()

"""What staff do to many documents at once, beside what Django's admin has: move them to a collection, rename them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from retrieval.ingestion import ingest
from retrieval.ingestion.regrouping import move_documents
from retrieval.models import Collection, Document

if TYPE_CHECKING:
    DocumentModelAdmin = admin.ModelAdmin[Document]
else:
    DocumentModelAdmin = admin.ModelAdmin

MOVED_AT_ONCE = 1_000  # documents, for somebody waits
RENAMED_AT_ONCE = 100


class MoveForm(forms.Form):
    target = forms.ModelChoiceField(Collection.objects.listed(), label=gettext_lazy("Collection"))


class BulkActions(DocumentModelAdmin):
    """For the lists of documents: actions that ask for something first, on a page of their own."""

    @admin.action(description=gettext_lazy("Move selected documents to another collection"), permissions=["change"])
    def move(self, request: HttpRequest, queryset: QuerySet[Document]) -> HttpResponse | None:
        """Ask for the collection, and then move them."""
        documents = queryset.filter(collection__hidden=False).order_by("pk")
        form = MoveForm(request.POST if request.POST.get("post") else None)
        if not form.is_valid():
            return self._ask(request, documents, "move", title=_("Move documents"), form=form)
        some = Document.objects.filter(pk__in=list(documents.values_list("pk", flat=True)[:MOVED_AT_ONCE]))
        left_over = max(0, documents.count() - MOVED_AT_ONCE)
        LogEntry.objects.log_actions(_user_id(request), some, CHANGE, _("Moved to another collection."))
        done = move_documents(some, target=form.cleaned_data["target"])
        moved = ngettext("%d document was moved.", "%d documents were moved.", done.moved) % done.moved
        self.message_user(request, moved)
        if done.there_already:
            text = ngettext(
                "%d document was not moved, for the collection holds the same already.",
                "%d documents were not moved, for the collection holds the same already.",
                done.there_already,
            )
            self.message_user(request, text % done.there_already, messages.WARNING)
        if left_over:
            text = ngettext("%d document is left: move again.", "%d documents are left: move again.", left_over)
            self.message_user(request, text % left_over, messages.WARNING)
        return None

    @admin.action(description=gettext_lazy("Rename selected documents"), permissions=["change"])
    def rename(self, request: HttpRequest, queryset: QuerySet[Document]) -> HttpResponse | None:
        """Ask for the title of each, and then give it to those whose title is another now."""
        documents = list(queryset.filter(collection__hidden=False).order_by("title", "pk")[: RENAMED_AT_ONCE + 1])
        if len(documents) > RENAMED_AT_ONCE:
            text = _("Up to %d documents are renamed at once: select fewer.") % RENAMED_AT_ONCE
            self.message_user(request, text, messages.WARNING)
            return None
        form = _titles_form(documents)(request.POST if request.POST.get("post") else None)
        if not form.is_valid():
            chosen = Document.objects.filter(pk__in=[document.pk for document in documents])
            return self._ask(request, chosen, "rename", title=_("Rename documents"), form=form)
        renamed = [document for document in documents if form.cleaned_data[f"title_{document.pk}"] != document.title]
        for document in renamed:
            document.title, document.title_given = form.cleaned_data[f"title_{document.pk}"], True
            document.save(update_fields=["title", "title_given", "updated_at"])  # ingestion may write the others
            self.log_change(request, document, [{"changed": {"fields": [_("title")]}}])
        ingest.enqueue_all(Document.objects.filter(pk__in=[document.pk for document in renamed]))
        text = ngettext("%d document was renamed.", "%d documents were renamed.", len(renamed)) % len(renamed)
        self.message_user(request, text)
        return None

    def _ask(
        self, request: HttpRequest, documents: QuerySet[Document], action: str, *, title: str, form: forms.Form
    ) -> HttpResponse:
        across, count = request.POST.get("select_across") == "1", documents.count()
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "subtitle": ngettext("%d document", "%d documents", count) % count,
            "action": action,
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
            # For all that match a filter one field stands: a request may have a thousand of them.
            "queryset": documents[:1] if across else documents,
            "across": across,
            "form": form,
            "media": self.media,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/retrieval/document/bulk.html", context)


def _titles_form(documents: list[Document]) -> type[forms.Form]:
    """Return a form with a title for each of the documents."""
    fields: dict[str, Any] = {
        f"title_{document.pk}": forms.CharField(
            label=document.title,
            initial=document.title,
            max_length=300,
            widget=forms.TextInput(attrs={"class": "vTextField"}),
        )
        for document in documents
    }
    return cast("type[forms.Form]", type("TitlesForm", (forms.Form,), fields))


def _user_id(request: HttpRequest) -> int:
    return cast(int, request.user.pk)  # of whatever kind the project's users have

"""The admin's pages of saved questions: made by hand, of a reader's question or of one that nothing answered, and taken
in or handed out as the table that `manage.py evaluate` reads."""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, LogEntry
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from chatsite.answering.sight import Sight
from chatsite.conversations.questions_csv import write_saved
from chatsite.models import Gap, Run, SavedQuestion
from chatsite.models.saved_questions import LONGEST
from chatsite.reader import Reader
from retrieval.errors import EvaluationSetError
from retrieval.evaluation.located import locate
from retrieval.evaluation.questions import JudgedQuestion
from retrieval.evaluation.tables import read_table
from retrieval.models import Collection, Document
from retrieval.texts import document_text

if TYPE_CHECKING:
    SavedModelAdmin = admin.ModelAdmin[SavedQuestion]
    SavedModelForm = forms.ModelForm[SavedQuestion]
else:
    SavedModelAdmin, SavedModelForm = admin.ModelAdmin, forms.ModelForm

MOST_BYTES = 1_000_000  # of a table
Expected = SavedQuestion.Expected


class TableForm(forms.Form):
    """A table of questions."""

    table = forms.FileField(label=gettext_lazy("Table (csv)"))

    def clean_table(self) -> Any:
        table = self.cleaned_data["table"]
        if table.size > MOST_BYTES:
            raise forms.ValidationError(_("It has more than a million bytes. Take it in in parts."))
        return table


class SavedQuestionForm(SavedModelForm):
    """A question whose words stand in its document, where it names one."""

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        document, words = self.cleaned_data.get("document"), self.cleaned_data.get("quote", "").strip()
        if document and words and words not in document_text(document):
            self.add_error("quote", _("“%s” doesn’t hold these words.") % document)
        return cleaned


class SavedQuestionAdmin(SavedModelAdmin):
    """Words of a document are shown to who may read it, and to nobody else."""

    form = SavedQuestionForm
    change_list_template = "admin/chatsite/savedquestion/change_list.html"
    list_display = ["question", "expected", "document", "collection", "created_by", "created_at"]
    list_select_related = ["collection", "created_by"]
    list_filter = ["expected", "collection"]
    search_fields = ["question"]
    autocomplete_fields = ["document"]
    fields = ["question", "expected", "document", "quote", "collection"]
    actions = ["as_table"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SavedQuestion]:
        """Return those whose words may be read."""
        shown = SavedQuestion.objects.quoted_to(request.user).prefetch_related("document")
        return shown.order_by(*self.get_ordering(request))

    def get_urls(self) -> list[URLPattern]:
        take_in = self.admin_site.admin_view(self.table_view)
        return [path("table/", take_in, name="chatsite_savedquestion_table"), *super().get_urls()]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer what whoever looks may read."""
        offered = {
            "document": Document.objects.visible_to(request.user).listed(),
            "collection": Collection.objects.visible_to(request.user).listed(),
        }
        if db_field.name in offered:
            kwargs["queryset"] = offered[db_field.name]
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin with the run or the gap that the address names, as far as whoever looks may see it."""
        if run := _run(request):
            return _of_run(run, Reader(request.user))
        if gap := _gap(request):
            return {"question": gap.question, "expected": Expected.ANSWERED}
        return {}

    def save_model(self, request: HttpRequest, obj: SavedQuestion, form: Any, change: bool) -> None:
        """Keep who saved it and from what, and where its words stood, as long as they are those."""
        if not change:
            obj.created_by_id = request.user.pk
            obj.run, obj.gap = _run(request), _gap(request)
        if "quote" in form.changed_data or "document" in form.changed_data or not change:
            obj.start, obj.end = _place(obj)
        super().save_model(request, obj, form, change)

    @admin.action(description=gettext_lazy("Hand out as a table (csv)"), permissions=["view"])
    def as_table(self, request: HttpRequest, queryset: QuerySet[SavedQuestion]) -> HttpResponse:
        """A csv that `manage.py evaluate` reads."""
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="questions.csv"'
        write_saved(response, queryset)
        return response

    def table_view(self, request: HttpRequest) -> HttpResponse:
        """Take in a table, all of it or nothing."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = TableForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            try:
                made = _take_in(form.cleaned_data["table"].read(), request)
            except (EvaluationSetError, UnicodeDecodeError) as error:
                form.add_error("table", str(error))
            else:
                said = ngettext("%d question was saved.", "%d questions were saved.", made) % made
                messages.success(request, said)
                return HttpResponseRedirect(reverse("admin:chatsite_savedquestion_changelist"))
        page = {"title": _("Take in questions"), "opts": self.opts, "media": self.media, "form": form}
        context = {**self.admin_site.each_context(request), **page}
        return TemplateResponse(request, "admin/chatsite/savedquestion/table.html", context)


def _run(request: HttpRequest) -> Run | None:
    """Return the run that the address names, for who may view runs."""
    named = request.GET.get("run", "")
    try:
        pk = uuid.UUID(named)
    except ValueError:
        return None
    return Run.objects.filter(pk=pk).first() if request.user.has_perm("chatsite.view_run") else None


def _gap(request: HttpRequest) -> Gap | None:
    named = request.GET.get("gap", "")
    known = named.isdecimal() and len(named) < 19 and request.user.has_perm("chatsite.view_gap")
    return Gap.objects.filter(pk=int(named)).first() if known else None


def _of_run(run: Run, reader: Reader) -> dict[str, Any]:
    """Return what a run suggests: the place that its answer cites first, or that nothing answers it."""
    if not run.answered:
        return {"question": run.question, "expected": Expected.REFUSED}
    readable = reader.documents().listed().values("pk")
    cited = run.citations.filter(document__in=readable, in_selection=False).order_by("pk").first()
    if cited is None or not Sight.of([run], reader=reader).may_read(run):
        return {"question": run.question, "expected": Expected.ANSWERED}
    return {
        "question": run.question, "expected": Expected.DOCUMENT, "document": cited.document_id, "quote": cited.quote,
    }  # fmt: skip


def _place(saved: SavedQuestion) -> tuple[int | None, int | None]:
    """Return where its words stand in its document; nothing where they don't."""
    if not saved.document or not saved.quote.strip():
        return None, None
    words = saved.quote.strip()
    start = document_text(saved.document).find(words)
    return (start, start + len(words)) if start >= 0 else (None, None)


def _take_in(content: bytes, request: HttpRequest) -> int:
    """Save the questions of a table, as far as they are not saved yet; return how many. Raises EvaluationSetError."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "questions.csv")
        path.write_bytes(content)
        questions = read_table(path).questions
    known = set(SavedQuestion.objects.values_list("question", flat=True))
    made = [_saved_of(question, request) for question in questions if question.text not in known]
    with transaction.atomic():
        saved = SavedQuestion.objects.bulk_create(made)
        if saved:
            by, said = request.user.pk, _("Taken in from a table.")
            LogEntry.objects.log_actions(by, saved, ADDITION, said)  # type: ignore[arg-type]
    return len(saved)


def _saved_of(question: JudgedQuestion, request: HttpRequest) -> SavedQuestion:
    """Return a question of a table, with the first place that answers it. Raises EvaluationSetError where that is in no
    document that whoever takes it in may read."""
    saved = SavedQuestion(question=question.text, expected=Expected.REFUSED, created_by_id=request.user.pk)
    if not question.quotes:
        return saved
    named, start, end = locate([question], documents={})[0].places[0]
    document = Document.objects.visible_to(request.user).listed().filter(pk=named).first()
    if document is None:
        raise EvaluationSetError("No readable document is called “{name}” here.", name=question.quotes[0].document)
    saved.document, saved.start, saved.end = document, start, end
    saved.quote = document_text(document, start=start, end=end)[:LONGEST]
    saved.expected = Expected.QUOTE if question.quotes[0].text else Expected.DOCUMENT
    return saved

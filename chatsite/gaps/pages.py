"""The admin's pages of gaps: what is asked most and not answered, what the documents say next to it, and the way to
answer it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.helpers import AdminForm
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Max, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from chatsite.gaps.closing import FAULTS, as_markdown, ask_again, publish, wordings
from chatsite.gaps.grouping import AT_A_LOOK, group_new
from chatsite.gaps.unsaved import draft
from chatsite.models import Gap
from chatsite.reader import Reader
from retrieval.admin.collections import highlighted
from retrieval.admin.forms import PasteForm
from retrieval.admin.sources import the_only_collection
from retrieval.errors import RetrievalError
from retrieval.models import Document, User
from retrieval.searching.passages import Passage
from retrieval.searching.search import search

if TYPE_CHECKING:
    GapModelAdmin = admin.ModelAdmin[Gap]
else:
    GapModelAdmin = admin.ModelAdmin

WEEK = timedelta(days=7)
WORDINGS_SHOWN = 50  # of a gap
NEAREST = 3
TITLE = 200  # characters of a question that become the title of its answer


@dataclass(frozen=True, slots=True)
class Now:
    """What a search says to a gap's question now, as far as one of the staff may read: whether it is answered, and the
    nearest passages with the question's words marked; or why nobody knows."""

    answered: bool = False
    nearest: tuple[tuple[Passage, SafeString], ...] = ()
    problem: str = ""


def asked_now(gap: Gap, *, user: User) -> Now:
    """Search for the gap's question as this user."""
    try:
        found = search(gap.question, user=user, limit=NEAREST)
    except RetrievalError as error:
        return Now(problem=error.reason.message())
    answered = found.answers and not found.missing and not found.unanswered
    nearest = [(passage, highlighted(passage.text, query=gap.question)) for passage in found.passages]
    return Now(answered, tuple(nearest))


class StateFilter(admin.SimpleListFilter):
    """Shows open gaps where the address asks for none."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*Gap.State.choices, ("all", gettext_lazy("All"))]

    def value(self) -> str:
        return super().value() or Gap.State.OPEN

    def choices(self, changelist: Any) -> Iterator[Any]:
        for value, title in self.lookup_choices:
            query = changelist.get_query_string({self.parameter_name: value})
            yield {"selected": self.value() == value, "query_string": query, "display": title}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Gap]) -> QuerySet[Gap]:
        return queryset if self.value() == "all" else queryset.filter(state=self.value())


class GapAdmin(GapModelAdmin):
    """Gaps come from questions: nobody adds one. What is asked since somebody looked last is grouped on the way."""

    change_form_template = "admin/chatsite/gap/change_form.html"
    list_display = ["question", "asked", "this_week", "last_asked", "answered_now", "said_again"]
    list_filter = [StateFilter]
    list_per_page = 20  # each is searched for
    search_fields = ["question", "questions__run__question"]
    fields = ["question", "state"]
    readonly_fields = ["question"]
    actions = ["dismiss", "reopen"]

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/draft/", wrap(require_POST(self.draft_view)), name="chatsite_gap_draft"),
            path("<int:pk>/again/", wrap(require_POST(self.again_view)), name="chatsite_gap_again"),
            *super().get_urls(),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Gap]:
        """Return the gaps with how often each was asked."""
        now, at = timezone.now(), "questions__run__created_at"
        fresh, before = Q(**{f"{at}__gte": now - WEEK}), Q(**{f"{at}__gte": now - 2 * WEEK, f"{at}__lt": now - WEEK})
        runs = "questions__run"
        counts = {
            "fresh": Count(runs, filter=fresh, distinct=True),
            "before": Count(runs, filter=before, distinct=True),
        }
        gaps = Gap.objects.annotate(times=Count(runs, distinct=True), latest=Max(at), **counts)
        return gaps.order_by(*self.get_ordering(request))

    def get_ordering(self, request: HttpRequest) -> Any:
        """Return the order of the list: what presses most comes first."""
        return ["-fresh", "-times", "-latest", "-pk"]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Search for each question of the page, as who looks."""
        group_new(most=AT_A_LOOK)
        changelist = super().get_changelist_instance(request)
        for gap in changelist.result_list:
            vars(gap)["now"] = asked_now(gap, user=request.user)
        return changelist

    @admin.display(description=gettext_lazy("asked"), ordering="times")
    def asked(self, gap: Gap) -> int:
        return int(vars(gap)["times"])

    @admin.display(description=gettext_lazy("this week"), ordering="fresh")
    def this_week(self, gap: Gap) -> str:
        counts = vars(gap)
        return _("%(week)s (%(before)s before)") % {"week": counts["fresh"], "before": counts["before"]}

    @admin.display(description=gettext_lazy("last asked"), ordering="latest")
    def last_asked(self, gap: Gap) -> str:
        latest = vars(gap)["latest"]
        return date_format(latest, "DATE_FORMAT") if latest else ""

    @admin.display(description=gettext_lazy("answered now"), boolean=True)
    def answered_now(self, gap: Gap) -> bool | None:
        now: Now = vars(gap)["now"]
        return None if now.problem else now.answered

    @admin.action(description=gettext_lazy("Not for us"), permissions=["change"])
    def dismiss(self, request: HttpRequest, queryset: QuerySet[Gap]) -> None:
        self._set_state(request, queryset, Gap.State.DISMISSED, said=_("Not for us"))

    @admin.action(description=gettext_lazy("Open again"), permissions=["change"])
    def reopen(self, request: HttpRequest, queryset: QuerySet[Gap]) -> None:
        self._set_state(request, queryset, Gap.State.OPEN, said=_("Open again"))

    def _set_state(self, request: HttpRequest, queryset: QuerySet[Gap], state: str, *, said: str) -> None:
        """Change the state of those that have another one, and say so in their history."""
        gaps = list(Gap.objects.filter(pk__in=queryset.values("pk")).exclude(state=state))
        with transaction.atomic():
            Gap.objects.filter(pk__in=[gap.pk for gap in gaps]).update(state=state)
            if gaps:
                LogEntry.objects.log_actions(request.user.pk, gaps, CHANGE, said)  # type: ignore[arg-type]

    @admin.display(description=gettext_lazy("asked again"), ordering="asked_at")
    def said_again(self, gap: Gap) -> str:
        return said_again(gap)

    def draft_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Draft the answer from the documents, and show it in the form that makes a document; nothing is saved yet."""
        if not (self.has_view_or_change_permission(request) and request.user.has_perm("retrieval.add_document")):
            raise PermissionDenied
        gap = get_object_or_404(Gap, pk=pk)
        try:
            reply = draft(gap.question, reader=Reader(request.user))
        except FAULTS as error:
            self.message_user(request, _fault(error), messages.ERROR)
            return redirect("admin:chatsite_gap_change", pk)
        title, text = Truncator(gap.question).chars(TITLE), as_markdown(reply)
        form = PasteForm(initial={"title": title, "text": text, "collection": the_only_collection()})
        context = {
            **self.admin_site.each_context(request),
            "title": _("Draft an answer"),
            "gap": gap,
            "form": form,
            "adminform": AdminForm(cast(Any, form), [(None, {"fields": list(form.fields)})], {}),
            "reply": reply,
            "post_url": paste_url(gap),
            "media": self.media,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/chatsite/gap/draft.html", context)

    def again_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask the gap's questions again, as who looks."""
        if not (self.has_view_or_change_permission(request) and self._may_ask(request)):
            raise PermissionDenied
        gap = get_object_or_404(Gap, pk=pk)
        try:
            ask_again(gap, user=request.user)
            self.log_change(request, gap, _("Asked again."))
        except FAULTS as error:
            self.message_user(request, _fault(error), messages.ERROR)
        return redirect("admin:chatsite_gap_change", pk)

    def _may_ask(self, request: HttpRequest) -> bool:
        """Return whether the user may have what came out kept: who answers gaps, not who only reads them."""
        return self.has_change_permission(request) or request.user.has_perm("retrieval.add_document")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        gap = self.get_object(request, object_id)
        shown = self._shown(request, gap) if gap and self.has_view_permission(request, gap) else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def _shown(self, request: HttpRequest, gap: Gap) -> dict[str, Any]:
        may_read = request.user.has_perm("chatsite.view_run")
        adds = request.user.has_perm("retrieval.add_document")
        title = Truncator(gap.question).chars(TITLE)
        return {
            "gap": gap,
            "now": asked_now(gap, user=request.user),
            "wordings": wordings(gap)[:WORDINGS_SHOWN] if may_read else (),
            "write_url": paste_url(gap, title=title) if adds else "",
            "add_url": f"{reverse('admin:retrieval_document_add')}?gap={gap.pk}" if adds else "",
            "said_again": said_again(gap),
            "may_ask": self._may_ask(request),
        }


def paste_url(gap: Gap, *, title: str = "") -> str:
    """Return the address of the page where the answer to a gap is written."""
    query = {"title": title, "gap": gap.pk} if title else {"gap": gap.pk}
    return f"{reverse('admin:retrieval_document_paste')}?{urlencode(query)}"


def said_again(gap: Gap) -> str:
    """Return what came of asking the gap's questions again; empty where nobody has."""
    if gap.document_id and gap.asked_at is None:
        return _("Asked again when its document is read")
    if gap.asked_at is None:
        return ""
    if not gap.asked_again:
        return _("Could not be asked again")
    values = {"answered": gap.answered_again, "asked": gap.asked_again, "day": date_format(gap.asked_at, "DATE_FORMAT")}
    if gap.answered_again == gap.asked_again:
        return _("Answered (%(answered)s of %(asked)s, %(day)s)") % values
    return _("Not yet (%(answered)s of %(asked)s, %(day)s)") % values


def note_published(request: HttpRequest, document: Document) -> None:
    """Note that a document which came in answers the gap that the address names."""
    asked = request.GET.get("gap", "")
    may = request.user.has_perm("chatsite.view_gap") and asked.isdecimal() and len(asked) < 19
    if may and (gap := Gap.objects.filter(pk=int(asked)).first()):
        publish(gap, document, user=request.user)


def _fault(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    return reason.message() if reason else _("The documents or the language model can’t be asked now. Try again.")

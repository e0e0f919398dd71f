"""The admin's pages of runs: how each went, step by step; stop it, go on with it, replay it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST

from agents import AgentError, ReplayDiffers, replay
from agents.workflows.errors import AnswerRefused
from agents.workflows.persons import answered
from agents.workflows.values import Json
from chatsite.answering.sse import event_stream
from chatsite.errors import AnswerError
from chatsite.models import WorkflowRun
from chatsite.reader import Reader, reader_of
from chatsite.workflows import running
from chatsite.workflows.answers import answer_in, asked_in
from chatsite.workflows.cards import cards_in
from chatsite.workflows.following import WorkflowFollower
from chatsite.workflows.records import folder_of, record_of
from chatsite.workflows.registry import registry_for
from chatsite.workflows.run_page import may_read, shown, staffs_runs, traced
from chatsite.workflows.starter import RUN, StarterRefused, starter_of
from retrieval.admin.people import name_of

if TYPE_CHECKING:
    WorkflowRunModelAdmin = admin.ModelAdmin[WorkflowRun]
else:
    WorkflowRunModelAdmin = admin.ModelAdmin

STEP_STATES = ("open", "running", "completed", "failed", "skipped", "stopped", "waiting")


class WorkflowRunAdmin(WorkflowRunModelAdmin):
    """Runs are begun on the page of their workflow, and never written by hand."""

    list_display = ["workflow", "state", "version_number", "started_by", "started_at", "ended_at"]
    list_filter = ["state", "workflow"]
    list_select_related = ["workflow", "version", "started_by"]
    search_fields = ["workflow__title", "workflow__slug", name_of("started_by")]
    date_hierarchy = "started_at"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Refuse an address that narrows the list by what a run was given or said: it may be words of documents."""
        narrows = lookup.partition("__")[0] in {"state", "workflow", "started_at", "started_by"}
        return narrows and bool(super().lookup_allowed(lookup, value, request))

    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkflowRun]:
        return staffs_runs(super().get_queryset(request), request=request)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<uuid:pk>/events/", wrap(require_GET(self.events_view)), name="chatsite_workflowrun_events"),
            path("<uuid:pk>/act/", wrap(require_POST(self.act_view)), name="chatsite_workflowrun_act"),
            *super().get_urls(),
        ]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the list, with runs whose process has died shown as such."""
        running.settle_lost(WorkflowRun.objects.filter(state=WorkflowRun.State.RUNNING))
        return super().get_changelist_instance(request)

    @admin.display(description=gettext_lazy("version"), ordering="version__number")
    def version_number(self, run: WorkflowRun) -> str:
        return str(run.version.number) if run.version else _("draft")

    # ---- one run ----
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a run; with the header `X-Fragment`, only what changes while it goes on."""
        run = self.get_object(request, object_id)
        if request.method == "POST" or not self.has_view_permission(request, run):
            raise PermissionDenied
        if run is None:
            raise Http404
        running.settle_lost([run])
        template = "run.html" if "X-Fragment" in request.headers else "page.html"
        context = {
            **self.admin_site.each_context(request),
            **_seen(run, request),
            "opts": self.opts,
            "title": _("Run of “%(title)s”") % {"title": run.workflow.title},
            "states": [*STEP_STATES],
            "may_act": request.user.has_perm(RUN),
            "may_delete": self.has_delete_permission(request, run),
        }
        return TemplateResponse(request, f"admin/chatsite/workflowrun/{template}", context)

    def events_view(self, request: HttpRequest, pk: str) -> HttpResponseBase:
        run = self._run(request, pk)
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        try:
            return event_stream(request, WorkflowFollower(run, reader=reader_of(request)))
        except AnswerError as error:
            return JsonResponse(error.body(), status=error.status)

    def act_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Stop a run, go on with it, replay it, or answer what it waits for, as `action` says."""
        run = self._run(request, pk)
        if not (request.user.has_perm(RUN) and self.has_view_permission(request, run)):
            raise PermissionDenied
        match request.POST.get("action"):
            case "stop":
                running.stop(run)
                self.log_change(request, run, _("Stopped."))
            case "resume":
                self._resume(request, run)
            case "replay":
                self._replay(request, run)
            case "answer":
                self._answer(request, run)
        return HttpResponseRedirect(reverse("admin:chatsite_workflowrun_change", args=[pk]), status=303)

    def _run(self, request: HttpRequest, pk: str) -> WorkflowRun:
        return get_object_or_404(
            self.get_queryset(request).select_related(
                "workflow", "started_by", "api_key__user", "question__conversation__embed_site__reader"
            ),
            pk=pk,
        )

    def _resume(
        self, request: HttpRequest, run: WorkflowRun, *, said: str = "", answers: dict[str, Json] | None = None
    ) -> None:
        """Go on as who started it: what it finds stays what they may read."""
        try:
            goes_on = running.resume(run, answers=answers, by=str(request.user))
        except (running.TooManyRuns, StarterRefused) as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return
        if goes_on:
            self.log_change(request, run, said or _("Resumed."))

    def _answer(self, request: HttpRequest, run: WorkflowRun) -> None:
        """Go on with a person's answer. It is refused where it does not fit, or where somebody else was faster."""
        if not may_read(run, reader=Reader(request.user)):
            raise PermissionDenied
        record = record_of(run)
        asked = next((one for one in asked_in(record) if one.place == request.POST.get("place")), None)
        if asked is None or run.state != run.State.WAITING:
            self.message_user(request, _("It doesn't wait for that answer any more."), messages.WARNING)
            return
        try:
            answers = {asked.place: answer_in(request.POST, asked)}
            answered(record, answers)
        except (AnswerRefused, ValueError):
            self.message_user(request, _("That is no answer to what is asked."), messages.ERROR)
            return
        self._resume(request, run, said=_("Answered step %(step)s.") % {"step": asked.place}, answers=answers)

    def _replay(self, request: HttpRequest, run: WorkflowRun) -> None:
        """Compute again what functions compute, on the recorded answers of models and tools: as who started it."""
        try:
            registry = registry_for(starter_of(run).reader)
            count = len(replay(str(run.pk), checkpoints=folder_of(run), registry=registry))
        except StarterRefused as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
        except ReplayDiffers as difference:
            said = _("Replayed, “%(place)s” comes out differently now.") % {"place": difference.place}
            self.message_user(request, said, messages.WARNING)
        except (AgentError, TypeError, ImportError):
            self.message_user(request, _("It can't be replayed: its record is not here, or changed."), messages.ERROR)
        else:
            said = ngettext(
                "Replayed without a model: %(count)s state, the same as then.",
                "Replayed without a model: %(count)s states, all the same as then.",
                count,
            )
            self.message_user(request, said % {"count": count}, messages.SUCCESS)


def _seen(run: WorkflowRun, request: HttpRequest) -> dict[str, Any]:
    """Return what the page shows of a run to who looks."""
    read = cards_in(run.text)
    cards = read.steps if read else ()
    reads = may_read(run, reader=Reader(request.user))
    return {
        "run": run,
        "may_read": reads,
        "steps": [(card, trace) for card, trace in zip(cards, traced(run, [card.name for card in cards]), strict=True)],
        "inputs": [(name, shown(value)) for name, value in run.inputs.items()] if reads else [],
        "output": shown(run.output) if reads else None,
        "asked": asked_in(record_of(run)) if reads and run.state == run.State.WAITING else [],
        "tokens": run.usage.get("input_tokens", 0) + run.usage.get("output_tokens", 0),
        "follows": run.state == run.State.RUNNING,
    }

"""The admin's pages of workflows: the list, the designer, versions and what differs between them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from chatsite.models import Workflow, WorkflowVersion
from chatsite.models.workflows import DESCRIPTION_MOST
from chatsite.reader import reader_of
from chatsite.workflows import drafts, running
from chatsite.workflows.cards import designed
from chatsite.workflows.edits import Edit, edit
from chatsite.workflows.inputs import InputsForm
from chatsite.workflows.proposals import SENTENCE_MOST, from_template, proposed, template_choices
from chatsite.workflows.registry import registry_for
from chatsite.workflows.run_page import staffs_runs
from chatsite.workflows.starter import RUN
from chatsite.workflows.triggers.pages import triggers_of
from chatsite.workflows.values import OPERATORS
from retrieval.admin.people import name_of

if TYPE_CHECKING:
    WorkflowModelAdmin = admin.ModelAdmin[Workflow]
    WorkflowForm = forms.ModelForm[Workflow]
else:
    WorkflowModelAdmin, WorkflowForm = admin.ModelAdmin, forms.ModelForm

PUBLISH = "chatsite.publish_workflow"
DRAFT = "draft"
EARLIER_RUNS = 5
TOGETHER = timedelta(minutes=10)  # changes of one kind that are logged as one


class NewWorkflowForm(WorkflowForm):
    """Asks what a new workflow begins with."""

    template = forms.ChoiceField(
        label=gettext_lazy("Begin with"),
        choices=lambda: [("", _("An empty draft")), *template_choices()],
        required=False,
        help_text=gettext_lazy("A template names what this site has; all of it can be changed."),
    )


class WorkflowAdmin(WorkflowModelAdmin):
    """A workflow is built on its own page, the designer; what is published never changes."""

    list_display = ["title", "slug", "newest_version", "is_tool", "changed_by", "changed_at"]
    list_select_related = ["changed_by"]
    search_fields = ["title", "slug", name_of("changed_by")]
    form = NewWorkflowForm
    fields = ["title", "slug", "template"]
    prepopulated_fields = {"slug": ["title"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Workflow]:
        return super().get_queryset(request).annotate(newest=Max("versions__number"))

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        pages = [
            ("edit", require_POST(self.edit_view)),
            ("publish", require_POST(self.publish_view)),
            ("offer", require_POST(self.offer_view)),
            ("versions", require_GET(self.versions_view)),
            ("run", require_POST(self.run_view)),
            ("propose", require_POST(self.propose_view)),
        ]
        return [
            *(path(f"<int:pk>/{name}/", wrap(view), name=f"chatsite_workflow_{name}") for name, view in pages),
            *super().get_urls(),
        ]

    @admin.display(description=gettext_lazy("version"), ordering="newest")
    def newest_version(self, workflow: Workflow) -> str:
        return str(vars(workflow)["newest"] or _("draft"))

    def save_model(self, request: HttpRequest, obj: Workflow, form: WorkflowForm, change: bool) -> None:
        obj.changed_by_id = request.user.pk
        if chosen := form.cleaned_data.get("template"):
            obj.draft = from_template(chosen, registry_for(reader_of(request)))
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: Workflow, post_url_continue: str | None = None) -> HttpResponse:
        return HttpResponseRedirect(_address(obj))

    # ---- the designer ----
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the designer; changes are sent to `edit_view`."""
        workflow = self.get_object(request, object_id)
        if request.method == "POST" or not self.has_view_permission(request, workflow):
            raise PermissionDenied
        if workflow is None:
            raise Http404
        return self._designer(request, workflow)

    def edit_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Change the draft as the form says, and show it; with the header `X-Fragment`, only what can have changed."""
        workflow = self._workflow(request, pk)
        if not self.has_change_permission(request, workflow):
            raise PermissionDenied
        draft = designed(workflow, reader=reader_of(request))
        made = edit(workflow, draft, request.POST, user=request.user)
        if made.said:
            self._log_once(request, workflow, made.said)
        if "X-Fragment" in request.headers:
            return self._designer(request, workflow, made)
        if made.problem:
            self.message_user(request, made.problem, messages.ERROR)
        anchor = f"#step-{made.step}" if made.step else ""
        return HttpResponseRedirect(_address(workflow) + anchor, status=303)

    def _log_once(self, request: HttpRequest, workflow: Workflow, said: str) -> None:
        """Log a change, unless it is the last one again, by the same person and a moment later: as one types."""
        of_it = LogEntry.objects.filter(object_id=workflow.pk, content_type=ContentType.objects.get_for_model(Workflow))
        last = of_it.order_by("-action_time", "-pk").first()
        is_again = last is not None and (last.user_id, last.change_message) == (request.user.pk, said)
        if not is_again or last is None or timezone.now() - last.action_time > TOGETHER:
            self.log_change(request, workflow, said)

    def _designer(self, request: HttpRequest, workflow: Workflow, made: Edit | None = None) -> HttpResponse:
        draft = designed(workflow, reader=reader_of(request))
        published = workflow.published()
        user = request.user
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": workflow.title,
            "original": workflow,
            "workflow": workflow,
            "draft": draft,
            "cards": draft.cards(),
            "operators": _operators(),
            "first_condition": _("Only when"),
            "next_condition": _("And when"),
            "sentence_most": SENTENCE_MOST,
            "edit": made,
            "published": published,
            "is_published": published is not None and published.text == workflow.draft,
            "inputs_form": InputsForm(draft.inputs),
            "runs": staffs_runs(workflow.runs.select_related("version"), request=request)[:EARLIER_RUNS],
            "may_change": self.has_change_permission(request, workflow),
            "may_publish": user.has_perm(PUBLISH),
            "may_run": user.has_perm(RUN),
            "may_see_runs": user.has_perm("chatsite.view_workflowrun"),
            "may_delete": self.has_delete_permission(request, workflow) and published is None,
            **triggers_of(workflow, request=request),
        }
        template = "designer.html" if "X-Fragment" in request.headers else "page.html"
        return TemplateResponse(request, f"admin/chatsite/workflow/{template}", context)

    def _workflow(self, request: HttpRequest, pk: int) -> Workflow:
        return get_object_or_404(self.get_queryset(request), pk=pk)

    def propose_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show what the draft could be for a sentence. Nothing is changed until that is taken, as a text."""
        workflow = self._workflow(request, pk)
        if not self.has_change_permission(request, workflow):
            raise PermissionDenied
        sentence = request.POST.get("sentence", "").strip()
        if not sentence:
            self.message_user(request, _("Say in a sentence what it should do."), messages.ERROR)
            return HttpResponseRedirect(_address(workflow), status=303)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("A proposal for “%(title)s”") % {"title": workflow.title},
            "workflow": workflow,
            "sentence": sentence,
            "sentence_most": SENTENCE_MOST,
            "proposed": proposed(workflow, sentence, reader=reader_of(request)),
        }
        return TemplateResponse(request, "admin/chatsite/workflow/proposal.html", context)

    # ---- versions ----
    def publish_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        workflow = self._workflow(request, pk)
        if not (request.user.has_perm(PUBLISH) and self.has_view_permission(request, workflow)):
            raise PermissionDenied
        if designed(workflow, reader=reader_of(request)).problems:
            self.message_user(request, _("The draft isn't right yet: see the marked steps."), messages.ERROR)
            return HttpResponseRedirect(_address(workflow), status=303)
        note, base = request.POST.get("note", "").strip()[:200], request.POST.get("base", "")
        try:
            version = drafts.publish(workflow, base=base, note=note, user=request.user)
        except drafts.DraftChanged as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return HttpResponseRedirect(_address(workflow), status=303)
        if version:
            self.log_change(request, workflow, _("Published version %(number)d.") % {"number": version.number})
            said = _("Version %(number)d is published.") % {"number": version.number}
            self.message_user(request, said, messages.SUCCESS)
        else:
            self.message_user(request, _("Nothing has changed since the newest version."), messages.WARNING)
        return HttpResponseRedirect(_address(workflow), status=303)

    def offer_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Offer the newest version to programs as a tool, or no longer, and say what it does."""
        workflow = self._workflow(request, pk)
        if not (request.user.has_perm(PUBLISH) and self.has_view_permission(request, workflow)):
            raise PermissionDenied
        description = " ".join(request.POST.get("description", "").replace("\x00", "").split())[:DESCRIPTION_MOST]
        offer = {"is_tool": "is_tool" in request.POST, "description": description}
        try:
            with transaction.atomic():
                Workflow.objects.filter(pk=pk).update(**offer)
        except IntegrityError:
            said = _("Another workflow is offered as %(name)s already.") % {"name": workflow.tool_name}
            self.message_user(request, said, messages.ERROR)
            return HttpResponseRedirect(_address(workflow) + "#programs", status=303)
        said = _("Offered to programs as %(name)s.") if offer["is_tool"] else _("Not offered to programs.")
        self.log_change(request, workflow, said % {"name": workflow.tool_name})
        self.message_user(request, said % {"name": workflow.tool_name}, messages.SUCCESS)
        return HttpResponseRedirect(_address(workflow) + "#programs", status=303)

    def versions_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show who published what and when, and what differs between two of them."""
        workflow = self._workflow(request, pk)
        if not self.has_view_permission(request, workflow):
            raise PermissionDenied
        versions = list(workflow.versions.select_related("published_by"))
        texts = {DRAFT: workflow.draft} | {str(version.number): version.text for version in versions}
        after = _one_of(texts, request.GET.get("after"), DRAFT)
        before = _one_of(texts, request.GET.get("before"), _before(after, versions))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Versions of “%(title)s”") % {"title": workflow.title},
            "workflow": workflow,
            "versions": versions,
            "before": before,
            "after": after,
            "groups": drafts.diff_lines(texts[before], texts[after]) if before != after else [],
            "may_change": self.has_change_permission(request, workflow),
        }
        return TemplateResponse(request, "admin/chatsite/workflow/versions.html", context)

    # ---- runs ----
    def run_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Run the draft, or a version, with the inputs of the form."""
        workflow = self._workflow(request, pk)
        if not (request.user.has_perm(RUN) and self.has_view_permission(request, workflow)):
            raise PermissionDenied
        version = workflow.published() if request.POST.get("what") == "published" else None
        text = designed(workflow, reader=reader_of(request), version=version)
        if text.problems and version is None:
            self.message_user(request, _("The draft isn't right yet: see the marked steps."), messages.ERROR)
            return HttpResponseRedirect(_address(workflow), status=303)
        form = InputsForm(text.inputs, request.POST)
        if not form.is_valid():
            self.message_user(request, " ".join(form.faults()), messages.ERROR)
            return HttpResponseRedirect(_address(workflow) + "#run", status=303)
        try:
            run = running.begin(workflow, version=version, inputs=form.values(), reader=reader_of(request))
        except running.TooManyRuns as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return HttpResponseRedirect(_address(workflow), status=303)
        self.log_change(request, workflow, _("Started run %(run)s.") % {"run": run.pk})
        if not request.user.has_perm("chatsite.view_workflowrun"):
            self.message_user(request, _("The run has begun."), messages.SUCCESS)
            return HttpResponseRedirect(_address(workflow), status=303)
        return HttpResponseRedirect(reverse("admin:chatsite_workflowrun_change", args=[run.pk]), status=303)


def _address(workflow: Workflow) -> str:
    return reverse("admin:chatsite_workflow_change", args=[workflow.pk])


def _one_of(texts: dict[str, str], asked: str | None, usual: str) -> str:
    return asked if asked in texts else usual


def _before(after: str, versions: list[WorkflowVersion]) -> str:
    """Return the version before that one, or the newest one before the draft; itself where there is none."""
    older = [version.number for version in versions if after == DRAFT or version.number < int(after)]
    return str(older[0]) if older else after


def _operators() -> list[tuple[str, str]]:
    said = [_("is there"), _("is not there"), "=", "≠", "<", "≤", ">", "≥"]
    return list(zip(OPERATORS, said, strict=True))

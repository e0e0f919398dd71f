"""The admin's pages of what runs a workflow by itself: its time or its documents, its inputs, and as whom it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chatsite.models import Workflow, WorkflowTrigger, WorkflowVersion
from chatsite.workflows.inputs import InputsForm
from chatsite.workflows.starter import RUN
from chatsite.workflows.triggers.due import DOCUMENT_INPUTS, inputs_form, next_due
from retrieval.admin.people import ActsAs, name_of
from retrieval.models import Collection

if TYPE_CHECKING:
    WorkflowTriggerModelAdmin = admin.ModelAdmin[WorkflowTrigger]
    WorkflowTriggerModelForm = forms.ModelForm[WorkflowTrigger]
else:
    WorkflowTriggerModelAdmin, WorkflowTriggerModelForm = admin.ModelAdmin, forms.ModelForm

VIEW_WORKFLOW = "chatsite.view_workflow"
VIEW_RUNS = "chatsite.view_workflowrun"
WORKFLOW = "workflow"  # in the address of the form, what it is for
Kind = WorkflowTrigger.Kind


class WorkflowTriggerForm(WorkflowTriggerModelForm):
    """Asks for what its kind needs, and for the inputs of the version that is published; a subclass names both."""

    inputs: InputsForm | None = None  # with the values that stand in it

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        kind = cleaned.get("kind")
        if kind in (Kind.HOUR, Kind.DAY, Kind.WEEK) and cleaned.get("at") is None and "at" not in self.errors:
            self.add_error("at", _("Say at what time."))
        if kind == Kind.WEEK and cleaned.get("weekday") is None:
            self.add_error("weekday", _("Choose a weekday."))
        if kind != Kind.DOCUMENT:
            cleaned["collection"] = None
        self._take_inputs(of_documents=kind == Kind.DOCUMENT)
        return cleaned

    def _take_inputs(self, *, of_documents: bool) -> None:
        """Keep the inputs that are given; those of a document are filled in when it is ready."""
        if self.inputs is None:
            return
        asked = [field for field in self.inputs.fields if not (of_documents and field.name in DOCUMENT_INPUTS)]
        for field in asked:
            for fault in InputsForm([field], self.data).faults():
                self.add_error(field.key, fault)
        if not self.errors:
            self.instance.inputs = InputsForm(asked, self.data).values()


class WorkflowTriggerAdmin(ActsAs, WorkflowTriggerModelAdmin):
    """It is added from the page of its workflow, of which a version is published."""

    form = WorkflowTriggerForm
    list_display = ["workflow", "__str__", "run_as", "active", "next_due_shown", "last_run_shown", "error"]
    list_display_links = ["workflow", "__str__"]
    list_select_related = ["workflow", "run_as", "last_run"]
    list_filter = ["active", "kind", "workflow"]
    search_fields = ["workflow__title", "workflow__slug", name_of("run_as")]
    readonly_fields = ["workflow_shown", "next_due_shown", "last_run_shown", "error"]
    acts_as = "run_as"
    raw_id_fields = ["run_as"]
    formfield_overrides = {models.TimeField: {"widget": forms.TimeInput({"type": "time"}, format="%H:%M")}}

    # ---- who may ----
    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and _may_run(request)

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Refuse as well whoever is not offered its collection: with their form it would wait for others."""
        if isinstance(obj, WorkflowTrigger) and obj.collection_id is not None:
            offered = Collection.objects.visible_to(request.user).listed()
            if not offered.filter(pk=obj.collection_id).exists():
                return False
        return super().has_change_permission(request, obj) and _may_run(request)

    # ---- the form ----
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        version = self._version(request)
        if version is None and self.has_add_permission(request):
            said = _("Open a workflow that is published: “Run it by itself” is on its page.")
            self.message_user(request, said, messages.WARNING)
            return HttpResponseRedirect(reverse("admin:chatsite_workflow_changelist"))
        shown = {"title": _title(version.workflow)} if version else {}
        return super().add_view(request, form_url, {**(extra_context or {}), **shown})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        trigger = self.get_object(request, object_id)
        shown = {"title": _title(trigger.workflow)} if trigger else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Leave the form by one button: another one is added at the page of a workflow."""
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().render_change_form(request, context, *args, **kwargs)

    def _version(self, request: HttpRequest, trigger: WorkflowTrigger | None = None) -> WorkflowVersion | None:
        """Return the newest version of the workflow that the form is for."""
        if trigger is not None:
            return trigger.workflow.published()
        named = request.GET.get(WORKFLOW, "")
        workflow = Workflow.objects.filter(pk=named).first() if named.isdecimal() else None
        return workflow.published() if workflow else None

    def _inputs(self, request: HttpRequest, trigger: WorkflowTrigger | None) -> InputsForm | None:
        version = self._version(request, trigger)
        return inputs_form(version, trigger.inputs if trigger else {}) if version else None

    def get_form(
        self, request: HttpRequest, obj: WorkflowTrigger | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Return the form with a field for each input."""
        inputs = self._inputs(request, obj)
        asked = {field.key: _field(field.name, field, value) for field, value in (inputs.rows() if inputs else ())}
        kwargs["form"] = type("WorkflowTriggerInputsForm", (self.form,), {"inputs": inputs, **asked})
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: WorkflowTrigger | None = None) -> Any:
        inputs = self._inputs(request, obj) if self.has_change_permission(request, obj) else None
        said = _("When a document is ready, “document_id” and “document_title” are filled in by themselves.")
        asked = {"fields": [field.key for field in inputs.fields] if inputs else [], "description": said}
        stands = ["workflow_shown", "active", "next_due_shown", "last_run_shown", "error"] if obj else []
        fieldsets: list[tuple[Any, dict[str, Any]]] = [
            (None, {"fields": stands}),
            (gettext_lazy("When"), {"fields": ["kind", "at", "weekday", "collection"]}),
            (gettext_lazy("Inputs"), asked),
            (gettext_lazy("Who"), {"fields": ["run_as"]}),
        ]
        return [(name, options) for name, options in fieldsets if options["fields"]]

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "collection":
            kwargs["queryset"] = Collection.objects.visible_to(request.user).listed()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: WorkflowTrigger, form: Any, change: bool) -> None:
        """Save it, due from now on."""
        version = None if change else self._version(request)
        if version is not None:
            obj.workflow = version.workflow
        obj.next_due = timezone.now() if obj.kind == Kind.DOCUMENT else next_due(obj, after=timezone.now())
        obj.error = ""
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save nothing: it has no list of collections, as others have that act as a person."""

    def response_add(
        self, request: HttpRequest, obj: WorkflowTrigger, post_url_continue: str | None = None
    ) -> HttpResponse:
        self.message_user(request, _("It runs by itself from now on."), messages.SUCCESS)
        return HttpResponseRedirect(f"{reverse('admin:chatsite_workflow_change', args=[obj.workflow_id])}#triggers")

    # ---- what is shown ----
    @admin.display(description=gettext_lazy("workflow"))
    def workflow_shown(self, trigger: WorkflowTrigger) -> str:
        address = reverse("admin:chatsite_workflow_change", args=[trigger.workflow_id])
        return format_html('<a href="{}">{}</a>', address, trigger.workflow.title)

    @admin.display(description=gettext_lazy("next run"), ordering="next_due")
    def next_due_shown(self, trigger: WorkflowTrigger) -> str:
        return shown_next(trigger)

    @admin.display(description=gettext_lazy("last run"))
    def last_run_shown(self, trigger: WorkflowTrigger) -> str:
        run = trigger.last_run
        if run is None:
            return "–"
        address = reverse("admin:chatsite_workflowrun_change", args=[run.pk])
        at = date_format(timezone.localtime(run.started_at), "SHORT_DATETIME_FORMAT")
        return format_html('<a href="{}">{}</a> {}', address, at, run.get_state_display())


def shown_next(trigger: WorkflowTrigger) -> str:
    """Say when it runs next."""
    if not trigger.active:
        return _("Stopped")
    if trigger.kind == Kind.DOCUMENT:
        return str(Kind.DOCUMENT.label)
    return date_format(timezone.localtime(trigger.next_due), "SHORT_DATETIME_FORMAT")


def triggers_of(workflow: Workflow, *, request: HttpRequest) -> dict[str, Any]:
    """Return what the page of a workflow shows of them."""
    user = request.user
    may_see = user.has_perm("chatsite.view_workflowtrigger") or user.has_perm("chatsite.change_workflowtrigger")
    triggers = workflow.triggers.select_related("run_as", "last_run").order_by("pk") if may_see else []
    return {
        "triggers": [(trigger, shown_next(trigger)) for trigger in triggers],
        "may_see_triggers": may_see,
        "may_add_trigger": user.has_perm("chatsite.add_workflowtrigger") and _may_run(request),
    }


def _title(workflow: Workflow) -> str:
    return _("Run “%(title)s” by itself") % {"title": workflow.title}


def _may_run(request: HttpRequest) -> bool:
    return request.user.has_perm(RUN) and request.user.has_perm(VIEW_WORKFLOW)


def _field(name: str, field: Any, value: str) -> forms.CharField:
    """Return the field of an input; what is wrong with its value is said by the whole form."""
    widget = forms.Textarea({"rows": 2, "class": "vLargeTextField"}) if field.is_text else forms.TextInput()
    return forms.CharField(
        label=name, initial=value, required=False, help_text=field.description, widget=widget, strip=False
    )

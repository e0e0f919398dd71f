"""The admin's pages of prompts: write the draft, see what it changes, try it, evaluate it, publish it, and go back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from chatsite.answering.assistant import MANNER, RETRIEVAL_RULES
from chatsite.answering.language_models import model_configured
from chatsite.asking.question import Trial
from chatsite.asking.trials import begin_trial, fields_of_text
from chatsite.assistants.finding import known_agents, prompt_of_name
from chatsite.conf import chat_models
from chatsite.errors import AnswerError
from chatsite.models import PromptVersion, SavedQuestion
from chatsite.overview.beside import beside_url
from chatsite.prompts.changes import changes
from chatsite.prompts.evaluating import AlreadyEvaluating, begin_evaluation
from chatsite.prompts.limits import bounds
from chatsite.reader import TrialReader, reader_of
from retrieval.models import Collection

if TYPE_CHECKING:
    PromptModelAdmin = admin.ModelAdmin[PromptVersion]
    PromptModelForm = forms.ModelForm[PromptVersion]
else:
    PromptModelAdmin, PromptModelForm = admin.ModelAdmin, forms.ModelForm

SHOWN = 5  # evaluations of a draft
ONE_BUTTON = {"show_save_and_add_another": False, "show_save_and_continue": False}
PUBLISH = "chatsite.publish_promptversion"


class PromptForm(PromptModelForm):
    """The draft. It is not saved over what somebody else has written since it was opened."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["seen"].initial = self._stamp()
        if "model" in self.fields:
            known = chat_models()
            kept = [self.instance.model] if self.instance.model and self.instance.model not in known else []
            choices = [("", _("as configured")), *((name, name) for name in [*known, *kept])]
            field = self.fields["model"]
            self.fields["model"] = forms.ChoiceField(
                choices=choices, label=field.label, required=False, help_text=field.help_text
            )

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        current = PromptVersion.objects.filter(pk=self.instance.pk).first()
        if current and self.cleaned_data.get("seen") != current.updated_at.isoformat():
            raise forms.ValidationError(_("Somebody has changed the draft since you opened it. Open it again."))
        return cleaned

    def _stamp(self) -> str:
        return self.instance.updated_at.isoformat() if self.instance.pk else ""


class TryForm(forms.Form):
    """A question to try the draft on."""

    query = forms.CharField(label=gettext_lazy("Question"), max_length=4_000, widget=forms.Textarea(attrs={"rows": 2}))
    collection = forms.ChoiceField(label=gettext_lazy("Collection"), required=False)

    def __init__(self, request: HttpRequest, data: Any = None) -> None:
        super().__init__(data, auto_id="try_%s")
        named = Collection.objects.visible_to(request.user).listed().order_by("name").values_list("slug", "name")
        field = self.fields["collection"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("all that you may read")), *named]


class PromptVersionAdmin(PromptModelAdmin):
    """Versions are published and stay; the draft alone is changed, and there is one."""

    form = PromptForm
    change_form_template = "admin/chatsite/promptversion/change_form.html"
    change_list_template = "admin/chatsite/promptversion/change_list.html"
    list_display = ["name", "used", "model", "note", "published_by", "published_at"]
    list_filter = ["agent"]
    list_select_related = ["published_by"]
    fields = ["instructions", "model", "temperature", "max_tokens", "reasoning", "note", "seen"]

    @admin.display(description=gettext_lazy("prompt"))
    def name(self, version: PromptVersion) -> str:
        return str(version)

    @admin.display(description=gettext_lazy("in use"), boolean=True)
    def used(self, version: PromptVersion) -> bool:
        return version.pk == PromptVersion.objects.in_use(version.agent).pk

    def has_change_permission(self, request: HttpRequest, obj: PromptVersion | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.is_draft)

    def has_delete_permission(self, request: HttpRequest, obj: PromptVersion | None = None) -> bool:
        """Say whether it may be thrown away: a draft only, for what has answered is kept."""
        return super().has_delete_permission(request, obj) and obj is not None and obj.is_draft

    def get_fields(self, request: HttpRequest, obj: PromptVersion | None = None) -> Any:
        """Return the fields; what is only read needs no stamp."""
        return self.fields if self._may_write(request, obj) else [name for name in self.fields or () if name != "seen"]

    def _may_write(self, request: HttpRequest, obj: PromptVersion | None) -> bool:
        return self.has_change_permission(request, obj) if obj else self.has_add_permission(request)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin a draft with what is in use."""
        said = prompt_of_name(_agent(request)).said
        return said | {"instructions": said["instructions"] or MANNER}

    def get_urls(self) -> list[URLPattern]:
        pages = {"try": self.try_view, "evaluate": self.evaluate_view, "publish": self.publish_view}
        views = pages | {"restore": self.restore_view}
        own = [
            path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(require_POST(view)),
                name=f"chatsite_promptversion_{name}",
            )
            for name, view in views.items()
        ]
        return [*own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        shown = {"bounds": list(bounds()), "draft": PromptVersion.objects.draft()}
        return super().changelist_view(request, {**(extra_context or {}), **shown})

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Begin the draft, or go on with it: that of the agent which the address names, or the site's."""
        agent = _agent(request)
        if self.has_add_permission(request) and (draft := PromptVersion.objects.draft(agent)):
            return HttpResponseRedirect(self._url(draft))
        shown = {"rules": RETRIEVAL_RULES, "has_model": model_configured(), "agent": agent, **ONE_BUTTON}
        return super().add_view(request, form_url, {**(extra_context or {}), **shown})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        version = self.get_object(request, object_id)
        shown = self._shown(request, version) if version else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def _shown(self, request: HttpRequest, version: PromptVersion) -> dict[str, Any]:
        current = prompt_of_name(version.agent)
        before = current if version.is_draft else _before(version)
        return {
            "version": version,
            "agent": version.agent,
            "seen": version.updated_at.isoformat(),
            "draft": PromptVersion.objects.draft(version.agent),
            "before": before,
            "is_used": version.pk == current.pk,
            "changes": changes(before, version),
            "rules": RETRIEVAL_RULES,
            "has_model": model_configured(),
            "try_form": TryForm(request),
            "saved": SavedQuestion.objects.count(),
            "evaluations": version.evaluations.all()[:SHOWN],
            "may_publish": request.user.has_perm(PUBLISH),
            **ONE_BUTTON,
            "may_restore": super().has_change_permission(request) and not version.is_draft,
        }

    def save_model(self, request: HttpRequest, obj: PromptVersion, form: Any, change: bool) -> None:
        if not change:
            obj.created_by_id, obj.agent = request.user.pk, _agent(request)
        super().save_model(request, obj, form, change)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """Return what the history says of a draft that was saved: what it changes against the published one."""
        said = changes(prompt_of_name(form.instance.agent), form.instance)
        return str(said) or _("As the published one.")

    def response_post_save_add(self, request: HttpRequest, obj: PromptVersion) -> HttpResponseRedirect:
        return HttpResponseRedirect(self._url(obj))

    def response_post_save_change(self, request: HttpRequest, obj: PromptVersion) -> HttpResponseRedirect:
        return HttpResponseRedirect(self._url(obj))

    def try_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask a question with the prompt in use and with this one, and show both answers side by side."""
        version = self._version(request, pk)
        form = TryForm(request, request.POST)
        if not form.is_valid():
            messages.error(request, _("Write a question."))
            return HttpResponseRedirect(self._url(version))
        reader = reader_of(request)
        asker = TrialReader(reader.user, address=reader.address)
        fields = fields_of_text(form.cleaned_data["query"], collection=form.cleaned_data["collection"])
        current = prompt_of_name(version.agent)
        asked = [current] if current.pk == version.pk else [current, version]
        try:
            trials = [Trial(prompt, agent=version.agent) for prompt in asked]
            runs = [begin_trial(asker, fields, trial=trial) for trial in trials]
        except AnswerError as error:
            messages.error(request, error.message)
            return HttpResponseRedirect(self._url(version))
        return HttpResponseRedirect(beside_url(runs))

    def evaluate_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Begin to ask the saved questions with the prompt in use and with this one, and show how far that is."""
        version = self._version(request, pk)
        try:
            evaluation = begin_evaluation(version, reader=reader_of(request))
        except AlreadyEvaluating as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(self._url(version))
        return HttpResponseRedirect(reverse("admin:chatsite_promptevaluation_change", args=[evaluation.pk]))

    def publish_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Have the draft answer from now on."""
        if not request.user.has_perm(PUBLISH):
            raise PermissionDenied
        draft = get_object_or_404(PromptVersion, pk=pk, is_draft=True)
        if request.POST.get("seen") != draft.updated_at.isoformat():
            messages.error(request, _("Somebody has changed the draft since you opened it. Look at it again."))
            return HttpResponseRedirect(self._url(draft))
        said = str(changes(prompt_of_name(draft.agent), draft))
        with transaction.atomic():
            draft.publish(by=request.user, note=request.POST.get("note", "").strip()[:200])  # type: ignore[arg-type]
            published = _("Published as version %(number)d. %(changes)s") % {"number": draft.number, "changes": said}
            self.log_change(request, draft, published)
        messages.success(request, _("Version %d answers from now on.") % draft.number)
        return HttpResponseRedirect(self._url(draft))

    def restore_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Have the draft say what an older version says; it is published as any other."""
        if not super().has_change_permission(request):
            raise PermissionDenied
        version = get_object_or_404(PromptVersion, pk=pk, is_draft=False)
        with transaction.atomic():
            draft = version.as_draft(by=request.user)  # type: ignore[arg-type]
            self.log_change(request, draft, _("Made of version %d.") % version.number)
        return HttpResponseRedirect(self._url(draft))

    def _version(self, request: HttpRequest, pk: int) -> PromptVersion:
        """Return the version to be tried. Raises PermissionDenied for who may not change prompts: it costs tokens."""
        if not (super().has_change_permission(request) or request.user.has_perm(PUBLISH)):
            raise PermissionDenied
        return get_object_or_404(PromptVersion, pk=pk)

    def _url(self, version: PromptVersion) -> str:
        return reverse("admin:chatsite_promptversion_change", args=[version.pk])


def _before(version: PromptVersion) -> PromptVersion:
    """Return what was published before a version; one that says nothing where it was the first."""
    earlier = PromptVersion.objects.published(version.agent).filter(number__lt=version.number or 0)
    return earlier.first() or PromptVersion(agent=version.agent)


def _agent(request: HttpRequest) -> str:
    """Return the name of the agent whose draft is begun; empty, for the site's own, where there is no such agent."""
    name = request.GET.get("agent", "")
    return name if name and name in known_agents(name) else ""

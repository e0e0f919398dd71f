"""The admin's pages on which a question is asked again, with another model, prompt or collection, and the answers stand
side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from chatsite.asking.question import Trial
from chatsite.asking.trials import begin_trial, fields_of_run, fields_of_text, may_ask_again
from chatsite.assistants.finding import prompt_of_name
from chatsite.errors import AnswerError
from chatsite.models import Conversation, PromptVersion, Run
from chatsite.overview.beside import beside_url, may_see_people, runs_beside
from chatsite.reader import TrialReader, reader_of
from retrieval.admin.people import person_widget
from retrieval.models import Collection

if TYPE_CHECKING:
    RunPages = admin.ModelAdmin[Run]
else:
    RunPages = object

IN_USE = "in-use"
VERSIONS = 20  # older prompts that are offered


class AskAgainForm(forms.Form):
    """What a question is asked again with: what whoever looks may choose."""

    prompt = forms.ChoiceField(label=gettext_lazy("Prompt"), required=False)
    model = forms.ChoiceField(label=gettext_lazy("Model"), required=False)
    collection = forms.ChoiceField(label=gettext_lazy("Collection"), required=False)
    group = forms.ModelChoiceField(
        Group.objects.order_by("name"), label=gettext_lazy("As a member of"), required=False,
        empty_label=gettext_lazy("– as yourself –"),
    )  # fmt: skip

    person = forms.ModelChoiceField(
        get_user_model()._default_manager.order_by("pk"), label=gettext_lazy("As this reader"), required=False,
        empty_label=gettext_lazy("– as yourself –"),
    )  # fmt: skip

    def __init__(self, request: HttpRequest, *args: Any, agent: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._agent = agent
        self._choose("prompt", _prompts(request, agent))
        models = TrialReader(request.user).models()
        self._choose("model", [("", _("as configured")), *((name, name) for name in models)] if models else [])
        named = Collection.objects.visible_to(request.user).listed().order_by("name").values_list("slug", "name")
        self._choose("collection", [("", _("as it was asked")), *named])
        if not may_look_as_others(request):
            del self.fields["group"]
        if may_see_people(request):
            person: Any = self.fields["person"]
            person.widget = person_widget(Conversation._meta.get_field("user"), site=admin.site, request=request)
            person.widget.choices = person.choices
        else:
            del self.fields["person"]

    def _choose(self, name: str, choices: list[tuple[str, Any]]) -> None:
        if len(choices) < 2:
            del self.fields[name]
            return
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def chosen_prompt(self) -> PromptVersion:
        """Return the prompt that was chosen, by default the one in use."""
        chosen = self.cleaned_data.get("prompt") or IN_USE
        return prompt_of_name(self._agent) if chosen == IN_USE else PromptVersion.objects.get(pk=chosen)


def _prompts(request: HttpRequest, agent: str) -> list[tuple[str, Any]]:
    """Return the choices of an agent's prompt; none but the one in use for who may not see them."""
    if not request.user.has_perm("chatsite.view_promptversion"):
        return [(IN_USE, _("the one in use"))]
    draft, current = PromptVersion.objects.draft(agent), prompt_of_name(agent)
    others = PromptVersion.objects.published(agent).exclude(pk=current.pk)[:VERSIONS]
    drafts = [(str(draft.pk), str(draft))] if draft else []
    return [(IN_USE, _("in use: %s") % current), *drafts, *((str(one.pk), str(one)) for one in others)]


def may_look_as_others(request: HttpRequest) -> bool:
    """Say whether they may give rights to others, and so may see what these give."""
    users = get_user_model()._meta
    return request.user.has_perms(["auth.change_group", f"{users.app_label}.change_{users.model_name}"])


def begin_answer(request: HttpRequest, query: str, slug: str) -> str:
    """Begin to answer a query that is tried in a collection, and return the address of the part of a page that shows
    the answer; empty where there will be none, which is said."""
    reader = reader_of(request)
    asker = TrialReader(reader.user, address=reader.address)
    fields = fields_of_text(query, collection=slug)
    try:
        run = begin_trial(asker, fields, trial=Trial(PromptVersion.objects.in_use()))
    except AnswerError as error:
        messages.error(request, error.message)
        return ""
    return f"{beside_url([run])}&part=1"


class AsksAgain(RunPages):
    """For the admin of runs: their pages ask a question again."""

    def get_urls(self) -> list[URLPattern]:
        beside = self.admin_site.admin_view(require_GET(self.beside_view))
        again = self.admin_site.admin_view(require_POST(self.again_view))
        return [
            path("beside/", beside, name="chatsite_run_beside"),
            path("<uuid:pk>/again/", again, name="chatsite_run_again"),
            *super().get_urls(),
        ]

    def beside_view(self, request: HttpRequest) -> HttpResponse:
        """Show runs side by side: all of the page, or with `part` what changes while one is answered."""
        shown = runs_beside(request.GET.getlist("run"), request=request, reader=reader_of(request))
        if not shown:
            raise Http404
        page_url = beside_url([one.run for one in shown])
        context = {
            "shown": shown,
            "goes_on": any(one.goes_on for one in shown),
            "page_url": page_url,
            "part_url": f"{page_url}&part=1",
            "may_view": self.has_view_permission(request),
            "may_save": request.user.has_perm("chatsite.add_savedquestion"),
        }
        if "part" in request.GET:
            return TemplateResponse(request, "admin/chatsite/run/answers.html", context)
        page = {"title": _("Answers side by side"), "opts": self.opts, "media": self.media}
        context |= {**self.admin_site.each_context(request), **page}
        return TemplateResponse(request, "admin/chatsite/run/beside.html", context)

    def again_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Ask the question of a run again, and go to where the answers stand side by side."""
        run = self.get_object(request, str(pk))
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        if run is None:
            raise Http404
        form = AskAgainForm(request, request.POST, agent=run.agent)
        if form.is_valid():
            chosen = form.cleaned_data
            reader = reader_of(request)
            group, person = chosen.get("group"), chosen.get("person")
            asker = TrialReader(reader.user, address=reader.address, group=group, as_person=person)
            if person:  # whether or not there will be an answer
                self.log_change(request, run, _("Asked it again as %(person)s.") % {"person": person})
            try:
                return HttpResponseRedirect(beside_url([run, self._asked_again(run, asker, form)]))
            except AnswerError as error:
                messages.error(request, error.message)
        else:
            messages.error(request, " ".join(str(text) for texts in form.errors.values() for text in texts))
        return HttpResponseRedirect(reverse("admin:chatsite_run_change", args=[run.pk]))

    def _asked_again(self, run: Run, asker: TrialReader, form: AskAgainForm) -> Run:
        if not may_ask_again(run, asker=asker):
            raise PermissionDenied
        narrowed = {name: form.cleaned_data.get(name) or "" for name in ("collection", "model")}
        fields = fields_of_run(run, asker=asker, **narrowed)
        return begin_trial(asker, fields, trial=Trial(form.chosen_prompt(), again=run, agent=run.agent))

"""The admin's pages of evaluations: how many saved questions were answered as expected before and after, and which
were answered otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from chatsite.models import PromptEvaluation, SavedQuestion
from chatsite.prompts.judging import counts

if TYPE_CHECKING:
    EvaluationModelAdmin = admin.ModelAdmin[PromptEvaluation]
else:
    EvaluationModelAdmin = admin.ModelAdmin

BETTER, WORSE, SAME = "better", "worse", "same"


@dataclass(frozen=True, slots=True)
class EvaluatedQuestion:
    """A saved question in an evaluation; `question` is empty where it was deleted since."""

    question: str
    expected: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    @property
    def change(self) -> str:
        if self.before["good"] == self.after["good"]:
            return SAME
        return BETTER if self.after["good"] else WORSE

    @property
    def both(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        return self.before, self.after

    @property
    def beside_url(self) -> str:
        runs = [("run", one["run"]) for one in (self.before, self.after) if one["run"]]
        return f"{reverse('admin:chatsite_run_beside')}?{urlencode(runs)}"


class PromptEvaluationAdmin(EvaluationModelAdmin):
    """Evaluations come from the page of a prompt: nobody adds or changes one."""

    change_form_template = "admin/chatsite/promptevaluation/change_form.html"
    list_display = ["prompt", "state", "asked", "started_by", "created_at"]
    list_select_related = ["prompt", "started_by"]
    fields = ["prompt", "against", "started_by", "created_at"]

    @admin.display(description=gettext_lazy("questions"))
    def asked(self, evaluation: PromptEvaluation) -> str:
        return _("%(done)d of %(total)d") % {"done": len(evaluation.results), "total": evaluation.total}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: PromptEvaluation | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: PromptEvaluation | None = None) -> bool:
        """Say whether it may be seen: with the prompts that it is about."""
        return request.user.has_perm("chatsite.view_promptversion") or super().has_view_permission(request, obj)

    def get_urls(self) -> list[URLPattern]:
        stop = self.admin_site.admin_view(require_POST(self.stop_view))
        return [path("<int:pk>/stop/", stop, name="chatsite_promptevaluation_stop"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        PromptEvaluation.close_lost()
        evaluation = self.get_object(request, object_id)
        shown = _shown(request, evaluation) if evaluation else {}
        if "part" in request.GET and evaluation and self.has_view_permission(request, evaluation):
            return TemplateResponse(request, "admin/chatsite/promptevaluation/results.html", shown)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def stop_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Have an evaluation end after the question that is being asked."""
        evaluation = self.get_object(request, str(pk))
        if not request.user.has_perm("chatsite.change_promptversion"):
            raise PermissionDenied
        if evaluation is None:
            raise Http404
        under_way = PromptEvaluation.objects.filter(pk=pk, state=PromptEvaluation.State.RUNNING)
        if under_way.update(state=PromptEvaluation.State.CANCELLED, ended_at=timezone.now()):
            self.log_change(request, evaluation, _("Stopped."))
            messages.success(request, _("The evaluation ends after the question that is being asked."))
        return HttpResponseRedirect(reverse("admin:chatsite_promptevaluation_change", args=[pk]))


def _shown(request: HttpRequest, evaluation: PromptEvaluation) -> dict[str, Any]:
    saved = SavedQuestion.objects.in_bulk([one["question"] for one in evaluation.results])
    rows = [_row(one, saved.get(one["question"])) for one in evaluation.results]
    rows.sort(key=lambda row: [WORSE, BETTER, SAME].index(row.change))
    return {
        "evaluation": evaluation,
        "counts": counts(evaluation.results),
        "rows": rows,
        "goes_on": evaluation.state == PromptEvaluation.State.RUNNING,
        "may_stop": request.user.has_perm("chatsite.change_promptversion"),
        "part_url": f"{reverse('admin:chatsite_promptevaluation_change', args=[evaluation.pk])}?part=1",
    }


def _row(result: Mapping[str, Any], saved: SavedQuestion | None) -> EvaluatedQuestion:
    expected = saved.get_expected_display() if saved else ""
    return EvaluatedQuestion(saved.question if saved else "", str(expected), result["before"], result["after"])

"""`{% load overview %}{% overview %}`: what was asked and answered, on a page of the admin."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import RequestContext
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from chatsite.models import WorkflowRun
from chatsite.overview import state
from chatsite.overview.charts import Series, bar_chart
from chatsite.overview.figures import OUTCOMES, PERIODS, Figures, Narrowed, figures
from retrieval.models import Collection

register = template.Library()


@register.inclusion_tag("admin/chatsite/overview.html", takes_context=True)
def overview(context: RequestContext) -> dict[str, Any]:
    """Render the figures for who may view runs, and nothing for anyone else."""
    request = context["request"]
    user = request.user
    if not user.has_perm("chatsite.view_run"):
        return {}
    narrowed = Narrowed.by(request.GET)
    found = figures(narrowed, user=user)
    return {
        "figures": found,
        "outcomes": [(name, _name(name), count) for name, count in found.outcomes.items()],
        "chart": _chart(found),
        "narrowed": narrowed,
        "periods": PERIODS,
        "collections": Collection.objects.visible_to(user).listed().order_by("name"),
        "lines": list(state.lines()),
        "may_open_documents": any(user.has_perm(f"retrieval.{verb}_document") for verb in ("view", "change")),
    }


@register.inclusion_tag("admin/chatsite/waiting.html", takes_context=True)
def waiting_workflows(context: RequestContext) -> dict[str, Any]:
    """Render how many runs of workflows wait for a person, for who may answer them."""
    user = context["request"].user
    if not (user.has_perm("chatsite.run_workflow") and user.has_perm("chatsite.view_workflowrun")):
        return {}
    return {"count": WorkflowRun.objects.filter(state=WorkflowRun.State.WAITING).count()}


@register.filter
def grouped(number: int) -> str:
    """Return a number with its thousands apart, as the reader's language writes it."""
    return number_format(number, force_grouping=True)


@register.filter
def seconds(milliseconds: float) -> str:
    """Return milliseconds as seconds with one decimal place."""
    return number_format(milliseconds / 1000, decimal_pos=1)


def _chart(found: Figures) -> str:
    days = [date_format(day.day, _("j M")) for day in found.days]
    series = [Series(_name(name), [day.outcomes[name] for day in found.days], f"is-{name}") for name in OUTCOMES]
    return bar_chart(_("Questions by day"), days, series, axis=_("Day"))


def _name(outcome: str) -> str:
    return {
        "answered": _("Answered"),
        "unsupported": _("Without a source"),
        "refused": _("Not in the documents"),
        "failed": _("Failed"),
    }[outcome]

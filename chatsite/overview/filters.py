"""Filters of the admin's lists of questions that look nothing up in each of a million rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chatsite.models import Conversation, Run, RunQuerySet
from chatsite.models.counts import QuestionCount
from chatsite.overview.figures import SITE


class TrialFilter(admin.SimpleListFilter):
    """Leaves out what the staff tried, where the address does not ask for it."""

    title = gettext_lazy("asked by")
    parameter_name = "by"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("trial", gettext_lazy("staff, to try something")), ("all", gettext_lazy("all"))]

    def choices(self, changelist: Any) -> Iterator[Any]:
        readers = changelist.get_query_string(remove=[self.parameter_name])
        yield {"selected": self.value() is None, "query_string": readers, "display": _("readers")}
        for value, title in self.lookup_choices:
            query = changelist.get_query_string({self.parameter_name: value})
            yield {"selected": self.value() == value, "query_string": query, "display": title}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all":
            return queryset
        return self.tried(queryset) if self.value() == "trial" else self.of_readers(queryset)

    def tried(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        tried = Conversation.objects.filter(trial=True).order_by().values("pk")
        return queryset.filter(conversation__in=tried)  # looked up once, and not joined to each

    def of_readers(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.of_readers() if isinstance(queryset, RunQuerySet) else queryset


class TrialConversationFilter(TrialFilter):
    """The same of conversations."""

    def tried(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(trial=True)

    def of_readers(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(trial=False)


class ModelFilter(admin.SimpleListFilter):
    """The questions by the model that answered them: those of the last days, which are counted, are offered."""

    title = gettext_lazy("model")
    parameter_name = "model"
    field = "model"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        models = QuestionCount.objects.exclude(model="").order_by("model").values_list("model", flat=True).distinct()
        return [(name, name) for name in models]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.field: self.value()}) if self.value() else queryset


class AgentFilter(admin.SimpleListFilter):
    """The questions by the agent that was asked, likewise."""

    title = gettext_lazy("agent")
    parameter_name = "agent"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        agents = QuestionCount.objects.order_by("agent").values_list("agent", flat=True).distinct()
        return [(name or SITE, name or _("The site itself")) for name in agents]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        return queryset.filter(agent="" if chosen == SITE else chosen) if chosen else queryset


class FeedbackModelFilter(ModelFilter):
    """The same of what was thought of their answers."""

    field = "run__model"


class FaultFilter(admin.SimpleListFilter):
    """The questions for which a language model failed."""

    title = gettext_lazy("model fault")
    parameter_name = "model_fault"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        failed = Run.objects.exclude(model_fault="").order_by("model_fault")
        return [(code, code) for code in failed.values_list("model_fault", flat=True).distinct()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(model_fault=self.value()) if self.value() else queryset

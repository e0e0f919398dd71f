"""What starts a workflow without a person: a time, or a document that has become ready."""

from __future__ import annotations

from datetime import time

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.formats import time_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chatsite.models.workflows import Workflow, WorkflowRun
from retrieval.models import Collection, Document


class WorkflowTrigger(models.Model):
    """Runs the newest version of a workflow, as `run_as`, whenever it is due."""

    class Kind(models.TextChoices):
        HOUR = "hour", gettext_lazy("Every hour")
        DAY = "day", gettext_lazy("Every day")
        WEEK = "week", gettext_lazy("Every week")
        DOCUMENT = "document", gettext_lazy("When a document is ready")

    class Weekday(models.IntegerChoices):
        """The days of a week, numbered as by `datetime.date.weekday`."""

        MONDAY = 0, gettext_lazy("Monday")
        TUESDAY = 1, gettext_lazy("Tuesday")
        WEDNESDAY = 2, gettext_lazy("Wednesday")
        THURSDAY = 3, gettext_lazy("Thursday")
        FRIDAY = 4, gettext_lazy("Friday")
        SATURDAY = 5, gettext_lazy("Saturday")
        SUNDAY = 6, gettext_lazy("Sunday")

    workflow = models.ForeignKey(
        Workflow, verbose_name=gettext_lazy("workflow"), on_delete=models.CASCADE, related_name="triggers"
    )
    kind = models.CharField(gettext_lazy("when"), max_length=8, choices=Kind)
    at = models.TimeField(
        gettext_lazy("time of day"),
        null=True,
        blank=True,
        help_text=gettext_lazy("In the time zone of the site. Of “every hour” only the minutes count."),
    )
    weekday = models.PositiveSmallIntegerField(
        gettext_lazy("weekday"), choices=Weekday, null=True, blank=True, help_text=gettext_lazy("Of “every week”.")
    )
    collection = models.ForeignKey(
        Collection,
        verbose_name=gettext_lazy("collection"),
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        limit_choices_to={"hidden": False},
        help_text=gettext_lazy("Of “when a document is ready”; empty: any."),
    )
    inputs = models.JSONField(gettext_lazy("inputs"), default=dict, blank=True, editable=False)
    run_as = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=gettext_lazy("runs as"),
        on_delete=models.CASCADE,
        related_name="+",
        help_text=gettext_lazy("It finds what they may read."),
    )
    active = models.BooleanField(gettext_lazy("active"), default=True)
    next_due = models.DateTimeField(
        gettext_lazy("next run"),
        editable=False,
        db_index=True,
        help_text="When it runs next; of documents, from when on it may run again.",
    )
    last_run = models.ForeignKey(
        WorkflowRun,
        verbose_name=gettext_lazy("last run"),
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
    )
    error = models.TextField(gettext_lazy("last error"), blank=True, editable=False)

    class Meta:
        ordering = ["workflow", "pk"]
        verbose_name = gettext_lazy("workflow trigger")
        verbose_name_plural = gettext_lazy("workflow triggers")
        constraints = [
            models.CheckConstraint(condition=Q(kind="document") | Q(at__isnull=False), name="trigger_has_its_time"),
            models.CheckConstraint(
                condition=~Q(kind="week") | Q(weekday__isnull=False), name="trigger_has_its_weekday"
            ),
        ]

    def __str__(self) -> str:
        if self.kind == self.Kind.DOCUMENT:
            return str(self.Kind.DOCUMENT.label)
        at = self.at or time()
        said = {"when": self.get_kind_display(), "time": time_format(at, "H:i")}
        match self.kind:
            case self.Kind.HOUR:
                return _("%(when)s at minute %(minute)s") % {**said, "minute": time_format(at, "i")}
            case self.Kind.WEEK:
                return _("%(when)s, %(weekday)s at %(time)s") % {**said, "weekday": self.get_weekday_display()}
        return _("%(when)s at %(time)s") % said


class ReadyDocument(models.Model):
    """A document that has become ready, and that a trigger has not run for yet."""

    trigger = models.ForeignKey(
        WorkflowTrigger,
        verbose_name=gettext_lazy("workflow trigger"),
        on_delete=models.CASCADE,
        related_name="ready_documents",
    )
    document = models.ForeignKey(
        Document, verbose_name=gettext_lazy("document"), on_delete=models.CASCADE, related_name="+"
    )

    class Meta:
        ordering = ["pk"]
        verbose_name = gettext_lazy("ready document")
        verbose_name_plural = gettext_lazy("ready documents")
        constraints = [
            models.UniqueConstraint(fields=["trigger", "document"], name="one_run_of_a_trigger_for_a_document")
        ]

    def __str__(self) -> str:
        return f"{self.trigger_id}: {self.document_id}"

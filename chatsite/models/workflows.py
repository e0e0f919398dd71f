"""Workflows that staff build: a draft, its earlier wordings, published versions, and runs."""

from __future__ import annotations

import hashlib
import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Replace
from django.utils.translation import gettext_lazy as _

from chatsite.models.api_keys import ApiKey
from chatsite.models.runs import Run

TOOL_PREFIX = "run_"
DESCRIPTION_MOST = 300  # characters


class WorkflowManager(models.Manager["Workflow"]):
    def get_by_natural_key(self, slug: str) -> Workflow:
        """Return the workflow that a fixture names."""
        return self.get(slug=slug)


class Workflow(models.Model):
    """Steps in YAML. What is edited is the draft; what others use is the newest version."""

    slug = models.SlugField(_("name"), max_length=60, unique=True, help_text=_("Its name for programs and commands."))
    title = models.CharField(_("title"), max_length=120)
    draft = models.TextField(_("draft"), blank=True)
    description = models.CharField(
        _("description"),
        max_length=DESCRIPTION_MOST,
        blank=True,
        help_text=_("What it does, for the model that may choose it."),
    )
    is_tool = models.BooleanField(
        _("offered to programs"), default=False, help_text=_("Programs find it as a tool, by the protocol MCP.")
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    changed_at = models.DateTimeField(_("changed at"), auto_now=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("changed by"), on_delete=models.SET_NULL, null=True, related_name="+"
    )

    objects = WorkflowManager()

    class Meta:
        ordering = ["title", "pk"]
        verbose_name = _("workflow")
        verbose_name_plural = _("workflows")
        permissions = [
            ("publish_workflow", _("Can publish workflow")),
            ("run_workflow", _("Can run workflow")),
        ]
        constraints = [
            models.UniqueConstraint(
                Replace("slug", Value("-"), Value("_")), condition=Q(is_tool=True), name="one_workflow_tool_of_a_name"
            )
        ]

    def natural_key(self) -> tuple[str]:
        return (self.slug,)

    def __str__(self) -> str:
        return self.title

    @property
    def digest(self) -> str:
        """Return what tells this draft from another."""
        return digest_of(self.draft)

    @property
    def tool_name(self) -> str:
        """Return what it is called as a tool; no two that are offered have one name."""
        return TOOL_PREFIX + self.slug.replace("-", "_")

    def published(self) -> WorkflowVersion | None:
        """Return the newest version."""
        return self.versions.order_by("-number").first()


def digest_of(text: str) -> str:
    """Return what tells this text from another, in 16 characters."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


class EarlierDraft(models.Model):
    """How a draft read before a change, for undoing it."""

    workflow = models.ForeignKey(
        Workflow, verbose_name=_("workflow"), on_delete=models.CASCADE, related_name="earlier_drafts"
    )
    text = models.TextField(_("text"), blank=True)
    at = models.DateTimeField(_("at"), auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("earlier draft")
        verbose_name_plural = _("earlier drafts")

    def __str__(self) -> str:
        return f"{self.workflow_id}: {self.at}"


class WorkflowVersionManager(models.Manager["WorkflowVersion"]):
    def get_by_natural_key(self, slug: str, number: int) -> WorkflowVersion:
        """Return the version that a fixture names."""
        return self.get(workflow__slug=slug, number=number)


class WorkflowVersion(models.Model):
    """A text that was published: it never changes, and a workflow that has one isn't deleted."""

    workflow = models.ForeignKey(
        Workflow, verbose_name=_("workflow"), on_delete=models.PROTECT, related_name="versions"
    )
    number = models.PositiveIntegerField(_("number"))
    text = models.TextField(_("text"))
    note = models.CharField(_("note"), max_length=200, blank=True, help_text=_("What has changed, in a few words."))
    published_at = models.DateTimeField(_("published at"), auto_now_add=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("published by"), on_delete=models.SET_NULL, null=True, related_name="+"
    )

    objects = WorkflowVersionManager()

    class Meta:
        ordering = ["-number"]
        verbose_name = _("workflow version")
        verbose_name_plural = _("workflow versions")
        constraints = [models.UniqueConstraint(fields=["workflow", "number"], name="one_version_of_a_number")]

    def natural_key(self) -> tuple[str, int]:
        return (*self.workflow.natural_key(), self.number)

    natural_key.dependencies = ["chatsite.workflow"]  # type: ignore[attr-defined]  # which a fixture has first

    def __str__(self) -> str:
        return f"{self.workflow_id} {self.number}"


class WorkflowRun(models.Model):
    """One run, from what it was given to its end. Its record, with all that its steps said, is a file in a folder of
    its own."""

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        WAITING = "waiting", _("Waits for a person")
        COMPLETED = "completed", _("Completed")
        FAILED = "failed", _("Failed")
        LIMITED = "limited", _("Limited")
        CANCELLED = "cancelled", _("Stopped")
        INTERRUPTED = "interrupted", _("Interrupted")

    id = models.UUIDField(_("id"), primary_key=True, default=uuid.uuid4, editable=False)
    workflow = models.ForeignKey(Workflow, verbose_name=_("workflow"), on_delete=models.CASCADE, related_name="runs")
    version = models.ForeignKey(
        WorkflowVersion,
        verbose_name=_("version"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="runs",
        help_text=_("Empty for a run of the draft."),
    )
    text = models.TextField(_("text"), help_text=_("The steps, as they were when it began."))
    inputs = models.JSONField(_("inputs"), default=dict)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.RUNNING)
    steps = models.JSONField(_("steps"), default=dict, help_text=_("How each step stands, by its name."))
    output = models.JSONField(_("output"), null=True)
    error = models.TextField(_("error"), blank=True)
    found = models.JSONField(_("found"), default=list, help_text=_("Ids of the documents it has read of."))
    started_at = models.DateTimeField(_("started at"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)
    checked_at = models.DateTimeField(_("checked at"), auto_now_add=True, help_text=_("Its last sign of life."))
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("started by"), on_delete=models.SET_NULL, null=True, related_name="+"
    )
    by_key = models.BooleanField(
        _("by a program"),
        default=False,
        db_default=False,
        editable=False,
        help_text=_("It was started with an API key, and may do what that key may as long as it can be used."),
    )
    api_key = models.ForeignKey(
        ApiKey, verbose_name=_("API key"), on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )
    question = models.ForeignKey(
        Run,
        verbose_name=_("question"),
        on_delete=models.CASCADE,
        null=True,
        editable=False,
        related_name="workflow_runs",
        help_text=_("Which it answers in the chat, as whoever asked that; empty: it was started by itself."),
    )
    within = models.JSONField(
        _("within"), null=True, editable=False, help_text=_("Collections that it stays in, by name; empty: all.")
    )
    stop_asked = models.BooleanField(_("stop asked"), default=False)
    usage = models.JSONField(_("usage"), default=dict, help_text=_("Tokens, by kind."))
    cost = models.DecimalField(
        _("cost"), max_digits=12, decimal_places=6, null=True, help_text=_("In US dollars; empty: nobody knows.")
    )

    class Meta:
        ordering = ["-started_at", "-pk"]
        verbose_name = _("workflow run")
        verbose_name_plural = _("workflow runs")
        indexes = [models.Index(fields=["state", "-started_at"], name="workflow_runs_by_state")]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def has_ended(self) -> bool:
        return self.state not in (self.State.RUNNING, self.State.WAITING)

    @property
    def may_go_on(self) -> bool:
        """Say whether resuming it would do something: it stopped before its end."""
        return self.state in (self.State.FAILED, self.State.LIMITED, self.State.CANCELLED, self.State.INTERRUPTED)

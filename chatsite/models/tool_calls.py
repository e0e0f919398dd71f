"""Calls of the host's tools: what a model wanted looked up or done for a reader, and what has become of it."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from chatsite.models.runs import Run


class HostToolCall(models.Model):
    """One call, told to its reader alone. Each change of its state is one conditional UPDATE, so that it is decided
    once, and begun once, whoever tries at the same time.

        waiting ─┬─> confirmed ──> running ─┬─> done
                 ├─> refused         ^      └─> failed
                 └─> expired         └─ a call that nobody has to approve begins here

    One that is `running` in a run that has ended was cut off: whether it was done can't be told, and it is never
    repeated.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting for its reader")
        CONFIRMED = "confirmed", _("Confirmed")
        REFUSED = "refused", _("Refused")
        EXPIRED = "expired", _("Expired")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    PENDING = (State.WAITING, State.CONFIRMED)  # neither begun nor given up

    id = models.UUIDField(_("id"), primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(Run, verbose_name=_("run"), on_delete=models.CASCADE, related_name="tool_calls")
    turn = models.PositiveSmallIntegerField(_("turn"), help_text=_("Of the model, from 1."))
    call_id = models.CharField(_("call id"), max_length=200, help_text=_("As the model calls it."))
    tool = models.CharField(_("tool"), max_length=64)
    arguments = models.JSONField(_("arguments"), default=dict)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.RUNNING)
    sources = models.JSONField(_("sources"), default=list, help_text=_("What it gave: title, text and url of each."))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    expires_at = models.DateTimeField(
        _("expires at"), null=True, help_text=_("Until when it may be confirmed or begun.")
    )
    decided_at = models.DateTimeField(_("decided at"), null=True)
    began_at = models.DateTimeField(_("began at"), null=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)

    class Meta:
        ordering = ["created_at", "pk"]
        verbose_name = _("tool call")
        verbose_name_plural = _("tool calls")
        constraints = [models.UniqueConstraint(fields=["run", "turn", "call_id"], name="tool_call_of_a_turn")]

    def __str__(self) -> str:
        return self.tool

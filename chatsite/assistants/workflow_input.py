"""Whether a published workflow can answer questions: which of its inputs takes the question, and what it waits for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from agents.workflows.editing.cards import read_cards
from agents.workflows.errors import WorkflowInvalid
from chatsite.models import WorkflowVersion

NAMES = ("question", "query")  # of the input that takes it, where several could


class WorkflowUnfit(Exception):
    """The workflow can't answer questions; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class AnsweringWorkflow:
    """A published version, and the name of its input that takes the question."""

    version: WorkflowVersion
    takes: str

    def inputs(self, question: str) -> dict[str, Any]:
        """Return what a run is given: the question, and for all else the defaults."""
        declared = read_cards(self.version.text).inputs
        return {name: facts.get("default") for name, facts in declared.items()} | {self.takes: question}


def answering_workflow(slug: str) -> AnsweringWorkflow:
    """Return the newest version of the workflow `slug`. Raises WorkflowUnfit."""
    versions = WorkflowVersion.objects.filter(workflow__slug=slug).select_related("workflow")
    version = versions.order_by("-number").first()
    if version is None:
        raise WorkflowUnfit(_("There is no published workflow “%s”.") % slug)
    return AnsweringWorkflow(version, taking_input(version.text))


def taking_input(text: str) -> str:
    """Return the name of the input that takes the question. Raises WorkflowUnfit where none can, or a step waits for a
    person: a reader would wait for an answer that may never come."""
    try:
        cards = read_cards(text)
    except WorkflowInvalid as error:
        raise WorkflowUnfit(str(error)) from error
    for card in cards.steps:
        if card.kind == "person":
            fault = _("Its step “%s” waits for a person; a workflow that answers in the chat can’t.")
            raise WorkflowUnfit(fault % card.name)
    texts = [name for name, facts in cards.inputs.items() if isinstance(facts.get("default", ""), str)]
    needed = [name for name, facts in cards.inputs.items() if facts.get("default") is None]
    if len(needed) > 1:
        fault = _("It needs %s, and a chat has only the question; give all but one of them a default.")
        raise WorkflowUnfit(fault % ", ".join(needed))
    taking = [*needed, *(name for name in NAMES if name in texts), *texts]
    if not taking:
        raise WorkflowUnfit(_("It has no input that takes a text, for the question."))
    return taking[0]

"""Workflows to begin with: templates with what this site has in the place of names, and proposals for a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from agents import Registry
from agents.workflows.editing.choices import Problem, problems
from agents.workflows.filling import NOTES, ProposalNote, fill
from agents.workflows.proposing import propose
from agents.workflows.templates import template, templates
from chatsite.answering.language_models import site_models
from chatsite.models import Workflow
from chatsite.reader import Reader
from chatsite.workflows.drafts import DiffLine, diff_lines
from chatsite.workflows.registry import registry_for

SENTENCE_MOST = 2_000  # characters

_TITLES = (
    gettext_noop("One step"),
    gettext_noop("One after the other"),
    gettext_noop("Several at once"),
    gettext_noop("One of several"),
    gettext_noop("With a person"),
    gettext_noop("A report every night"),
)
_NOTES = {
    "nearest": gettext_noop("This is the template “%(title)s”, which is nearest to what you described."),
    "filled": gettext_noop("Step %(step)s runs %(kind)s %(name)s: check whether that is what you want."),
    "missing": gettext_noop(
        "Step %(step)s needs a %(kind)s like “%(name)s”, and there is none: register one, or choose another."
    ),
    "argument": gettext_noop("Step %(step)s: say what %(name)s gets for %(argument)s."),
    "unavailable": gettext_noop("The model could not be asked: %(error)s."),
    "invalid": gettext_noop("What the model proposed can't be run, also when asked again: %(error)s."),
    "kept": gettext_noop("Without a model a workflow can't be changed from a description: this is a new one."),
}


@dataclass(frozen=True, slots=True)
class ProposedDraft:
    """A text for the draft, beside the draft that there is; `is_of_model` says who wrote it."""

    text: str
    notes: list[str]
    problems: list[Problem]
    groups: list[list[DiffLine]]
    is_of_model: bool


def template_choices() -> list[tuple[str, str]]:
    """Return the templates by name, with what people call them."""
    return [(each.name, _(each.title)) for each in templates()]


def from_template(name: str, registry: Registry) -> str:
    """Return a template's text with names that the registry has. Raises KeyError."""
    chosen = template(name)
    text, _notes = fill(f"{chosen.title}. {chosen.description}", registry=registry)
    return text


def proposed(workflow: Workflow, sentence: str, *, reader: Reader) -> ProposedDraft:
    """Return what a workflow for this sentence could be: the draft with a change, or a new one. Blocks while a
    language model writes, where there is one."""
    registry = registry_for(reader)
    models = site_models()
    found = propose(
        sentence[:SENTENCE_MOST], registry=registry, text=workflow.draft, model=models[0] if models else None
    )
    return ProposedDraft(
        found.text,
        list(_said(found.notes)),
        problems(found.text, registry=registry),
        diff_lines(workflow.draft, found.text),
        found.source == "model",
    )


def _said(notes: tuple[ProposalNote, ...]) -> Iterator[str]:
    for note in notes:
        values = {name: _(value) if name == "title" else value for name, value in note.values.items()}
        yield _(_NOTES.get(note.code, NOTES[note.code])) % values

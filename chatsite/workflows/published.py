"""What a program does with a published workflow, by whichever door: check what it gives, begin a run, hear of it."""

from __future__ import annotations

import re
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from chatsite import errors
from chatsite.models import WorkflowRun, WorkflowVersion
from chatsite.reader import Reader
from chatsite.workflows import running
from chatsite.workflows.cards import cards_in, inputs_in
from chatsite.workflows.inputs import InputField
from chatsite.workflows.run_page import may_read

_KINDS: dict[type, tuple[type, ...]] = {
    bool: (bool,),
    int: (int, float),
    float: (int, float),
    list: (list,),
    dict: (dict,),
}


def inputs_of(version: WorkflowVersion) -> list[InputField]:
    """Return the inputs that a version declares."""
    return inputs_in(cards_in(version.text))


def begin_run(version: WorkflowVersion, *, given: dict[str, Any], reader: Reader, field: str) -> WorkflowRun:
    """Begin a run of a version as this reader, and return at once.

    Raises AnswerError: 400 for a wrong input, which was given in `field`, and 503 where too many are running.
    """
    inputs = checked_inputs(inputs_of(version), given, field=field)
    try:
        return running.begin(version.workflow, version=version, inputs=inputs, reader=reader)
    except running.TooManyRuns as refusal:
        raise errors.AnswerError("busy", str(refusal), status=503, retry_after=5) from refusal


def checked_inputs(fields: list[InputField], given: dict[str, Any], *, field: str) -> dict[str, Any]:
    """Return what the run is given. Raises AnswerError (400), which names `field`, for an input that is unknown,
    missing or of another kind."""
    known = {each.name: each for each in fields}
    if unknown := [name for name in given if name not in known]:
        names = ", ".join(known) or _("none")
        raise errors.invalid(
            field, _("There is no %(name)s; there are: %(names)s.") % {"name": unknown[0], "names": names}
        )
    for each in fields:
        if each.name not in given and each.default is None:
            raise errors.invalid(field, _("“%(name)s” is missing.") % {"name": each.name})
        wanted = str if each.is_text else type(each.default)
        value = given.get(each.name, "" if each.is_text else each.default)
        if not isinstance(value, _KINDS.get(wanted, (str,))) or (isinstance(value, bool) and wanted is not bool):
            shown = {"name": each.name, "example": each.shown or _("a text")}
            raise errors.invalid(field, _("“%(name)s” must be like %(example)s.") % shown)
        if not _is_storable(value):
            raise errors.invalid(field, _("“%(name)s” holds what is no character.") % {"name": each.name})
    return {each.name: given.get(each.name, each.default) for each in fields}


def _is_storable(value: Any) -> bool:
    """Say whether every database takes the texts in a value: PostgreSQL takes no NUL, and no half of a pair."""
    match value:
        case str():
            return not re.search("[\x00\ud800-\udfff]", value)
        case dict():
            return all(_is_storable(name) and _is_storable(inner) for name, inner in value.items())
        case list():
            return all(map(_is_storable, value))
        case _:
            return True


def run_facts(run: WorkflowRun, *, reader: Reader) -> dict[str, Any]:
    """Return how far a run is, as the API tells it, with the address that tells it again.

    Raises AnswerError (403) where it has found what this reader may not read now.
    """
    if not may_read(run, reader=reader):
        fault = _("It has read documents that you may not read, or that are gone.")
        raise errors.AnswerError("forbidden", fault, status=403)
    slug = run.workflow.slug
    return {
        "run_id": run.pk,
        "workflow": slug,
        "version": run.version.number if run.version else 0,
        "state": run.state,
        "output": run.output,
        "error": run.error,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "url": reverse("chatsite:api-workflow-run", args=[slug, run.pk]),
    }

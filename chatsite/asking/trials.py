"""Questions that the staff try: asked as any other, with another prompt, model or collection, and no reader's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from chatsite.answering.sight import Sight
from chatsite.asking.question import Trial
from chatsite.asking.request import ask
from chatsite.models import Run
from chatsite.reader import TrialReader

PASSAGES = 5  # as a question has that doesn't say


def fields_of_text(text: str, *, collection: str = "", model: str = "") -> dict[str, Any]:
    """Return the fields of a question: in one collection, by its slug, or in all that may be read."""
    fields: dict[str, Any] = {"query": text, "mode": Run.Mode.RETRIEVAL, "top_k": PASSAGES, "keep": False}
    fields |= {"collections": [collection]} if collection else {}
    return fields | ({"model": model} if model else {})


def fields_of_run(run: Run, *, asker: TrialReader, collection: str = "", model: str = "") -> dict[str, Any]:
    """Return the fields that ask the question of `run` again, narrowed as that was as far as `asker` may read; with a
    collection, in that one. Selected texts are those of a run that `may_ask_again`."""
    fields = fields_of_text(run.question, collection=collection, model=model) | {"mode": run.mode}
    if run.mode == Run.Mode.SELECTED_TEXT:
        return fields | {"selections": list(run.selected)}
    scope = run.scope
    fields |= {name: date.fromisoformat(scope[name]) for name in ("since", "until") if name in scope}
    fields |= {"languages": list(scope["languages"])} if scope.get("languages") else {}
    if collection:
        return fields
    documents = asker.documents().filter(pk__in=scope.get("document_ids", ())).order_by("pk")
    fields |= {"document_ids": list(documents.values_list("pk", flat=True))} if scope.get("document_ids") else {}
    slugs = asker.collections().filter(slug__in=scope.get("collections", ())).order_by("slug")
    return fields | ({"collections": list(slugs.values_list("slug", flat=True))} if scope.get("collections") else {})


def may_ask_again(run: Run, *, asker: TrialReader) -> bool:
    """Say whether `asker` may see what `run` asks: a question about selected text carries words of documents."""
    return run.mode == Run.Mode.RETRIEVAL or Sight.of([run], reader=asker).may_read(run)


def _note_rights(asker: TrialReader) -> Callable[[Run], None] | None:
    """Return what keeps with a run that it was asked as a member of a group, by its name, or as a person, by key."""
    asked_as = {"group": str(asker.group)} if asker.group else {}
    asked_as |= {"person": str(asker.as_person.pk)} if asker.as_person else {}

    def note(run: Run) -> None:
        run.scope |= asked_as
        run.save(update_fields=["scope"])

    return note if asked_as else None


def begin_trial(asker: TrialReader, fields: dict[str, Any], *, trial: Trial) -> Run:
    """Begin to answer a question that is tried, and return its run, which goes on by itself. Raises AnswerError."""
    answer = ask(asker, fields | {"keep": True}, also=_note_rights(asker), trial=trial)
    answer.close()  # nobody follows it: its page asks how far it is
    return answer.run

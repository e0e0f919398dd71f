"""What was asked, from validated fields: the same for the API and for the page that works without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from chatsite import errors
from chatsite.access import Credential, new_conversation, own_conversations
from chatsite.asking.question import Question, SelectedText, Selection
from chatsite.models import Conversation, EmbedSite, Run
from retrieval.models import User


def question_of(
    request: HttpRequest, asked: Mapping[str, Any], *, user: User, credential: Credential | None = None
) -> Question:
    """The question that `asked` (the validated fields of a QuestionSerializer) is, inside what its asker may use; a
    program has a key for a `credential`, a page of another site that site.

    Raises AnswerError (404, 400).
    """
    site = credential if isinstance(credential, EmbedSite) else None
    conversation = _conversation(request, asked, credential)
    if "continues" in asked:
        cut_short = _run_of(conversation, asked, "continues")
        return replace(_continuation(asked, cut_short, user, credential), embed_site=site)
    selections = tuple(_selections(asked))
    if site and any(selected.place for selected in selections):
        raise errors.invalid(selections[0].field, _("A public token asks about text; send it without document_id."))
    return Question(
        text=asked["query"].strip(),
        user=user,
        conversation=conversation,
        mode=asked["mode"],
        selections=selections,
        top_k=asked["top_k"],
        embed_site=site,
        **_search_scope(asked, credential),
        keep=asked["keep"],
        replaces=_run_of(conversation, asked, "replaces") if "replaces" in asked else None,
    )


def _continuation(asked: Mapping[str, Any], run: Run, user: User, credential: Credential | None) -> Question:
    """The question whose answer was cut short, again, with what was written of it."""
    if run.state in (Run.State.RUNNING, Run.State.COMPLETED) or not run.answer:
        raise errors.invalid("continues", _("Nothing was cut short there; ask the question instead."))
    return Question(
        text=run.question,
        user=user,
        conversation=run.conversation,
        mode=run.mode,
        selections=tuple(_selected_again(run)),
        top_k=asked["top_k"],
        keep=asked["keep"],
        replaces=run,
        continues=True,
        **_search_scope(asked, credential),
    )


def _selections(asked: Mapping[str, Any]) -> Iterator[SelectedText]:
    """Each selected text of the request, in whichever of its two forms it came."""
    for item in asked.get("selections", []):
        yield SelectedText(item.get("text", ""), _place(item))
    if "selection" in asked:
        yield SelectedText(asked.get("selected_text", ""), Selection(**asked["selection"]), field="selection")
    elif "selected_text" in asked:
        yield SelectedText(asked["selected_text"], field="selected_text")


def _selected_again(run: Run) -> Iterator[SelectedText]:
    for item in run.selected:
        yield SelectedText(item["text"], _place(item))


def _place(item: Mapping[str, Any]) -> Selection | None:
    return Selection(item["document_id"], item["start"], item["end"]) if "document_id" in item else None


def _run_of(conversation: Conversation, asked: Mapping[str, Any], field: str) -> Run:
    run = conversation.runs.current().filter(pk=asked[field]).first()
    if run is None:
        raise errors.not_found(field, _("There is no run %s in this conversation.") % asked[field])
    return run


def _conversation(request: HttpRequest, asked: Mapping[str, Any], credential: Credential | None) -> Conversation:
    """The conversation to continue, or a new one that is saved with the question."""
    if session_id := asked.get("session_id"):
        conversation = own_conversations(request, credential=credential).filter(pk=session_id).first()
        if conversation is None:
            raise errors.not_found("session_id", _("There is no conversation %s.") % session_id)
        return conversation
    return new_conversation(request, question=asked["query"], credential=credential)


_SCOPE = ("collections", "document_ids", "languages", "since", "until")


def _search_scope(asked: Mapping[str, Any], credential: Credential | None) -> dict[str, Any]:
    """What is searched, as fields of a Question."""
    narrowed = {name: asked[name] for name in _SCOPE if name in asked}
    return {
        "collections": _collections(asked, credential),
        "document_ids": tuple(asked["document_ids"]) if "document_ids" in asked else None,
        "languages": tuple(asked["languages"]) if "languages" in asked else None,
        "since": asked.get("since"),
        "until": asked.get("until"),
        "narrowed": {name: str(value) if isinstance(value, date) else value for name, value in narrowed.items()},
    }


def _collections(asked: Mapping[str, Any], key: Credential | None) -> tuple[str, ...] | None:
    """What to search: what was asked for, inside what the key is limited to."""
    wanted = tuple(asked["collections"]) if "collections" in asked else None
    allowed = key.slugs() if key else None
    if allowed is None or wanted is None:
        return wanted if allowed is None else allowed
    if beyond := [slug for slug in wanted if slug not in allowed]:
        raise errors.not_found("collections", _("No such collection: %s.") % ", ".join(beyond))
    return wanted

"""What was asked, from validated fields: the same for the API and for the page that works without JavaScript."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from chatsite import errors
from chatsite.access import new_conversation, own_conversations
from chatsite.models import ApiKey, Conversation, Run
from chatsite.questions import Question, Selection
from retrieval.models import User


def question_of(
    request: HttpRequest, asked: Mapping[str, Any], *, user: User, api_key: ApiKey | None = None
) -> Question:
    """The question that `asked` (the validated fields of a QuestionSerializer) is, inside what its asker may use.

    Raises AnswerError (404, 400).
    """
    key, conversation = api_key, _conversation(request, asked, api_key)
    if "continues" in asked:
        return _continuation(asked, conversation, user, key)
    return Question(
        text=asked["query"].strip(),
        user=user,
        conversation=conversation,
        mode=asked["mode"],
        selected_text=asked.get("selected_text", ""),
        selection=Selection(**asked["selection"]) if "selection" in asked else None,
        top_k=asked["top_k"],
        collections=_collections(asked, key),
        document_ids=tuple(asked["document_ids"]) if "document_ids" in asked else None,
        keep=asked["keep"],
        replaces=_run_of(conversation, asked, "replaces") if "replaces" in asked else None,
    )


def _continuation(asked: Mapping[str, Any], conversation: Conversation, user: User, key: ApiKey | None) -> Question:
    """The question whose answer was cut short, again, with what was written of it."""
    run = _run_of(conversation, asked, "continues")
    if run.state in (Run.State.RUNNING, Run.State.COMPLETED) or not run.answer:
        raise errors.invalid("continues", "Nothing was cut short there; ask the question instead.")
    return Question(
        text=run.question,
        user=user,
        conversation=conversation,
        mode=run.mode,
        selected_text=run.selected_text,
        top_k=asked["top_k"],
        collections=_collections(asked, key),
        document_ids=tuple(asked["document_ids"]) if "document_ids" in asked else None,
        keep=asked["keep"],
        replaces=run,
        continues=True,
    )


def _run_of(conversation: Conversation, asked: Mapping[str, Any], field: str) -> Run:
    run = conversation.runs.current().filter(pk=asked[field]).first()
    if run is None:
        raise errors.not_found(field, f"There is no run {asked[field]} in this conversation.")
    return run


def _conversation(request: HttpRequest, asked: Mapping[str, Any], key: ApiKey | None) -> Conversation:
    """The conversation to continue, or a new one that is saved with the question."""
    if session_id := asked.get("session_id"):
        conversation = own_conversations(request, api_key=key).filter(pk=session_id).first()
        if conversation is None:
            raise errors.not_found("session_id", f"There is no conversation {session_id}.")
        return conversation
    return new_conversation(request, question=asked["query"], api_key=key)


def _collections(asked: Mapping[str, Any], key: ApiKey | None) -> tuple[str, ...] | None:
    """What to search: what was asked for, inside what the key is limited to."""
    wanted = tuple(asked["collections"]) if "collections" in asked else None
    allowed = key.slugs() if key else None
    if allowed is None or wanted is None:
        return wanted if allowed is None else allowed
    if beyond := [slug for slug in wanted if slug not in allowed]:
        raise errors.not_found("collections", f"No such collection: {', '.join(beyond)}.")
    return wanted

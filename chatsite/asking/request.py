"""From validated fields to an answer on its way: the same for the API and for the page without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from chatsite import errors
from chatsite.answering.answer import Answer, begin_answer
from chatsite.answering.sight import Sight
from chatsite.asking.question import Question, SearchScope, Selection, searches
from chatsite.asking.saving import save_question
from chatsite.asking.selections import kept_selections, selected_passages
from chatsite.asking.small_talk import small_talk_in
from chatsite.models import Conversation, Run
from chatsite.models.conversations import title_of
from chatsite.reader import Reader
from retrieval.errors import UnknownCollection, UnknownDocument
from retrieval.searching.passages import Passage
from retrieval.searching.search import check_scope

HISTORY_RUNS = 6


def ask(reader: Reader, asked: Mapping[str, Any]) -> Answer:
    """Check what `asked` (the validated fields of a QuestionSerializer) is, save it, and begin to answer it.

    Raises:
        AnswerError: 404 or 400 for something this reader can't use, 429 or 503 when too many are being answered.
    """
    question = question_of(reader, asked)
    run, place = save_question(question)
    return begin_answer(question, run=run, place=place)


def question_of(reader: Reader, asked: Mapping[str, Any]) -> Question:
    """Return the question, inside what its reader may use: scope, selections and sources are checked here.

    Raises AnswerError (404, 400).
    """
    conversation = _conversation(reader, asked)
    if "continues" in asked:
        return _continuation(reader, asked, _run_of(conversation, asked, "continues"))
    replaced = _run_of(conversation, asked, "replaces") if "replaces" in asked else None
    scope, narrowed = _scope(reader, asked, conversation)
    selections = tuple(_selections(asked))
    _check_selections(reader, selections)
    text, earlier = asked["query"].strip(), _earlier(conversation, replaced)
    passages = selected_passages(reader, selections, scope)
    searched, follows = searches([*(run.question for run in earlier), text])
    return Question(
        reader,
        conversation,
        text,
        mode=asked["mode"],
        scope=scope,
        narrowed=narrowed,
        top_k=asked["top_k"],
        selections=kept_selections(selections, passages),
        passages=passages,
        earlier=earlier,
        asked=searched,
        follows=follows,
        small_talk=small_talk_in(text, selected=asked["mode"] == Run.Mode.SELECTED_TEXT),
        model=_model(reader, asked),
        keep=asked["keep"],
        replaces=replaced,
    )


def _continuation(reader: Reader, asked: Mapping[str, Any], run: Run) -> Question:
    """Return the question whose answer was cut short, again, with what was written of it and what that rests on."""
    if run.state in (Run.State.RUNNING, Run.State.COMPLETED) or not run.written:
        raise errors.invalid("continues", _("Nothing was cut short there; ask the question instead."))
    scope, narrowed = _scope(reader, asked, run.conversation)
    earlier = _earlier(run.conversation, run)
    searched, follows = searches([*(run.question for run in earlier), run.question])
    return Question(
        reader,
        run.conversation,
        run.question,
        mode=run.mode,
        scope=scope,
        narrowed=narrowed,
        top_k=asked["top_k"],
        selections=tuple(run.selected),
        passages=_sources_again(reader, run),
        earlier=earlier,
        asked=searched,
        follows=follows,
        model=_model(reader, asked),
        keep=asked["keep"],
        replaces=run,
        continues=True,
    )


def _sources_again(reader: Reader, run: Run) -> dict[int, Passage]:
    """Return what `run` may cite. Raises AnswerError (400) where any of it is not as it was, or no longer readable."""
    passages = Sight.of([run], reader=reader).readable_passages(run)
    if len(passages) < len(run.sources):
        raise errors.invalid("continues", _("A document its answer rests on has changed; ask the question again."))
    return passages


def _earlier(conversation: Conversation, replaced: Run | None) -> tuple[Run, ...]:
    """Return the runs that a question follows up, oldest first; neither what it replaces is among them nor small
    talk."""
    if conversation._state.adding:  # a new one, of which the database knows nothing
        return ()
    runs = conversation.runs.current().filter(small_talk="").exclude(answer="")
    if replaced:
        runs = runs.filter(created_at__lt=replaced.created_at)
    return tuple(list(runs.order_by("-created_at")[:HISTORY_RUNS])[::-1])


def _model(reader: Reader, asked: Mapping[str, Any]) -> str:
    """Return the model that was chosen; empty for the site's own choice. Raises AnswerError (400) for one that this
    reader can't choose."""
    chosen: str = asked.get("model", "")
    offered = reader.models()
    if chosen and chosen not in offered:
        known = _("Send one of these: %s.") % ", ".join(offered) if offered else _("Leave it out.")
        raise errors.invalid("model", _("Is none that you may choose.") + f" {known}")
    return chosen


def _selections(asked: Mapping[str, Any]) -> Iterator[Selection]:
    """Yield each selected text of the request, in whichever of its two forms it came."""
    for item in asked.get("selections", []):
        yield Selection(**item)
    if "selection" in asked:
        yield Selection(asked.get("selected_text", ""), **asked["selection"], field="selection")
    elif "selected_text" in asked:
        yield Selection(asked["selected_text"], field="selected_text")


def _check_selections(reader: Reader, selections: tuple[Selection, ...]) -> None:
    """Raises AnswerError (400) where a public token asks about a place in a document, which it can't know."""
    if not reader.lists_documents and any(selection.document_id for selection in selections):
        raise errors.invalid(selections[0].field, _("A public token asks about text; send it without document_id."))


def _run_of(conversation: Conversation, asked: Mapping[str, Any], field: str) -> Run:
    run = conversation.runs.current().filter(pk=asked[field]).first()
    if run is None:
        raise errors.not_found(field, _("There is no run %s in this conversation.") % asked[field])
    return run


def _conversation(reader: Reader, asked: Mapping[str, Any]) -> Conversation:
    """Return the conversation to continue, or a new one that is saved with the question."""
    if session_id := asked.get("session_id"):
        conversation = reader.conversations().filter(pk=session_id).first()
        if conversation is None:
            raise errors.not_found("session_id", _("There is no conversation %s.") % session_id)
        return conversation
    return reader.new_conversation(title_of(asked["query"]))


_NARROWED = ("collections", "document_ids", "languages", "since", "until")


def _scope(reader: Reader, asked: Mapping[str, Any], conversation: Conversation) -> tuple[SearchScope, dict[str, Any]]:
    """Return what is searched, and what of it was asked for. Nothing that this reader can't search is silently dropped.

    Raises AnswerError (404).
    """
    narrowed = {name: asked[name] for name in _NARROWED if name in asked}
    scope = SearchScope(
        collections=reader.searched(asked.get("collections")),
        document_ids=tuple(asked["document_ids"]) if "document_ids" in asked else None,
        languages=tuple(asked["languages"]) if "languages" in asked else None,
        since=asked.get("since"),
        until=asked.get("until"),
        hidden=conversation.attachments_id,
    )
    try:
        check_scope(
            user=reader.user, collections=scope.collections, document_ids=scope.document_ids, hidden=scope.hidden
        )
    except UnknownCollection as error:
        raise errors.not_found("collections", error.reason.message()) from error
    except UnknownDocument as error:
        gone = errors.not_found("document_ids", error.reason.message())
        gone.details["missing"] = list(error.ids)  # of those that were asked for: more it does not tell
        raise gone from error
    return scope, {name: str(value) if isinstance(value, date) else value for name, value in narrowed.items()}

"""From validated fields to an answer on its way: the same for the API and for the page without JavaScript."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from chatsite import errors
from chatsite.answering.answer import Answer, begin_answer
from chatsite.answering.capacity import Place, check_place
from chatsite.answering.sight import Sight
from chatsite.asking.question import Question, SearchScope, Selection, Trial, searches
from chatsite.asking.saving import save_question
from chatsite.asking.selections import kept_selections, selected_passages
from chatsite.asking.small_talk import small_talk_in
from chatsite.assistants.agent import AskedAgent
from chatsite.assistants.finding import find_agent, prompt_of
from chatsite.assistants.narrowing import check_workflow, searched_by
from chatsite.models import Conversation, Run
from chatsite.models.conversations import title_of
from chatsite.reader import Reader
from retrieval.errors import UnknownCollection, UnknownDocument
from retrieval.searching.passages import Passage
from retrieval.searching.search import check_scope

HISTORY_RUNS = 6


def ask(
    reader: Reader,
    asked: Mapping[str, Any],
    *,
    also: Callable[[Run], None] | None = None,
    trial: Trial | None = None,
    asks: bool = True,
) -> Answer:
    """Check what `asked` (the validated fields of a QuestionSerializer) is, save it, and begin to answer it: with the
    published prompt, or as a `trial` says. Without `asks` its reader can't be asked to confirm anything. What is to be
    saved `also`, with the run or not at all, is saved before it begins.

    Raises:
        AnswerError: 404 or 400 for something this reader can't use, 429 or 503 when too many are being answered.
    """
    check_place(reader)
    question = replace(question_of(reader, asked, trial=trial), asks=asks)
    run, place = _saved_with(question, also) if also else save_question(question)
    return begin_answer(question, run=run, place=place)


def _saved_with(question: Question, also: Callable[[Run], None]) -> tuple[Run, Place]:
    place: Place | None = None
    try:
        with transaction.atomic():
            run, place = save_question(question)
            also(run)
    except BaseException:
        if place:
            place.release()
        raise
    return run, place


def question_of(reader: Reader, asked: Mapping[str, Any], *, trial: Trial | None = None) -> Question:
    """Return the question, inside what its reader may use: scope, selections and sources are checked here.

    Raises AnswerError (404, 400).
    """
    conversation = _conversation(reader, asked)
    agent = _agent(reader, asked, conversation, trial=trial)
    check_workflow(agent, asked)
    if "continues" in asked:
        return _continuation(reader, asked, _run_of(conversation, asked, "continues"), agent=agent)
    replaced = _run_of(conversation, asked, "replaces") if "replaces" in asked else None
    scope, narrowed = scope_of(reader, asked, conversation, agent=agent)
    selections = tuple(_selections(asked))
    _check_selections(reader, selections)
    text = asked["query"].strip()
    again = trial.again if trial else None
    earlier = _earlier(again.conversation if again else conversation, again or replaced, told=asked.get("earlier", ()))
    passages = selected_passages(reader, selections, scope)
    searched, follows = searches([*(run.question for run in earlier), text])
    earlier = _readable(reader, earlier)
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
        agent=agent,
        prompt=trial.prompt if trial else prompt_of(agent),
        added=agent.manner,
        hooked=asked.get("hooked", True),
        keep=asked["keep"],
        replaces=replaced,
    )


def _agent(reader: Reader, asked: Mapping[str, Any], conversation: Conversation, *, trial: Trial | None) -> AskedAgent:
    """Return the agent that is asked: a conversation stays with its own, and one without a question yet takes the first
    that is.

    Raises AnswerError (404) for one that isn't this reader's to ask, and 400 for another one than the conversation's.
    """
    if trial:
        return find_agent(reader, trial.agent or trial.prompt.agent, whoever=True)
    name: str = asked.get("agent", "")
    changes = name and name != conversation.agent and not conversation._state.adding
    if changes and (conversation.agent or conversation.runs.exists()):
        raise errors.invalid("agent", _("The conversation is with another agent; leave session_id out."))
    return find_agent(reader, name or conversation.agent)


def _continuation(reader: Reader, asked: Mapping[str, Any], run: Run, *, agent: AskedAgent) -> Question:
    """Return the question whose answer was cut short, again, with what was written of it and what that rests on."""
    if run.state in (Run.State.RUNNING, Run.State.WAITING, Run.State.COMPLETED) or not run.written:
        raise errors.invalid("continues", _("Nothing was cut short there; ask the question instead."))
    scope, narrowed = scope_of(reader, asked, run.conversation, agent=agent)
    earlier = _earlier(run.conversation, run)
    searched, follows = searches([*(run.question for run in earlier), run.question])
    earlier = _readable(reader, earlier)
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
        agent=agent,
        prompt=prompt_of(agent),
        added=agent.manner,
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


def _earlier(
    conversation: Conversation, replaced: Run | None, *, told: Iterable[tuple[str, str]] = ()
) -> tuple[Run, ...]:
    """Return the runs that a question follows up, oldest first; neither what it replaces is among them nor small
    talk. A new conversation has only what it was `told` of another one: questions and answers."""
    if conversation._state.adding:
        return tuple(Run(question=question, answer=answer) for question, answer in told)
    runs = conversation.runs.current().filter(small_talk="").exclude(answer="")
    if replaced:
        runs = runs.filter(created_at__lt=replaced.created_at)
    return tuple(list(runs.prefetch_related("citations").order_by("-created_at")[:HISTORY_RUNS])[::-1])


def _readable(reader: Reader, runs: tuple[Run, ...]) -> tuple[Run, ...]:
    """Return those of `runs` whose answers this reader may read now: a model is sent no others."""
    sight = Sight.of(runs, reader=reader) if runs else None
    return tuple(run for run in runs if sight and sight.may_read(run))


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


NARROWED = ("collections", "document_ids", "languages", "since", "until")


def scope_of(
    reader: Reader, asked: Mapping[str, Any], conversation: Conversation, *, agent: AskedAgent
) -> tuple[SearchScope, dict[str, Any]]:
    """Return what is searched, and what of it was asked for. Nothing that this reader can't search, or the agent
    doesn't, is silently dropped.

    Raises AnswerError (404).
    """
    narrowed = {name: asked[name] for name in NARROWED if name in asked}
    scope = SearchScope(
        collections=searched_by(reader, agent.collections, asked.get("collections")),
        document_ids=tuple(asked["document_ids"]) if "document_ids" in asked else None,
        languages=tuple(asked["languages"]) if "languages" in asked else None,
        since=asked.get("since"),
        until=asked.get("until"),
        hidden=conversation.attachments_id,
    )
    try:
        check_scope(
            user=reader.rights, collections=scope.collections, document_ids=scope.document_ids, hidden=scope.hidden
        )
    except UnknownCollection as error:
        raise errors.not_found("collections", error.reason.message()) from error
    except UnknownDocument as error:
        gone = errors.not_found("document_ids", error.reason.message())
        gone.details["missing"] = list(error.ids)  # of those that were asked for: more it does not tell
        raise gone from error
    return scope, {name: str(value) if isinstance(value, date) else value for name, value in narrowed.items()}

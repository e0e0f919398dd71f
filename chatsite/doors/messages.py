"""What other programs send, as a question: its text, what was said before it, and where it is searched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from chatsite import errors
from chatsite.api.serializers import QuestionSerializer
from chatsite.asking.request import HISTORY_RUNS
from chatsite.assistants.finding import agent_or_site
from chatsite.models import Run
from chatsite.reader import Reader

AGENT = "agent"
DOCUMENTS = "documents"  # the model that answers from all that a key may read
MESSAGES_MOST = 2_000
_NOT_THE_SITES = {"tool", "function"}  # messages of programs' own tools; the site calls none of those
_RULES = {"system", "developer"}

Turn = tuple[str, str]
"""A question and its answer."""


def agent_id(name: str) -> str:
    """Return the model that is the agent of this name."""
    return f"{AGENT}:{name}"


def model_id(slug: str) -> str:
    """Return the model that answers from the collection `slug` alone."""
    return f"{DOCUMENTS}:{slug}"


def question_for(
    reader: Reader, *, model: Any, messages: Sequence[Mapping[str, Any]], field: str, stream: Any
) -> dict[str, Any]:
    """Return the fields that `chatsite.asking.request.ask` takes: the last user message asked of `model`, in the
    conversation that the messages before it stand in.

    System messages are read past: how an answer is written, and that it rests on documents alone, is the site's rule.
    Raises AnswerError (400, 404) and ValidationError.
    """
    *earlier, (question, _nothing) = turns(messages, field=field)
    asked = {"query": question, "stream": stream or False} | _narrowed(reader, model)
    serializer = QuestionSerializer(data=asked)
    serializer.is_valid(raise_exception=True)
    checked: dict[str, Any] = serializer.validated_data
    return checked | conversation_of(reader, earlier[-HISTORY_RUNS:], agent=checked.get("agent", ""))


def _narrowed(reader: Reader, model: Any) -> dict[str, Any]:
    """Return the fields that ask a model: an agent, or a collection. Raises AnswerError (404) for one that is not the
    key's to ask."""
    if not isinstance(model, str) or not model:
        raise errors.invalid("model", _("Is required."))
    if model == DOCUMENTS:
        return {}
    if (name := model.removeprefix(f"{AGENT}:")) != model:
        if (agent := agent_or_site(reader, name)).name:
            return {"agent": agent.name}
        raise unknown_model(model)
    slug = model.removeprefix(f"{DOCUMENTS}:")
    if slug == model or not reader.collections().filter(slug=_plain(slug)).exists():
        raise unknown_model(model)
    return {"collections": [slug]}


def _plain(slug: str) -> str:
    """Return a slug that every database takes as a value; empty where it can be none."""
    return slug if slug.isprintable() and len(slug) <= 120 else ""


def unknown_model(model: str) -> errors.AnswerError:
    """Return the error for a model that is not there, or not this key's to ask: the same for both."""
    return errors.not_found("model", _("There is no model “%s” here; GET models lists those there are.") % model[:120])


# ---- messages --------------------------------------------------------------------------------------------------------


def turns(messages: Any, *, field: str) -> list[Turn]:
    """Return the messages as questions with their answers; the last one has none.

    Raises AnswerError (400) where there is no question, or a message is none.
    """
    if not isinstance(messages, list) or not messages:
        raise errors.invalid(field, _("Must be a list of messages, the last of them the question."))
    if len(messages) > MESSAGES_MOST:
        fault = _("Has more messages than the limit of %s. Send the latest ones.")
        raise errors.invalid(field, fault % errors.grouped(MESSAGES_MOST))
    told: list[tuple[str, list[str]]] = []
    for role, text in _told(messages, field=field):
        if role == "user":
            told.append((text, []))
        elif told:
            told[-1][1].append(text)
    if not told:
        raise errors.invalid(field, _("Has no message of the role user, which is the question."))
    earlier = [(question, "\n\n".join(answers)) for question, answers in told[:-1] if answers]
    return [*earlier, (told[-1][0], "")]


def _told(messages: Sequence[Any], *, field: str) -> Iterator[tuple[str, str]]:
    """Yield role and text of each message of a user or an assistant that has a text."""
    for place, message in enumerate(messages):
        where = f"{field}.{place}"
        if not isinstance(message, Mapping) or not isinstance(role := message.get("role"), str):
            raise errors.invalid(where, _("Must be a message with a role and its content."))
        if role in _NOT_THE_SITES | _RULES:
            continue
        if role not in ("user", "assistant"):
            raise errors.invalid(where, _("Has a role that is not known here; send user, assistant or system."))
        if text := _text(message.get("content"), where=where, role=role):
            yield role, text


def _text(content: Any, *, where: str, role: str) -> str:
    if content is None and role == "assistant":  # it called a tool
        return ""
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(parts, list):
        raise errors.invalid(where, _("Must have a text, or a list of parts, as its content."))
    texts = [_part(part, where=where) for part in parts]
    return "\n\n".join(filter(None, texts))


def _part(part: Any, *, where: str) -> str:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind == "refusal" and isinstance(part.get("refusal"), str):
        return str(part["refusal"])
    if kind not in ("text", "input_text", "output_text") or not isinstance(part.get("text"), str):
        raise errors.invalid(where, _("Has a part that is no text. Attach files by POST /api/v1/chat/attachments."))
    return str(part["text"])


# ---- the conversation they stand in ----------------------------------------------------------------------------------


def conversation_of(reader: Reader, earlier: Sequence[Turn], *, agent: str = "") -> dict[str, Any]:
    """Return where a question stands that follows the turns `earlier`: in the conversation with this agent, of this
    reader's, that has them, in the place of what followed there; or in a new one that they are told to.

    A client sends all that was said with each question. Found again, one conversation stays one, and its earlier
    answers are the site's own words, not the client's.
    """
    if not earlier:
        return {}
    limit = settings.QUERY_MAX_CHARACTERS
    asked = earlier[-1][0].strip().replace("\x00", "")  # no database takes it
    latest = reader.conversations().filter(agent=agent).order_by("-updated_at", "id").values("pk")[:_LOOKED_THROUGH]
    found = Run.objects.current().filter(conversation__in=latest, question=asked[:limit]).order_by("-created_at", "id")
    for run in found[:_COMPARED]:
        current = list(run.conversation.runs.current().order_by("created_at", "id"))
        at = next(place for place, other in enumerate(current) if other.pk == run.pk) + 1
        if _same(current[max(0, at - len(earlier)) : at], earlier):
            follows = {"replaces": current[at].pk} if current[at:] else {}
            return {"session_id": run.conversation_id} | follows
    return {"earlier": [(question[:limit], answer) for question, answer in earlier]}


_LOOKED_THROUGH = 100  # of a key's conversations, the latest ones
_COMPARED = 10


def _same(runs: Sequence[Run], turns: Sequence[Turn]) -> bool:
    """Return whether these turns are those runs, each answer as it was sent: with its sources behind it."""
    return len(runs) == len(turns) and all(
        run.answer and question.strip() == run.question and answer.strip().startswith(run.answer.strip())
        for run, (question, answer) in zip(runs, turns, strict=True)
    )

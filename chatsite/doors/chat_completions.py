"""`POST v1/chat/completions`, as OpenAI's clients ask and read it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any

from django.http import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from chatsite import errors
from chatsite.answering.answer import Answer
from chatsite.answering.sse import event_stream
from chatsite.answering.telling import Event
from chatsite.api.authentication import api_reader
from chatsite.asking.request import ask
from chatsite.doors.cited_text import DONE, ToldAs, annotations_of, counted, encode_lines, said, sources
from chatsite.doors.door import DoorView, body_of, openai_body
from chatsite.doors.messages import question_for
from chatsite.models import Run

_TOKENS = ("prompt_tokens", "completion_tokens", "total_tokens")


class ChatCompletions(DoorView):
    @extend_schema(exclude=True)
    def post(self, request: Request) -> HttpResponseBase:
        """Ask the last user message; the answer cites, as text and as annotations."""
        body = body_of(request)
        refuse_what_changes_the_answer(body)
        wanted = body.get("stream_options") or {}
        if not isinstance(wanted, Mapping):
            raise errors.invalid("stream_options", _("Must be an object."))
        asked = question_for(
            api_reader(request),
            model=body.get("model"),
            messages=body.get("messages", []),
            field="messages",
            stream=body.get("stream"),
        )
        completion = Completion(ask(api_reader(request), asked, asks=False), body["model"], request.build_absolute_uri)
        if asked["stream"]:
            return completion.stream(request, counts=wanted.get("include_usage") is True)
        return Response(completion.whole())


def refuse_what_changes_the_answer(body: Mapping[str, Any]) -> None:
    """Raise AnswerError (400) for a parameter whose answer would be another than this site gives; those that only tune
    a model, and unknown ones, are read past."""
    if body.get("n") not in (None, 1):
        raise errors.invalid("n", _("Must be 1: a question has one answer here."))
    shape = body.get("response_format") or _nested(body.get("text"), "format")
    if (_nested(shape, "type") or "text") != "text":
        raise errors.invalid("response_format", _("Must be text: an answer is text with citations."))
    choice = body.get("tool_choice")
    if choice not in (None, "auto", "none"):
        raise errors.invalid("tool_choice", _("Must be auto or none: the site calls no tools of a program."))
    if body.get("logprobs") or body.get("top_logprobs"):
        raise errors.invalid("logprobs", _("There are none here; leave it out."))
    if body.get("modalities") not in (None, [], ["text"]):
        raise errors.invalid("modalities", _("Must be text alone."))


def _nested(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None


class Completion:
    """One answer as a chat completion."""

    def __init__(self, answer: Answer, model: str, absolute: Callable[[str], str]) -> None:
        self._answer = answer
        self._model = model
        self._absolute = absolute

    def whole(self) -> dict[str, Any]:
        """Return the completion. Raises AnswerError when there is no answer."""
        body = self._answer.whole()
        message = {
            "role": "assistant",
            "content": body["answer"] + sources(body, self._absolute),
            "refusal": None,
            "annotations": self._annotations(body),
        }
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _reason(body)}
        return self._object("chat.completion", [choice]) | {"usage": counted(body, _TOKENS)}

    def stream(self, request: Request, *, counts: bool) -> HttpResponseBase:
        """Return the response that sends it in chunks; with `counts` the tokens in one of their own, at the end."""

        def tell(events: Iterable[Event]) -> Generator[Event, None, None]:
            extra = {"usage": None} if counts else {}
            yield self._chunk({"role": "assistant", "content": "", "refusal": None}, extra)
            for piece in said(events):
                if isinstance(piece, str):
                    yield self._chunk({"content": piece}, extra)
                elif isinstance(piece, Event):
                    yield self._beat_or_error(piece)
                else:
                    listed = sources(piece, self._absolute)
                    yield self._chunk({"content": listed, "annotations": self._annotations(piece)}, extra)
                    yield self._chunk({}, extra, finish_reason=_reason(piece))
                    if counts:
                        whole = self._object("chat.completion.chunk", []) | {"usage": counted(piece, _TOKENS)}
                        yield Event("chunk", whole)
            yield DONE

        return event_stream(request._request, ToldAs(self._answer, tell), encode=encode_lines)

    def _beat_or_error(self, event: Event) -> Event:
        if event.name != "error":
            return event
        return Event("chunk", openai_body(event.body, status=errors.of_code(event.body["error"]).status))

    def _annotations(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        cited = annotations_of(body, self._absolute)
        return [{"type": "url_citation", "url_citation": annotation.body()} for annotation in cited]

    def _chunk(self, delta: dict[str, Any], extra: dict[str, Any], *, finish_reason: str | None = None) -> Event:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return Event("chunk", self._object("chat.completion.chunk", [choice]) | extra)

    def _object(self, kind: str, choices: Sequence[dict[str, Any]]) -> dict[str, Any]:
        run: Run = self._answer.run
        return {
            "id": f"chatcmpl-{run.pk.hex}",
            "object": kind,
            "created": int(run.created_at.timestamp()),
            "model": self._model,
            "choices": choices,
        }


def _reason(body: Mapping[str, Any]) -> str:
    return "length" if body["cut_short"] else "stop"

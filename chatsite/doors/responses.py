"""`POST v1/responses`, as far as OpenAI's clients need it to ask and to follow up."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from itertools import count
from typing import Any

from django.http import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from chatsite import errors
from chatsite.answering.answer import Answer
from chatsite.answering.sse import event_stream
from chatsite.answering.telling import BEAT, Event
from chatsite.api.authentication import api_reader
from chatsite.asking.request import ask
from chatsite.doors.chat_completions import refuse_what_changes_the_answer
from chatsite.doors.cited_text import Said, ToldAs, annotations_of, counted, said, sources
from chatsite.doors.door import DoorView, body_of, openai_body
from chatsite.doors.messages import question_for
from chatsite.models import Run
from chatsite.reader import Reader

_PREFIX = "resp_"
_TOKENS = ("input_tokens", "output_tokens", "total_tokens")


class Responses(DoorView):
    @extend_schema(exclude=True)
    def post(self, request: Request) -> HttpResponseBase:
        """Ask `input`, a text or messages; `previous_response_id` continues a conversation."""
        body, reader = body_of(request), api_reader(request)
        refuse_what_changes_the_answer(body)
        if body.get("background") or body.get("conversation"):
            raise errors.invalid("conversation", _("Is not kept here; follow up with previous_response_id."))
        asked = question_for(
            reader, model=body.get("model"), messages=_messages(body), field="input", stream=body.get("stream")
        )
        if (previous := body.get("previous_response_id")) is not None:
            asked = {name: value for name, value in asked.items() if name not in ("earlier", "replaces")}
            asked["session_id"] = _run_of(reader, previous).conversation_id
        told = ToldResponse(
            ask(reader, asked, asks=False), body["model"], request.build_absolute_uri, previous=previous
        )
        return told.stream(request) if asked["stream"] else Response(told.whole())


def _messages(body: Mapping[str, Any]) -> Any:
    """Return `input` as messages. What is none (a tool's call, a thought) is left out."""
    given = body.get("input")
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    if not isinstance(given, list):
        return given
    return [item for item in given if not (isinstance(item, Mapping) and item.get("type", "message") != "message")]


def _run_of(reader: Reader, previous: Any) -> Run:
    """Return the run of an earlier response of this key's. Raises AnswerError (404)."""
    try:
        pk = uuid.UUID(hex=str(previous).removeprefix(_PREFIX))
    except ValueError:
        pk = uuid.UUID(int=0)
    run = Run.objects.current().filter(pk=pk, conversation__in=reader.conversations()).first()
    if run is None:
        raise errors.not_found("previous_response_id", _("There is no such response."))
    return run


class ToldResponse:
    """One answer as a response."""

    def __init__(
        self, answer: Answer, model: str, absolute: Callable[[str], str], *, previous: str | None = None
    ) -> None:
        self._answer = answer
        self._model = model
        self._absolute = absolute
        self._previous = previous
        self._item_id = f"msg_{answer.run.pk.hex}"

    def whole(self) -> dict[str, Any]:
        """Return the response. Raises AnswerError when there is no answer."""
        return self._ended(self._answer.whole())

    def stream(self, request: Request) -> HttpResponseBase:
        """Return the response that sends it as events."""

        def tell(events: Iterable[Event]) -> Generator[Event, None, None]:
            numbers = count()
            for event in self._events(said(events)):
                if event is BEAT:
                    yield BEAT
                else:
                    named = {"type": event.name, "sequence_number": next(numbers)}
                    yield Event(event.name, named | event.body)

        return event_stream(request._request, ToldAs(self._answer, tell))

    def _events(self, pieces: Iterable[Said]) -> Generator[Event, None, None]:
        part = {"item_id": self._item_id, "output_index": 0, "content_index": 0}
        begun = self._object("in_progress", [], None)
        yield Event("response.created", {"response": begun})
        yield Event("response.in_progress", {"response": begun})
        yield Event("response.output_item.added", {"output_index": 0, "item": self._item([], "in_progress")})
        yield Event("response.content_part.added", part | {"part": _output_text("", [])})
        for piece in pieces:
            if isinstance(piece, str):
                yield Event("response.output_text.delta", part | {"delta": piece, "logprobs": []})
            elif not isinstance(piece, Event):
                yield from self._end(piece, part)
            elif piece.name == "error":
                status = errors.of_code(piece.body["error"]).status
                fault = openai_body(piece.body, status=status)["error"]
                failed = begun | {"status": "failed", "error": {"code": fault["code"], "message": fault["message"]}}
                yield Event("response.failed", {"response": failed})
            else:
                yield piece

    def _end(self, body: Mapping[str, Any], part: dict[str, Any]) -> Generator[Event, None, None]:
        ended = self._ended(body)
        [item] = ended["output"]
        [whole] = item["content"]
        if listed := sources(body, self._absolute):
            yield Event("response.output_text.delta", part | {"delta": listed, "logprobs": []})
        for index, annotation in enumerate(whole["annotations"]):
            added = {"annotation_index": index, "annotation": annotation}
            yield Event("response.output_text.annotation.added", part | added)
        yield Event("response.output_text.done", part | {"text": whole["text"], "logprobs": []})
        yield Event("response.content_part.done", part | {"part": whole})
        yield Event("response.output_item.done", {"output_index": 0, "item": item})
        yield Event(f"response.{ended['status']}", {"response": ended})

    def _ended(self, body: Mapping[str, Any]) -> dict[str, Any]:
        status = "incomplete" if body["cut_short"] else "completed"
        cited = [{"type": "url_citation"} | one.body() for one in annotations_of(body, self._absolute)]
        item = self._item([_output_text(body["answer"] + sources(body, self._absolute), cited)], status)
        details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
        return self._object(status, [item], counted(body, _TOKENS) | details)

    def _item(self, content: Sequence[dict[str, Any]], status: str) -> dict[str, Any]:
        return {"id": self._item_id, "type": "message", "role": "assistant", "status": status, "content": content}

    def _object(self, status: str, output: Sequence[dict[str, Any]], usage: dict[str, Any] | None) -> dict[str, Any]:
        run: Run = self._answer.run
        return {
            "id": f"{_PREFIX}{run.pk.hex}",
            "object": "response",
            "created_at": int(run.created_at.timestamp()),
            "status": status,
            "model": self._model,
            "output": output,
            "usage": usage,
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
            "instructions": None,
            "previous_response_id": self._previous,
            "metadata": {},
            "parallel_tool_calls": False,
            "tool_choice": "none",
            "tools": [],
            "temperature": None,
            "top_p": None,
        }


def _output_text(text: str, cited: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": cited, "logprobs": []}

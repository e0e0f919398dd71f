"""The door for the Model Context Protocol, over streamable HTTP (https://modelcontextprotocol.io).

Nothing is kept between two requests, so any process may answer any of them.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from itertools import count
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ParseError, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from chatsite.answering.answer import Answer
from chatsite.answering.sse import encode, event_stream
from chatsite.answering.telling import BEAT, Event
from chatsite.api.authentication import api_reader
from chatsite.api.errors import error_response, sentence
from chatsite.conf import OPENAPI
from chatsite.doors import mcp_envelope as envelope
from chatsite.doors.cited_text import ToldAs
from chatsite.doors.door import DoorView
from chatsite.doors.mcp_envelope import RpcCall, RpcFault, fault_body, result_body
from chatsite.doors.mcp_tools import (
    ASK,
    TOOLS,
    CalledTool,
    OfferedTool,
    ToolResult,
    answer_result,
    begun_answer,
    listed_tools,
)
from chatsite.doors.mcp_workflows import AwaitedRun, WorkflowTool, offered_workflows, run_result
from chatsite.errors import AnswerError
from chatsite.models import WorkflowRun

_STATUS = {envelope.METHOD_NOT_FOUND: 404, envelope.INTERNAL_ERROR: 500}
_TOOLS_ALONE = {"tools": {"listChanged": False}}


class McpDoor(DoorView):
    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Raises PermissionDenied for a page of another origin: a name may have been pointed at this site."""
        origin = request.headers.get("Origin", "").lower()
        if origin and origin != f"{request.scheme}://{request.get_host()}".lower():
            raise PermissionDenied(_("Pages of other origins don't speak to this address."))
        super().initial(request, *args, **kwargs)

    def get_exception_handler(self) -> Any:
        return _rpc_error

    @extend_schema(exclude=True)
    def post(self, request: Request) -> HttpResponseBase:
        """Answer one request; a notification is taken note of."""
        call: RpcCall | None = None
        try:
            call = envelope.call_of(request.data, request.headers)
            if call.id is None:
                return Response(status=202)
            return self._answer(request, call)
        except RpcFault as fault:
            # Before 2026-07-28 a fault inside a request that was understood has status 200.
            status = _STATUS.get(fault.code, 400) if call is None or call.stateless else 200
            sent = request.data.get("id") if isinstance(request.data, Mapping) else None
            known = sent if isinstance(sent, str | int) else None
            return Response(fault_body(fault, id=known), status=status)

    def _answer(self, request: Request, call: RpcCall) -> HttpResponseBase:
        """Raises RpcFault."""
        match call.method:
            case "initialize" if not call.stateless:
                return _sent(request, call, _welcome(call))
            case "ping" if not call.stateless:
                return _sent(request, call, {})
            case "server/discover" if call.stateless:
                versions = {"supportedVersions": [*envelope.HANDSHAKE_VERSIONS, *envelope.STATELESS_VERSIONS]}
                return _sent(request, call, versions | _described() | _cacheable())
            case "tools/list":
                offered = listed_tools(api_reader(request))
                listed = {"tools": offered + [tool.body() for tool in offered_workflows(request)]}
                return _sent(request, call, listed | (_cacheable() if call.stateless else {}))
            case "tools/call":
                return _called(request, call)
        raise RpcFault(envelope.METHOD_NOT_FOUND, f"There is no method {call.method[:60]} here.")


def _welcome(call: RpcCall) -> dict[str, Any]:
    """Return the answer to `initialize`: in the client's version where it is known, else in the latest."""
    wanted = call.params.get("protocolVersion")
    version = wanted if wanted in envelope.HANDSHAKE_VERSIONS else envelope.HANDSHAKE_VERSIONS[-1]
    return {"protocolVersion": version, "serverInfo": _server()} | _described()


def _described() -> dict[str, Any]:
    told = "Answers from this site's documents: every claim cites the sentence it rests on. Ask in full sentences."
    return {"capabilities": _TOOLS_ALONE, "instructions": told}


def _server() -> dict[str, str]:
    return {"name": "docchat", "title": "Document chat", "version": str(OPENAPI["VERSION"])}


def _cacheable() -> dict[str, Any]:
    return {"ttlMs": 60_000, "cacheScope": "private"}


def _sent(request: Request, call: RpcCall, result: Mapping[str, Any]) -> HttpResponseBase:
    """Return a result as JSON, or as a stream of one event to who takes nothing else."""
    return Response(_whole(call, result)) if _takes(request, "application/json") else _one_event(_whole(call, result))


def _whole(call: RpcCall, result: Mapping[str, Any]) -> dict[str, Any]:
    stateless = {"resultType": "complete", "_meta": {envelope.SERVER_KEY: _server()}} if call.stateless else {}
    return result_body(call, {**result, **stateless})


def _takes(request: Request, kind: str) -> bool:
    accepted = request.headers.get("Accept", "*/*")
    return kind in accepted or "*/*" in accepted


# ---- calls of tools --------------------------------------------------------------------------------------------------


def _called(request: Request, call: RpcCall) -> HttpResponseBase:
    """Call a tool; what goes wrong in it is a result that says so, for the model to read. Raises RpcFault for a tool
    that there isn't."""
    tool = _tool(request, str(call.params.get("name")))
    if tool is None:
        raise RpcFault(envelope.INVALID_PARAMS, f"There is no tool {str(call.params.get('name'))[:60]} here.")
    try:
        called = CalledTool(api_reader(request), request._request, tool.checked(call.params.get("arguments")))
        follows = call.progress_token is not None and "text/event-stream" in request.headers.get("Accept", "")
        if follows and tool.name == ASK:
            return _asked(request, call, called)
        if follows and isinstance(tool, WorkflowTool):
            return _run(request, call, called, tool)
        result = tool.call(called)
    except (AnswerError, ValidationError) as error:
        result = _failed(error)
    return _sent(request, call, result.body())


def _tool(request: Request, name: str) -> OfferedTool | WorkflowTool | None:
    """Return the tool of that name, or None where whoever asks has none."""
    return TOOLS.get(name) or next(iter(offered_workflows(request, name=name)), None)


def _failed(error: AnswerError | ValidationError) -> ToolResult:
    if isinstance(error, ValidationError):
        fault = sentence(error.detail)
        return ToolResult(fault, {"error": "invalid_request", "message": fault}, failed=True)
    values = {"error": error.code, "message": error.message}
    again = {"retry_after": error.retry_after} if error.retry_after else {}
    return ToolResult(error.message, values | again, failed=True)


def _asked(request: Request, call: RpcCall, called: CalledTool) -> HttpResponseBase:
    """Return the stream of a question: how far it is, then the result. Raises AnswerError and ValidationError."""
    answer: Answer = begun_answer(called)

    def tell(events: Iterable[Event]) -> Generator[Event, None, None]:
        steps, begun = count(1), False
        for event in events:
            message = _progress(event)
            if event is BEAT:
                yield BEAT
            elif event.name == "done":
                yield Event("message", _whole(call, answer_result(called, event.body).body()))
            elif event.name == "error":
                yield Event("message", _whole(call, ToolResult(event.body["message"], event.body, failed=True).body()))
            elif message and not begun:
                begun = event.name == "text"
                yield _noted(call, next(steps), message)

    return event_stream(request._request, ToldAs(answer, tell))


def _run(request: Request, call: RpcCall, called: CalledTool, tool: WorkflowTool) -> HttpResponseBase:
    """Return the stream of a workflow's run: which steps it is at, then the result. Raises AnswerError."""
    steps = count(1)

    def tell_end(run: WorkflowRun) -> Event:
        try:
            result = run_result(called, run)
        except AnswerError as error:
            result = _failed(error)
        return Event("message", _whole(call, result.body()))

    run = AwaitedRun(tool.begin(called), tell_step=lambda names: _noted(call, next(steps), names), tell_end=tell_end)
    return event_stream(request._request, run)


def _noted(call: RpcCall, step: int, message: str) -> Event:
    """Return the event that says how far a call is."""
    progress = {"progressToken": call.progress_token, "progress": step, "message": message}
    return Event("message", {"jsonrpc": "2.0", "method": "notifications/progress", "params": progress})


def _progress(event: Event) -> str:
    """Return what is said of an event while an answer is awaited; empty where nothing is."""
    match event.name:
        case "tool_call":
            return _("Searching")
        case "sources":
            found = len(event.body["sources"])
            return ngettext("Reading %d passage", "Reading %d passages", found) % found
        case "queued":
            return _("Waiting in line")
        case "text":
            return _("Writing")
        case _:
            return ""


def _rpc_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return an error of the API in JSON-RPC's shape; None for a bug, which goes on to be a logged 500."""
    response = error_response(error, context)
    if response is not None:
        code = envelope.PARSE_ERROR if isinstance(error, ParseError) else envelope.INVALID_REQUEST
        fault = RpcFault(code, response.data["message"], data={"error": response.data["error"]})
        response.data = fault_body(fault)
    return response


def _one_event(body: Mapping[str, Any]) -> HttpResponseBase:
    return HttpResponse(encode(Event("message", dict(body))), content_type="text/event-stream; charset=utf-8")

"""Published workflows as tools of the MCP door: one for each that staff offer to programs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import F, Max
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from rest_framework.request import Request

from chatsite import errors
from chatsite.answering.telling import BEAT, Event
from chatsite.api.permissions import has_permission
from chatsite.api.workflows import WorkflowRunSerializer
from chatsite.doors.mcp_tools import CalledTool, ToolResult
from chatsite.models import WorkflowRun, WorkflowVersion
from chatsite.workflows import running
from chatsite.workflows.following import LOOK_SECONDS
from chatsite.workflows.inputs import InputField
from chatsite.workflows.published import begin_run, inputs_of, run_facts
from chatsite.workflows.starter import RUN

State = WorkflowRun.State
_KINDS: dict[type, dict[str, Any]] = {
    bool: {"type": "boolean"},
    int: {"type": "number"},
    float: {"type": "number"},
    list: {"type": "array", "items": {}},
    dict: {"type": "object"},
}


@dataclass(frozen=True, slots=True)
class WorkflowTool:
    """The newest version of a workflow as a tool."""

    version: WorkflowVersion

    @property
    def name(self) -> str:
        return self.version.workflow.tool_name

    def body(self) -> dict[str, Any]:
        """Return it as the protocol lists it. What it changes nobody can say but who has written its steps."""
        workflow = self.version.workflow
        return {
            "name": self.name,
            "title": workflow.title,
            "description": f"{workflow.title}. {workflow.description}".strip(),
            "inputSchema": input_schema(inputs_of(self.version)),
            "annotations": {"readOnlyHint": False},
        }

    def checked(self, given: Any) -> Mapping[str, Any]:
        """Return the arguments of a call; each is checked as its run begins. Raises AnswerError for no object."""
        given = {} if given is None else given
        if not isinstance(given, Mapping):
            raise errors.invalid("arguments", _("Must be a JSON object."))
        return given

    def begin(self, called: CalledTool) -> WorkflowRun:
        """Begin a run, and return at once. Raises AnswerError."""
        return begin_run(self.version, given=dict(called.arguments), reader=called.reader, field="arguments")

    def call(self, called: CalledTool) -> ToolResult:
        """Run it, and tell what came of it; after CHAT_TOTAL_SECONDS, how far it is. Raises AnswerError."""
        run = self.begin(called)
        running.wait(run, seconds=settings.CHAT_TOTAL_SECONDS)
        return run_result(called, run)


class AwaitedRun:
    """A run as a stream to whoever waits for it, for CHAT_TOTAL_SECONDS at most; when they leave, it goes on."""

    def __init__(
        self, run: WorkflowRun, *, tell_step: Callable[[str], Event], tell_end: Callable[[WorkflowRun], Event]
    ) -> None:
        self._run = run
        self._tell_step = tell_step
        self._tell_end = tell_end
        self._language = get_language()  # of whoever asked: another thread may send it

    def stream(self) -> Generator[Event, None, None]:
        """Yield an event for the steps that have begun, a beat where none has, and one at the end."""
        until, told = time.monotonic() + settings.CHAT_TOTAL_SECONDS, ""
        with override(self._language):
            while self._run.state == State.RUNNING and time.monotonic() < until:
                running.wait(self._run, seconds=LOOK_SECONDS)
                steps = ", ".join(name for name, step in self._run.steps.items() if step["state"] == "running")
                yield self._tell_step(steps) if steps not in ("", told) else BEAT
                told = steps or told
            yield self._tell_end(self._run)

    def cancel(self) -> None:
        """Do nothing: a beat is written soon, by which it is learnt that the reader has left."""

    def close(self) -> None:
        """Do nothing: nothing is held."""


def offered_workflows(request: Request, *, name: str | None = None) -> list[WorkflowTool]:
    """Return the tools that whoever sends this request may call, or the one that is called `name`."""
    if not has_permission(request, RUN):
        return []
    versions = WorkflowVersion.objects.filter(workflow__is_tool=True)
    newest = versions.annotate(newest=Max("workflow__versions__number")).filter(number=F("newest"))
    tools = map(WorkflowTool, newest.select_related("workflow").order_by("workflow__slug"))
    return [tool for tool in tools if name in (None, tool.name)]


def input_schema(fields: Iterable[InputField]) -> dict[str, Any]:
    """Return the JSON Schema of a workflow's inputs: each of the kind of its default, and a text without one."""
    fields = list(fields)
    properties = {
        each.name: _KINDS.get(type(each.default), {"type": "string"})
        | ({"description": each.description} if each.description else {})
        | ({} if each.default is None else {"default": each.default})
        for each in fields
    }
    required = [each.name for each in fields if each.default is None]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def run_result(called: CalledTool, run: WorkflowRun) -> ToolResult:
    """Return a run as what its tool gives.

    Raises AnswerError: 401 where the key is no longer one, and 403 where it has found what may no longer be read.
    """
    reader = called.reader.now()
    if reader is None:
        raise errors.AnswerError("invalid_api_key", _("This API key is unknown, revoked or expired."), status=401)
    facts = run_facts(run, reader=reader)
    values = dict(WorkflowRunSerializer(facts | {"url": called.absolute(facts["url"])}).data)
    fault = values.pop("error")
    match run.state:
        case State.COMPLETED:
            return ToolResult(run.output if isinstance(run.output, str) else _json(run.output), values)
        case State.WAITING:
            said = _("It waits for a person, who answers in the admin. Ask later how far it is: GET %s")
            return ToolResult(said % values["url"], values)
        case State.RUNNING:
            return ToolResult(_("It is still running. Ask later how far it is: GET %s") % values["url"], values)
    message = fault or _("The run has ended without a result: %s.") % run.get_state_display()
    return ToolResult(message, values | {"error": "workflow_failed", "message": message}, failed=True)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)

"""Execute what a model wants called: one tool call of a run, to the message that the model reads."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from agents.errors import ExitRequested
from agents.events import ToolReturned
from agents.guardrails import CallRefused, Decision
from agents.loop import REMEDY, is_foreign
from agents.messages import ToolCall, ToolMessage
from agents.tools import ERROR_MAX_CHARACTERS, ArgumentsInvalid, Context, to_model_text
from agents.tracing import Span, span

if TYPE_CHECKING:
    from agents.steps import Run

FOR_MODEL = (ArgumentsInvalid, CallRefused)  # written for it, and no fault of a tool

logger = logging.getLogger(__name__)


async def execute_call(run: Run, tool_call: ToolCall, *, decision: Decision | None) -> ToolMessage:
    """A tool's error goes back to the model; only an AgentError ends the run, once all tools have returned."""
    with span("tool", name=tool_call.name, call_id=tool_call.id) as trace:
        try:
            if decision and run.needs_approval(tool_call) and decision.refuses(tool_call):
                raise CallRefused(f"a person refused this call: {decision.reason or 'no reason given'}")
            context = Context(run.deps, run, tool_call)
            value = await run.tool(tool_call.name).execute(tool_call.arguments, context=context)
            message = ToolMessage(tool_call, to_model_text(value), value, failed=False)
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError) and _is_being_cancelled():
                raise
            if not isinstance(error, FOR_MODEL):
                logger.warning("Tool %s failed", tool_call.name, exc_info=True)
            message = _failure(tool_call, error)
        trace.set_content(arguments=tool_call.arguments, result=message.text)
        trace.error = type(message.value).__name__ if message.failed else None
    _log(run, message, trace)
    await run.emit(ToolReturned(message))
    return message


def _log(run: Run, message: ToolMessage, trace: Span) -> None:
    """Log no name that the model made up: it may be anything."""
    name = message.call.name if message.call.name in run.toolbox else "(unknown)"
    logger.debug("tool %s: %s, %.2f s", name, trace.error or "returned", trace.seconds)


def _is_being_cancelled() -> bool:
    """Or does a CancelledError only come from something that a tool waited for?"""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _failure(tool_call: ToolCall, error: BaseException) -> ToolMessage:
    if not isinstance(error, Exception):
        requested = ExitRequested(f"tool {tool_call.name} raised {type(error).__name__}")
        requested.__cause__ = error
        error = requested
    told = str(error) if isinstance(error, FOR_MODEL) else f"{type(error).__name__}: {error}"
    if is_foreign(error) and REMEDY not in told:
        told = f"{told[: ERROR_MAX_CHARACTERS - len(REMEDY) - 2]}: {REMEDY}"
    text = to_model_text({"error": told[:ERROR_MAX_CHARACTERS]})
    return ToolMessage(tool_call, text, error, failed=True)

"""Async agents that sync code just calls.

    agent = Agent("librarian", "Answer from the shelves.", tools=[search], models=[OpenAIModel("gpt-5", api_key=key)])
    result = run(agent, "Where is Moby Dick?")

`run` works from a plain thread, a sync view under WSGI or ASGI, a task worker, a command, a notebook or a running loop.
"""

from agents.agent import Agent, Limits, RunResult, RunStream, arun, run, stream
from agents.bridge import Stream, acall, call, iterate
from agents.errors import (
    AgentError,
    AnswerTruncated,
    Cancelled,
    ContextOverflow,
    DeadlineExceeded,
    ExitRequested,
    LimitExceeded,
    LoopStopped,
    ModelAnswerInvalid,
    ModelError,
    ModelInterrupted,
    ModelRefused,
    ModelUnavailable,
    ToolFailed,
    WorkerLost,
)
from agents.events import Event, ModelReplaced, RunEnded, TextDelta, ToolCalled, ToolReturned
from agents.extractive import ExtractiveModel
from agents.isolation import Recipe, arun_isolated, run_isolated
from agents.loop import loop_state, per_loop, shutdown
from agents.messages import AssistantMessage, Message, Passage, ToolCall, ToolMessage, Usage, UserMessage
from agents.model import Model, ModelEvent, OpenAIModel, Timeout
from agents.tools import Tool, tool

__all__ = [
    "Agent",
    "AgentError",
    "AnswerTruncated",
    "AssistantMessage",
    "Cancelled",
    "ContextOverflow",
    "DeadlineExceeded",
    "Event",
    "ExitRequested",
    "ExtractiveModel",
    "LimitExceeded",
    "Limits",
    "LoopStopped",
    "Message",
    "Model",
    "ModelAnswerInvalid",
    "ModelError",
    "ModelEvent",
    "ModelInterrupted",
    "ModelRefused",
    "ModelReplaced",
    "ModelUnavailable",
    "OpenAIModel",
    "Passage",
    "Recipe",
    "RunEnded",
    "RunResult",
    "RunStream",
    "Stream",
    "TextDelta",
    "Timeout",
    "Tool",
    "ToolCall",
    "ToolCalled",
    "ToolFailed",
    "ToolMessage",
    "ToolReturned",
    "Usage",
    "UserMessage",
    "WorkerLost",
    "acall",
    "arun",
    "arun_isolated",
    "call",
    "iterate",
    "loop_state",
    "per_loop",
    "run",
    "run_isolated",
    "shutdown",
    "stream",
    "tool",
]

"""Async agents that sync code just calls.

    agent = Agent("librarian", "Answer from the shelves.", tools=[search], models=[OpenAIModel("gpt-5", api_key=key)])
    result = run(agent, "Where is Moby Dick?")

`run` works from a plain thread, a sync view under WSGI or ASGI, a task worker, a command, a notebook or a running loop.
"""

from agents import foreign  # noqa: F401 - first: it raises ImportError where another distribution has written in here
from agents.agent import Agent, Runnable, RunStream, arun, resume, run, stream
from agents.bridge import acall, call
from agents.budget import Limits, Price
from agents.errors import (
    AgentError,
    AnswerTruncated,
    Blocked,
    Cancelled,
    ContextOverflow,
    DeadlineExceeded,
    ExitRequested,
    ForeignFailed,
    LimitExceeded,
    LoopMismatch,
    LoopStopped,
    ModelAnswerInvalid,
    ModelError,
    ModelInterrupted,
    ModelRefused,
    ModelUnavailable,
    OutputInvalid,
    PriceUnknown,
    ToolFailed,
    WorkerLost,
    WorkerNotStarted,
)
from agents.events import (
    Event,
    ModelReplaced,
    OutputDelta,
    RunEnded,
    TextDelta,
    TextWithdrawn,
    ThinkingDelta,
    ToolCalled,
    ToolReturned,
)
from agents.guardrails import Decision, Guardrails, RunState
from agents.isolation.recipe import Recipe
from agents.isolation.tiers import arun_isolated, run_isolated, stream_isolated
from agents.loop import loop_state, per_loop, shutdown
from agents.messages import (
    AssistantMessage,
    Message,
    Passage,
    ToolCall,
    ToolMessage,
    Usage,
    UserMessage,
    dump_message,
    load_message,
)
from agents.models.model import MessageFields, Model, ModelEvent
from agents.models.openai_model import OpenAIModel
from agents.models.settings import ModelSettings
from agents.models.timeouts import Timeout
from agents.orchestration import collaborate, route, sequential
from agents.parts import FilePart, ImagePart
from agents.result import RunResult
from agents.steps import Run
from agents.streams import Stream, iterate
from agents.tools import ArgumentsInvalid, Context, Tool, Toolkit, tool
from agents.tools.mcp import McpTools
from agents.tracing import Span, span
from agents.workflows.errors import (
    AnswerRefused,
    RecordFailed,
    RecordInvalid,
    ReplayDiffers,
    RunChanged,
    RunLocked,
    RunUnknown,
    StepFailed,
    WorkflowError,
    WorkflowInvalid,
)
from agents.workflows.events import StepBegan, StepEnded, StepTold, StepWaits, WorkflowEvent
from agents.workflows.persons import Waiting
from agents.workflows.registry import Registry, registry
from agents.workflows.replay import replay
from agents.workflows.workflow import Workflow, WorkflowResult, arun_workflow, resume_workflow, run_workflow

__all__ = [
    "Agent",
    "AgentError",
    "AnswerRefused",
    "AnswerTruncated",
    "ArgumentsInvalid",
    "AssistantMessage",
    "Blocked",
    "Cancelled",
    "Context",
    "ContextOverflow",
    "DeadlineExceeded",
    "Decision",
    "Event",
    "ExitRequested",
    "FilePart",
    "ForeignFailed",
    "Guardrails",
    "ImagePart",
    "LimitExceeded",
    "Limits",
    "LoopMismatch",
    "LoopStopped",
    "McpTools",
    "Message",
    "MessageFields",
    "Model",
    "ModelAnswerInvalid",
    "ModelError",
    "ModelEvent",
    "ModelInterrupted",
    "ModelRefused",
    "ModelReplaced",
    "ModelSettings",
    "ModelUnavailable",
    "OpenAIModel",
    "OutputDelta",
    "OutputInvalid",
    "Passage",
    "Price",
    "PriceUnknown",
    "Recipe",
    "RecordFailed",
    "RecordInvalid",
    "Registry",
    "ReplayDiffers",
    "Run",
    "RunChanged",
    "RunEnded",
    "RunLocked",
    "RunResult",
    "RunState",
    "RunStream",
    "RunUnknown",
    "Runnable",
    "Span",
    "StepBegan",
    "StepEnded",
    "StepFailed",
    "StepTold",
    "StepWaits",
    "Stream",
    "TextDelta",
    "TextWithdrawn",
    "ThinkingDelta",
    "Timeout",
    "Tool",
    "ToolCall",
    "ToolCalled",
    "ToolFailed",
    "ToolMessage",
    "ToolReturned",
    "Toolkit",
    "Usage",
    "UserMessage",
    "Waiting",
    "WorkerLost",
    "WorkerNotStarted",
    "Workflow",
    "WorkflowError",
    "WorkflowEvent",
    "WorkflowInvalid",
    "WorkflowResult",
    "acall",
    "arun",
    "arun_isolated",
    "arun_workflow",
    "call",
    "collaborate",
    "dump_message",
    "iterate",
    "load_message",
    "loop_state",
    "per_loop",
    "registry",
    "replay",
    "resume",
    "resume_workflow",
    "route",
    "run",
    "run_isolated",
    "run_workflow",
    "sequential",
    "shutdown",
    "span",
    "stream",
    "stream_isolated",
    "tool",
]

"""Record what a run did, as a tree of spans: its workflows, agents, model calls and tool calls, with their times.

`RunResult.trace` is the span of that run. `export_to(JsonLines(path), OpenTelemetry())`, once per process, sends every
span elsewhere as well. What people and models write stays out of spans unless `content=True`.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sized
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

    from agents.errors import AgentError
    from agents.messages import Usage
    from agents.result import RunResult

Kind = Literal["workflow", "agent", "model", "tool"]

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Span:
    """A piece of work. `seconds` is None while it goes on; `error` is a code or the name of an exception."""

    kind: Kind
    name: str
    trace_id: str
    id: str
    parent_id: str | None
    started_at: float  # seconds since the epoch
    seconds: float | None = None
    error: str | None = None
    attributes: dict[str, object] = field(default_factory=dict)
    children: list[Span] = field(default_factory=list, repr=False)

    def set(self, **attributes: object) -> None:
        self.attributes.update(attributes)

    def note(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """Set the error that ended the work, as the exit of a context manager."""
        if error is not None:
            self.error = getattr(error, "code", None) or type(error).__name__

    def set_content(self, **attributes: object) -> None:
        """`set` for what people and models wrote: without effect unless `export_to(..., content=True)`."""
        if _settings.content:
            self.attributes.update(attributes)

    def walk(self) -> Iterator[Span]:
        """This span and all below it, each before its children."""
        yield self
        for child in self.children:
            yield from child.walk()

    def to_jsonl(self) -> str:
        """One line of JSON for each span of `walk()`."""
        return "".join(map(_line, self.walk()))


_current: ContextVar[Span | None] = ContextVar("agents_span", default=None)


@contextmanager
def span(kind: Kind, *, name: str, **attributes: object) -> Iterator[Span]:
    """Open a span for the block, below the one that is open there.

    Tasks and threads started inside the block with its context variables go on below it.
    """
    parent = _current.get()
    trace_id = parent.trace_id if parent else uuid.uuid4().hex
    opened = Span(kind, name, trace_id, uuid.uuid4().hex[:16], parent.id if parent else None, time.time())
    opened.set(**attributes)
    if parent:
        parent.children.append(opened)
    token, begun = _current.set(opened), time.perf_counter()
    with ExitStack() as exports:
        for exporter in _settings.exporters:
            exports.enter_context(exporter(opened))
        exports.push(opened.note)
        try:
            yield opened
        finally:
            opened.seconds = time.perf_counter() - begun
            _current.reset(token)


# ---- how a run ended -------------------------------------------------------------------------------------------------
def log_end(log: logging.Logger, what: str, result: EndedRun) -> None:
    """Log how a run ended and what it used, and nothing of what was said."""
    ended = f"{result.status} ({result.error.code})" if result.error else result.status
    used = result.usage
    log.info(
        "%s ended as %s: %d steps, %d + %d tokens, %.2f s",
        *(what, ended, len(result.steps) if isinstance(result.steps, Sized) else result.steps),
        *(used.input_tokens, used.output_tokens, result.total_seconds),
    )


class EndedRun(Protocol):
    """The result of a run, of an agent or a workflow."""

    @property
    def status(self) -> str: ...
    @property
    def error(self) -> AgentError | None: ...
    @property
    def steps(self) -> int | Sized: ...
    @property
    def usage(self) -> Usage: ...
    @property
    def total_seconds(self) -> float: ...


def describe(trace: Span, result: RunResult) -> None:
    """Set what a run's result says as attributes of its span."""
    trace.set(
        status=result.status,
        model=result.model,
        steps=result.steps,
        input_tokens=result.usage.input_tokens,
        output_tokens=result.usage.output_tokens,
        cost=None if result.cost is None else float(result.cost),
    )
    trace.set_content(answer=result.content)
    trace.error = result.error.code if result.error else None


# ---- export ----------------------------------------------------------------------------------------------------------
Exporter: TypeAlias = Callable[[Span], AbstractContextManager[object]]
"""Called as a span begins; what it returns is left when the span is complete."""


@dataclass(frozen=True, slots=True)
class _Settings:
    exporters: tuple[Exporter, ...] = ()
    content: bool = False


_settings = _Settings()


def export_to(*exporters: Exporter, content: bool = False) -> None:
    """Send the spans of this process to these from now on, and to no others. `content` adds prompts and answers."""
    global _settings
    _settings = _Settings(exporters, content)


class JsonLines:
    """Appends each span to a file when it ends, as a line of JSON."""

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._writing = threading.Lock()

    @contextmanager
    def __call__(self, span: Span) -> Iterator[None]:
        try:
            yield
        finally:
            try:
                with self._writing, self._path.open("a", encoding="utf-8") as file:
                    file.write(_line(span))
            except OSError:  # a full disk is no reason to lose the answer as well
                logger.exception("A span was not written to %s", self._path)


def _line(span: Span) -> str:
    row = {
        "trace_id": span.trace_id,
        "span_id": span.id,
        "parent_id": span.parent_id,
        "kind": span.kind,
        "name": span.name,
        "started_at": span.started_at,
        "seconds": span.seconds,
        "error": span.error,
        "attributes": span.attributes,
    }
    return json.dumps(row, default=str) + "\n"


class OpenTelemetry:
    """Makes each span an OpenTelemetry one, below whichever is current where the run was started.

    Names are those of https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-agent-spans/; what has none there
    is `agents.<attribute>`. Raises ImportError where `opentelemetry-api` is not installed.
    """

    def __init__(self, tracer_provider: TracerProvider | None = None) -> None:
        from opentelemetry import trace

        self._tracer = trace.get_tracer("agents", tracer_provider=tracer_provider)

    @contextmanager
    def __call__(self, span: Span) -> Iterator[None]:
        from opentelemetry.trace import SpanKind, Status, StatusCode

        operation, naming = _OPERATIONS[span.kind]
        with self._tracer.start_as_current_span(
            f"{operation} {span.name}",
            kind=SpanKind.CLIENT if span.kind == "model" else SpanKind.INTERNAL,
            attributes={"gen_ai.operation.name": operation, naming: span.name},
            record_exception=False,
            set_status_on_exception=False,
        ) as exported:
            try:
                yield
            finally:
                for name, value in span.attributes.items():
                    value = value if isinstance(value, bool | int | float | str) else json.dumps(value, default=str)
                    exported.set_attribute(_CONVENTIONS.get(name, f"agents.{name}"), value)
                if span.error:
                    exported.set_attribute("error.type", span.error)
                    exported.set_status(Status(StatusCode.ERROR))


_OPERATIONS = {
    "workflow": ("invoke_workflow", "gen_ai.workflow.name"),
    "agent": ("invoke_agent", "gen_ai.agent.name"),
    "model": ("chat", "gen_ai.request.model"),
    "tool": ("execute_tool", "gen_ai.tool.name"),
}
_CONVENTIONS = {
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "provider": "gen_ai.provider.name",
    "call_id": "gen_ai.tool.call.id",
    "arguments": "gen_ai.tool.call.arguments",
    "result": "gen_ai.tool.call.result",
}

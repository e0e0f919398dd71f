from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from agents import Agent, Price, RunResult, ToolCall, Usage, arun, run, stream, tool, tracing
from agents.errors import ModelUnavailable
from agents.testing import ScriptedModel
from agents.tracing import span


@pytest.fixture(autouse=True)
def _nothing_exported() -> Iterator[None]:
    yield
    tracing.export_to()


def test_spans_form_a_tree_across_tasks() -> None:
    async def work(name: str) -> None:
        with span("tool", name=name) as inner:
            await asyncio.sleep(0)
            inner.set(rows=2)

    async def main() -> tracing.Span:
        with span("workflow", name="report", run="7") as outer:
            await asyncio.gather(work("a"), work("b"))
        return outer

    outer = asyncio.run(main())
    assert [(s.kind, s.name, s.attributes) for s in outer.walk()] == [
        ("workflow", "report", {"run": "7"}),
        ("tool", "a", {"rows": 2}),
        ("tool", "b", {"rows": 2}),
    ]
    assert {s.parent_id for s in outer.children} == {outer.id}
    assert {s.trace_id for s in outer.walk()} == {outer.trace_id}
    assert len({s.id for s in outer.walk()}) == 3
    assert all(s.seconds is not None and s.seconds >= 0 for s in outer.walk())


def test_spans_that_follow_each_other_are_traces_of_their_own() -> None:
    with span("workflow", name="one") as one:
        pass
    with span("workflow", name="two") as two:
        pass
    assert one.trace_id != two.trace_id
    assert (two.parent_id, one.children) == (None, [])


def test_error_is_named_by_its_code_or_else_by_its_type() -> None:
    with pytest.raises(ModelUnavailable), span("workflow", name="outer") as outer:  # noqa: PT012 - the outer block must end by it
        with pytest.raises(ValueError, match="no"), span("tool", name="search"):
            raise ValueError("no")
        raise ModelUnavailable("down")
    assert [s.error for s in outer.walk()] == ["model_unavailable", "ValueError"]


def test_json_lines_are_the_same_in_the_file_as_in_the_trace(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    tracing.export_to(tracing.JsonLines(path))
    with span("agent", name="clerk") as outer, span("tool", name="double") as inner:
        inner.set(call_id="1", at=path)
    written = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["name"] for row in written] == ["double", "clerk"]
    assert written[::-1] == [json.loads(line) for line in outer.to_jsonl().splitlines()]
    assert written[0] == {
        "trace_id": outer.trace_id,
        "span_id": inner.id,
        "parent_id": outer.id,
        "kind": "tool",
        "name": "double",
        "started_at": inner.started_at,
        "seconds": inner.seconds,
        "error": None,
        "attributes": {"call_id": "1", "at": str(path)},
    }


def test_file_that_cannot_be_written_costs_no_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tracing.export_to(tracing.JsonLines(tmp_path / "missing" / "trace.jsonl"))
    with span("agent", name="clerk"):
        pass
    assert "A span was not written" in caplog.text


def test_content_is_off_by_default() -> None:
    with span("model", name="gpt") as silent:
        silent.set_content(prompt="secret")
    tracing.export_to(content=True)
    with span("model", name="gpt") as open_one:
        open_one.set_content(prompt="secret")
    assert (silent.attributes, open_one.attributes) == ({}, {"prompt": "secret"})


def test_opentelemetry_spans_follow_the_genai_conventions() -> None:
    memory, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracing.export_to(tracing.OpenTelemetry(provider))
    with provider.get_tracer("site").start_as_current_span("GET /"), span("agent", name="clerk", status="completed"):
        with span("model", name="gpt", provider="openai") as model:
            model.set(input_tokens=10, output_tokens=2)
        with pytest.raises(ValueError, match="no"), span("tool", name="double", call_id="1"):
            raise ValueError("no")
    chat, tool, agent, request = memory.get_finished_spans()
    assert [s.name for s in (chat, tool, agent)] == ["chat gpt", "execute_tool double", "invoke_agent clerk"]
    assert [s.parent and s.parent.span_id for s in (agent, chat)] == [
        s.context and s.context.span_id for s in (request, agent)
    ]
    assert (chat.kind, agent.kind) == (SpanKind.CLIENT, SpanKind.INTERNAL)
    assert dict(chat.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt",
        "gen_ai.provider.name": "openai",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 2,
    }
    assert dict(agent.attributes or {})["agents.status"] == "completed"
    assert (tool.status.status_code, dict(tool.attributes or {})["error.type"]) == (StatusCode.ERROR, "ValueError")


# ---- of runs ---------------------------------------------------------------------------------------------------------
@tool
def look(shelf: str) -> str:
    """Look."""
    if shelf == "z":
        raise ValueError("secret: no shelf z")
    return "a secret book"


def clerk() -> Agent:
    steps = [[ToolCall("1", "look", '{"shelf": "z"}'), Usage(10, 2)], ["The secret.", Usage(20, 3)]]
    return Agent("clerk", "Be secret.", tools=[look], model=ScriptedModel(steps, price=Price(Decimal(2), Decimal(10))))


def test_run_is_a_tree_without_its_content() -> None:
    trace = run(clerk(), "Tell me the secret").trace
    assert trace is not None
    assert "secret" not in trace.to_jsonl()
    assert [(s.kind, s.name, s.error) for s in trace.walk()] == [
        ("agent", "clerk", None),
        ("model", "scripted", None),
        ("tool", "look", "ValueError"),
        ("model", "scripted", None),
    ]
    assert trace.attributes == {
        "status": "completed",
        "model": "scripted",
        "steps": 2,
        "input_tokens": 30,
        "output_tokens": 5,
        "cost": 0.00011,
    }
    assert all(s.parent_id == trace.id for s in trace.children)


def test_content_is_traced_when_it_is_wanted() -> None:
    tracing.export_to(content=True)
    trace = run(clerk(), "Tell me the secret").trace
    assert trace is not None
    model, called = trace.children[0], trace.children[1]
    assert (trace.attributes["prompt"], trace.attributes["answer"]) == ("Tell me the secret", "The secret.")
    assert model.attributes["instructions"] == "Be secret."
    assert called.attributes["arguments"] == '{"shelf": "z"}'


@pytest.mark.parametrize("door", ["run", "stream"])
def test_run_joins_the_span_it_is_started_in(door: str) -> None:
    with span("workflow", name="report") as outer:
        if door == "run":
            run(clerk(), "Go")
        else:
            list(stream(clerk(), "Go"))
    assert [(s.kind, s.name) for s in outer.children] == [("agent", "clerk")]


def test_concurrent_runs_have_trees_of_their_own() -> None:
    async def main() -> list[RunResult]:
        return await asyncio.gather(*(arun(clerk(), "Go") for _ in range(10)))

    traces = [result.trace for result in asyncio.run(main())]
    assert len({trace.trace_id for trace in traces if trace}) == 10
    assert [len(list(trace.walk())) for trace in traces if trace] == [4] * 10

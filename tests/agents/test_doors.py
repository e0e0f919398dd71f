"""What `run`, `arun`, `stream` and definitions take, and the words in which they refuse the rest."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
from pydantic import BaseModel

from agents import (
    Agent,
    Limits,
    LoopMismatch,
    ModelSettings,
    ModelUnavailable,
    OpenAIModel,
    RunResult,
    TextDelta,
    ToolCall,
    Toolkit,
    ToolMessage,
    Usage,
    arun,
    call,
    collaborate,
    per_loop,
    resume,
    run,
    sequential,
    shutdown,
    stream,
    tool,
)
from agents.offline import least_of
from agents.output import output_of
from agents.testing import FunctionModel, ScriptedModel
from tests.fakes.chat_server import ChatServer, failure, text


def clerk(*steps: Any, **options: Any) -> Agent:
    return Agent("clerk", "Sell.", model=ScriptedModel(steps or ["Yes."]), **options)


class Book(BaseModel):
    title: str


# ---- definitions -----------------------------------------------------------------------------------------------------
WRONG: list[tuple[Callable[[], object], type[Exception], str]] = [
    (
        lambda: Agent("a", "", model="gpt-5"),
        TypeError,
        "'gpt-5' is only the name of a model; say OpenAIModel\\('gpt-5'\\)",
    ),  # type: ignore[arg-type]
    (lambda: Agent("a", "", models=["gpt-5"]), TypeError, "say OpenAIModel"),  # type: ignore[list-item]
    (lambda: Agent("a", "", models="gpt-5"), TypeError, "agent a: models must be a list, not 'gpt-5'"),  # type: ignore[arg-type]
    (lambda: Agent("a", "", model=3), TypeError, "agent a: 3 is no model"),  # type: ignore[arg-type]
    (lambda: Agent("a", "", model=ScriptedModel), TypeError, "ScriptedModel'> is no model"),  # type: ignore[arg-type]
    (lambda: Agent("", "", model=ScriptedModel([])), ValueError, "an agent's name is a text that isn't empty, not ''"),
    (lambda: Agent("a", None, model=ScriptedModel([])), TypeError, "agent a: instructions are text or a function"),  # type: ignore[arg-type]
    (lambda: clerk(tools=tool(noop)), TypeError, "agent clerk: tools must be a list, not Tool"),
    (lambda: clerk(tools=[clerk()]), TypeError, "is no tool; say agent.as_tool()"),
    (lambda: clerk(tools=[Toolkit]), TypeError, r"make a toolkit of it first: Toolkit\(...\)"),
    (lambda: clerk(limits=5), TypeError, "agent clerk: limits must be Limits, not 5"),
    (lambda: clerk(settings={"temperature": 0}), TypeError, "agent clerk: settings must be ModelSettings"),
    (lambda: clerk(guardrails=[print]), TypeError, "agent clerk: guardrails must be Guardrails"),
    (lambda: clerk(handoffs=["tax"]), TypeError, "agent clerk: handoffs takes an agent, not 'tax'"),
    (lambda: clerk(handoffs=[clerk()]), ValueError, "agent clerk hands over to another agent of its own name"),
    (lambda: Limits(steps="3"), TypeError, "limit steps must be a number, not '3'"),  # type: ignore[arg-type]
    (lambda: Limits(seconds=None), TypeError, "limit seconds must be a number: a run without it need not end"),  # type: ignore[arg-type]
    (lambda: Limits(money=-1), ValueError, "limit money must be more than 0, not -1"),
    (lambda: sequential(clerk(), limits=3), TypeError, "sequential: limits must be Limits, not 3"),  # type: ignore[arg-type]
]


def noop() -> None: ...


@pytest.mark.parametrize(("define", "error", "problem"), WRONG)
def test_wrong_definition_is_refused_by_name(
    define: Callable[[], object], error: type[Exception], problem: str
) -> None:
    with pytest.raises(error, match=problem):
        define()


# ---- the doors -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("door", [run, stream, lambda *a, **k: asyncio.run(arun(*a, **k))])
@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"prompt": None}, "a prompt is text, a UserMessage, a Decision, a user message as a dict, .*, not None"),
        ({"prompt": b"bytes"}, "a prompt is text"),
        ({"history": "Hello"}, "history must be a list of messages, as RunResult.messages is, not 'Hello'"),
        ({"history": [3]}, "history must be made of messages, and 3 is none"),
        ({"limits": 5}, "limits must be Limits, not 5"),
        ({"settings": {"temperature": 0}}, "settings must be ModelSettings, not {'temperature': 0}"),
        ({"agent": Agent}, "takes an agent, not the class Agent; make one of it first"),
        ({"agent": "clerk"}, r"takes an agent, not 'clerk'; agents of other frameworks are run by call\(\)"),
    ],
)
def test_wrong_argument_of_a_door_is_refused_before_anything_runs(
    door: Callable[..., Any], options: dict[str, Any], problem: str
) -> None:
    model = ScriptedModel(["never said"])
    given = {"agent": Agent("a", "", model=model), "prompt": "Hello", **options}
    with pytest.raises(TypeError, match=problem):
        door(given.pop("agent"), given.pop("prompt"), **given)
    assert model.requests == []


def test_coroutine_in_place_of_an_agent_is_named_and_closed() -> None:
    async def find_agent() -> Agent:
        return clerk()

    for door in (run, stream):
        with pytest.raises(TypeError, match=r"takes an agent, not a coroutine of .*find_agent\(\); await it, or call"):
            door(find_agent(), "Hello")  # type: ignore[operator]


def test_unknown_option_of_a_door_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'limit'"):
        run(clerk(), "Hello", limit=Limits())  # type: ignore[call-arg]


def test_limits_of_a_run_stand_in_for_the_agents() -> None:
    asks = ToolCall("1", "clock", "")

    @tool
    async def clock() -> str:
        """Tell the time."""
        return "noon"

    def patient(*steps: Any) -> Agent:
        return clerk(*steps, tools=[clock], limits=Limits(steps=1))

    generous, strict = Limits(steps=3), Limits(steps=2)
    assert run(patient(asks, asks, "Noon."), "When?").steps == 1
    assert run(patient(asks, asks, "Noon."), "When?", limits=generous).content == "Noon."
    assert asyncio.run(arun(patient(asks, asks, "Noon."), "When?", limits=strict)).status == "limited"
    *_, ended = stream(patient(asks, asks, "Noon."), "When?", limits=strict)
    assert ended.result.steps == 2
    team = sequential(clerk("One."), Agent("other", "", model=ScriptedModel(["Two."])))
    assert run(team, "Go", limits=Limits(steps=1)).status == "limited"


def test_limits_and_settings_hold_for_a_resumed_run() -> None:
    @tool(approve=True)
    async def order() -> str:
        """Order."""
        return "ordered"

    agent = clerk(ToolCall("1", "order", ""), "It comes.", tools=[order])
    paused = run(agent, "Order")
    assert paused.state is not None
    ended = resume(agent, paused.state, True, limits=Limits(steps=1))
    assert (ended.status, str(ended.error)) == ("limited", "the run took 1 steps")


class Recorder(FunctionModel):
    def __init__(self) -> None:
        super().__init__(lambda _: "Yes.", name="recorder")
        self.given: list[object] = []

    async def stream(self, **options: Any) -> AsyncGenerator[Any]:  # type: ignore[override]
        self.given.append(options.get("settings"))
        yield TextDelta("Yes.")


def test_settings_of_the_run_are_nearer_than_those_of_the_agent() -> None:
    model = Recorder()
    agent = Agent("a", "", model=model, settings=ModelSettings(temperature=0.2, seed=1))
    run(agent, "Go")
    run(agent, "Go", settings=ModelSettings(temperature=0.9))
    asyncio.run(arun(agent, "Go", settings=ModelSettings(seed=2)))
    list(stream(agent, "Go", settings=ModelSettings(top_p=0.5)))
    run(collaborate(agent, coordinator=agent), "Go", settings=ModelSettings(seed=3))
    assert model.given == [
        ModelSettings(temperature=0.2, seed=1),
        ModelSettings(temperature=0.9, seed=1),
        ModelSettings(temperature=0.2, seed=2),
        ModelSettings(temperature=0.2, seed=1, top_p=0.5),
        *[ModelSettings(temperature=0.2, seed=3)] * 2,
    ]


# ---- results as JSON -------------------------------------------------------------------------------------------------
def test_result_is_plain_json() -> None:
    @tool
    def find() -> list[Book]:
        """Find."""
        return [Book(title="Emma")]

    agent = clerk([ToolCall("1", "find", ""), Usage(3, 1)], '{"title": "Emma"}', tools=[find], output=Book)
    body = json.loads(json.dumps(run(agent, "Find").to_json()))
    assert (body["status"], body["output"], body["error"], body["state"]) == (
        "completed",
        {"title": "Emma"},
        None,
        None,
    )
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "tool", "assistant"]
    assert (body["steps"], body["usage"]["input_tokens"], body["model"], body["tier"]) == (2, 3, "scripted", "inline")
    assert body["seconds"].keys() == {"model", "tools", "total"}


def test_failed_and_paused_results_are_json_too() -> None:
    failed = run(clerk(ModelUnavailable("no connection")), "Go").to_json()
    assert failed["error"] == {"code": "model_unavailable", "message": "no connection"}

    @tool(approve=True)
    def order() -> None:
        """Order."""

    paused = run(clerk(ToolCall("1", "order", ""), tools=[order]), "Go").to_json()
    assert json.loads(json.dumps(paused["state"]))["pending"][0]["name"] == "order"


# ---- what is bound to a loop -----------------------------------------------------------------------------------------
class Bound:
    """Bound to the first loop that uses it, as a client with open connections is."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()

    async def use(self) -> str:
        first = asyncio.ensure_future(self._held())
        await asyncio.sleep(0)
        async with self.lock:  # waits, which binds the lock to this loop
            await first
            return "used"

    async def _held(self) -> None:
        async with self.lock:
            await asyncio.sleep(0)


def used_here() -> Bound:
    bound = Bound()
    asyncio.run(bound.use())
    return bound


class BoundModel(FunctionModel):
    def __init__(self, bound: Bound) -> None:
        super().__init__(lambda _: "Yes.", name="bound")
        self.bound = bound

    async def stream(self, **options: Any) -> AsyncGenerator[Any]:  # type: ignore[override]
        await self.bound.use()
        yield TextDelta("Yes.")


def test_model_that_another_loop_has_used_ends_the_run_with_the_remedy() -> None:
    async def main() -> RunResult:
        return await arun(Agent("a", "", model=BoundModel(used_here_on_this_loop)), "Go")

    used_here_on_this_loop = used_here()
    result = asyncio.run(main())
    assert (result.status, type(result.error)) == ("failed", LoopMismatch)
    assert "agents.per_loop(key, factory)" in str(result.error)
    second = Agent("a", "", models=[BoundModel(used_here()), ScriptedModel(["Instead."])])
    assert run(second, "Go").content == "Instead."


def test_tool_that_another_loop_has_used_says_the_remedy() -> None:
    bound = used_here()

    @tool
    async def use() -> str:
        """Use it."""
        return await bound.use()

    result = run(clerk(ToolCall("1", "use", ""), "Well.", tools=[use]), "Go")
    (message,) = [message for message in result.messages if isinstance(message, ToolMessage)]
    assert message.failed
    assert "agents.per_loop(key, factory)" in message.text


def test_function_that_another_loop_has_used_says_the_remedy_and_others_are_left_alone() -> None:
    with pytest.raises(RuntimeError, match=r"is bound to a different event loop: .*agents.per_loop\(key, factory\)"):
        call(used_here().use)

    async def fail() -> None:
        raise RuntimeError("the shelf is on fire")

    with pytest.raises(RuntimeError, match=r"^the shelf is on fire$"):
        call(fail)


def test_per_loop_awaits_what_an_async_factory_makes_once() -> None:
    made: list[object] = []

    async def connect() -> object:
        await asyncio.sleep(0)
        made.append(object())
        return made[-1]

    async def use() -> list[object]:
        return list(await asyncio.gather(*(per_loop("async shop", connect) for _ in range(5))))

    found = [*call(use), *call(use)]
    assert (len(made), set(map(id, found))) == (1, {id(made[0])})


def test_per_loop_makes_anew_what_could_not_be_made() -> None:
    attempts: list[int] = []

    async def connect() -> str:
        attempts.append(1)
        if len(attempts) == 1:
            raise ConnectionError("not yet")
        return "connected"

    async def use() -> str:
        return await per_loop("broken shop", connect)

    with pytest.raises(ConnectionError, match="not yet"):
        call(use)
    assert (call(use), len(attempts)) == ("connected", 2)


# ---- offline ---------------------------------------------------------------------------------------------------------
class Unreachable(FunctionModel):
    offline = False

    def __init__(self) -> None:
        super().__init__(lambda _: ModelUnavailable("asked"), name="unreachable")


def test_switch_has_a_mock_answer_in_place_of_every_model(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = Agent("a", "", model=Unreachable())
    assert run(agent, "Hello?").status == "failed"
    monkeypatch.setenv("USE_MOCK_EXECUTION", "true")
    result = run(agent, "Hello?")
    assert (result.status, result.model, result.cost) == ("completed", "mock", 0)
    assert result.content.startswith("This is a mock answer: no model was asked")
    assert result.content.endswith("You asked: Hello?")
    valued = run(Agent("a", "", model=Unreachable(), output=Book), "Hello?")
    assert valued.output == Book(title="mock")
    assert run(clerk("Scripted."), "Hello?").content == "Scripted."  # asks nobody either


def test_switch_that_is_neither_on_nor_off_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USE_MOCK_EXECUTION", "maybe")
    with pytest.raises(ValueError, match="USE_MOCK_EXECUTION must be true or false, not 'maybe'"):
        run(clerk(), "Hello?")


@pytest.mark.parametrize("type_", [int, list[int], Book, Book | int, dict[str, int], "date"])
def test_mock_makes_up_what_fits(type_: Any) -> None:
    from datetime import date

    output = output_of(date if type_ == "date" else type_)
    output.read(json.dumps(least_of(output.schema)))


# ---- the log ---------------------------------------------------------------------------------------------------------
def test_log_tells_runs_steps_and_tools_and_nothing_of_what_is_said(caplog: pytest.LogCaptureFixture) -> None:
    @tool
    async def find(title: str) -> str:
        """Find."""
        return f"SECRET of {title}"

    calls = [ToolCall("1", "find", '{"title": "SECRET"}'), ToolCall("2", "SECRET", "")]
    agent = clerk([*calls, Usage(10, 2)], "SECRET", '{"title": "SECRET"}', tools=[find], output=Book)
    with caplog.at_level(logging.DEBUG, logger="agents"):
        run(agent, "SECRET")
    text = caplog.text
    assert "SECRET" not in text
    for told in (
        "run of clerk begins with 1 messages",
        "step 1: scripted, 2 calls,",
        "tool find: returned,",
        "tool (unknown): ArgumentsInvalid,",
        "run of clerk asks once more: the answer was no Book",
    ):
        assert told in text
    (ended,) = [record for record in caplog.records if "ended" in record.message]
    assert ended.levelno == logging.INFO
    assert ended.message.startswith("run of clerk ended as completed: 3 steps, 10 + 2 tokens,")


def test_log_tells_that_a_model_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    with ChatServer() as server, caplog.at_level(logging.INFO, logger="agents"):
        server.script(failure(503, message="SECRET"), text("Yes."))
        assert run(Agent("a", "", model=OpenAIModel("fake", base_url=server.url)), "Go").content == "Yes."
    assert re.search(r"fake is asked again in \d\.\d\d s: model_unavailable", caplog.text)
    assert "SECRET" not in caplog.text


def test_client_that_the_callers_loop_has_used_never_raises_out_of_arun() -> None:
    import httpx2
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    async def main(server: ChatServer) -> list[RunResult]:
        # It keeps no connection: one that belongs to a loop that has ended could be closed by nobody.
        http = DefaultAsyncHttpxClient(limits=httpx2.Limits(max_keepalive_connections=0))
        client = AsyncOpenAI(api_key="none", base_url=server.url, http_client=http)
        agent = Agent("a", "", model=OpenAIModel("fake", client=client))
        results = []
        for _ in range(2):
            server.script(text("Ours."), text("Theirs."))
            asked: Any = [{"role": "user", "content": "Go"}]
            async for _chunk in await client.chat.completions.create(model="fake", messages=asked, stream=True):
                pass
            results.append(await arun(agent, "Go"))
        return results

    with ChatServer() as server:
        results = asyncio.run(main(server))
        shutdown(5)  # with the client, which would else be closed when nobody reads the log any more
    for result in results:
        assert result.success or "agents.per_loop(key, factory)" in str(result.error)

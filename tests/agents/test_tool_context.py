"""What a tool is told beside its arguments, how it is called directly, and agents that are classes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from agents import (
    Agent,
    Context,
    Run,
    ToolCall,
    ToolMessage,
    arun,
    collaborate,
    resume,
    run,
    sequential,
    stream,
    tool,
)
from agents.testing import ScriptedModel
from agents.tools import ArgumentsInvalid


@dataclass
class Visit:
    user: str


@tool
def whoami(context: Context[Visit], greeting: str = "Hello") -> str:
    """Say who asks."""
    return f"{greeting}, {context.deps.user}"


@tool
async def inspect_run(seen: Context[Any]) -> dict[str, object]:
    """Say what the run is."""
    assert isinstance(seen.run, Run)
    assert seen.call is not None
    caller = seen.caller
    return {
        "agent": seen.run.agent.name,
        "caller": caller.agent.name if caller else None,
        "prompt": seen.run.prompt.text,
        "call": seen.call.id,
        "deps": seen.deps,
    }


def asking(name: str, *tools: Any, agent: str = "a", script: list[Any] | None = None) -> Agent:
    return Agent(agent, "", tools=tools, model=ScriptedModel(script or [ToolCall("7", name, ""), "Done."]))


def result_of(messages: Any) -> Any:
    return next(message.value for message in messages if isinstance(message, ToolMessage))


def test_context_is_no_argument_that_the_model_writes() -> None:
    assert list(whoami.parameters["properties"]) == ["greeting"]
    with pytest.raises(ArgumentsInvalid, match="context: Extra inputs are not permitted"):
        whoami.definition.validate('{"context": {}}')


def test_deps_of_the_run_reach_the_tool_through_every_door() -> None:
    visit = Visit("ada")
    assert result_of(run(asking("whoami", whoami), "Who?", deps=visit).messages) == "Hello, ada"
    assert result_of(asyncio.run(arun(asking("whoami", whoami), "Who?", deps=visit)).messages) == "Hello, ada"
    *_, last = stream(asking("whoami", whoami), "Who?", deps=visit)
    assert result_of(last.result.messages) == "Hello, ada"


def test_deps_are_handed_in_again_when_a_paused_run_goes_on() -> None:
    approved = tool(approve=True)(whoami.definition.function)
    agent = asking("whoami", approved)
    paused = run(agent, "Who?", deps=Visit("ada"))
    assert paused.status == "paused"
    result = resume(agent, paused.state, True, deps=Visit("grace"))
    assert result_of(result.messages) == "Hello, grace"


def test_context_tells_the_run_its_call_and_the_run_that_called_it() -> None:
    alone = run(asking("inspect_run", inspect_run), "Look", deps=1)
    assert result_of(alone.messages) == {"agent": "a", "caller": None, "prompt": "Look", "call": "7", "deps": 1}
    inner = asking("inspect_run", inspect_run, agent="inner")
    seen: list[object] = []

    @tool
    def keep(what: str) -> None:
        """Keep."""
        seen.append(what)

    outer = Agent(
        "outer",
        "",
        tools=[inner.as_tool(), keep],
        model=ScriptedModel([ToolCall("1", "inner", '{"prompt": "Look"}'), "Done."]),
    )
    events = list(stream(outer, "Ask it", deps=2))
    assert events[-1].result.content == "Done."
    (request,) = [r for r in inner.models[0].requests if len(r) > 1]  # type: ignore[attr-defined]
    assert result_of(request) == {"agent": "inner", "caller": "outer", "prompt": "Look", "call": "7", "deps": 2}


@pytest.mark.parametrize("kind", ["sequential", "collaborate"])
def test_agents_of_a_team_get_the_deps_and_have_no_caller(kind: str) -> None:
    one, two = (asking("inspect_run", inspect_run, agent=name) for name in "ab")
    team = {"sequential": sequential(one, two), "collaborate": collaborate(one, coordinator=two)}[kind]
    messages = run(team, "Look", deps="ours").messages
    values = [message.value for message in messages if isinstance(message, ToolMessage)]
    assert [(v["agent"], v["caller"], v["deps"]) for v in values] == [("a", None, "ours"), ("b", None, "ours")]  # type: ignore[index]


def test_two_contexts_are_one_too_many() -> None:
    def greedy(one: Context[int], two: Context[str]) -> None: ...

    with pytest.raises(TypeError, match="tool greedy: one and two are both for the Context; one is enough"):
        tool(greedy)


# ---- called directly -------------------------------------------------------------------------------------------------
def test_execute_tool_is_a_value_in_sync_code_and_awaited_in_async_code() -> None:
    agent = asking("whoami", whoami)
    context = Context(Visit("ada"))
    assert agent.execute_tool("whoami", context, greeting="Hi") == "Hi, ada"

    async def main() -> list[str]:
        assert await agent.execute_tool("whoami", context) == "Hello, ada"
        greetings = (agent.execute_tool("whoami", context, greeting=str(number)) for number in range(3))
        return list(await asyncio.gather(*greetings))

    assert asyncio.run(main()) == ["0, ada", "1, ada", "2, ada"]


def test_async_tools_called_directly_run_at_once() -> None:
    arrived = 0
    both = asyncio.Event()

    @tool
    async def meet() -> str:
        """Wait for the other."""
        nonlocal arrived
        arrived += 1
        if arrived == 2:
            both.set()
        await both.wait()
        return "met"

    agent = Agent("a", "", tools=[meet], model=ScriptedModel([]))

    async def main() -> list[str]:
        return list(await asyncio.gather(agent.execute_tool("meet"), agent.execute_tool("meet")))

    assert asyncio.run(main()) == ["met", "met"]


def test_tool_that_calls_another_on_the_managed_loop_awaits_it() -> None:
    @tool
    async def outer() -> str:
        """Call another."""
        return f"outer of {await agent.execute_tool('inner')}"

    @tool
    def inner() -> str:
        """Be called."""
        return "inner"

    agent = Agent("a", "", tools=[outer, inner], model=ScriptedModel([]))
    assert agent.execute_tool("outer") == "outer of inner"


# ---- names and types -------------------------------------------------------------------------------------------------
def test_name_and_description_of_a_tool_may_be_other_than_its_functions() -> None:
    @tool(name="look-up", description="Find a book.")
    def find(title: str) -> str:
        """Not for the model."""
        return title

    agent = Agent("a", "", tools=[find], model=ScriptedModel([]))
    assert (agent.tool("look-up").description, agent.execute_tool("look-up", title="Emma")) == ("Find a book.", "Emma")
    with pytest.raises(ArgumentsInvalid, match="there is no tool named 'find'; there are: look-up"):
        agent.tool("find")


@pytest.mark.parametrize("name", ["look up", "x" * 65, "größe"])
def test_name_that_servers_refuse_is_refused_at_definition(name: str) -> None:
    with pytest.raises(ValueError, match="a name is made of at most 64 letters, digits, _ and -"):
        tool(name=name)(lambda: None)


class Opaque:
    pass


def test_type_that_no_json_fits_is_refused_at_definition_by_name() -> None:
    def odd(title: str, thing: Opaque) -> None: ...

    with pytest.raises(TypeError, match=r"tool odd: parameter 'thing' is of a type that a model can't write, .*Opaque"):
        tool(odd)

    def deep(things: list[dict[str, Opaque]]) -> None: ...

    with pytest.raises(TypeError, match="tool deep: parameter 'things' is of a type"):
        tool(deep)


# ---- agents that are classes -----------------------------------------------------------------------------------------
class Librarian(Agent):
    """An agent whose methods are its tools, with a state of its own."""

    def __init__(self, *steps: Any) -> None:
        super().__init__("librarian", "Answer.", [whoami], model=ScriptedModel(steps))
        self.lent: list[str] = []

    @tool
    def lend(self, title: str) -> int:
        """Lend a book."""
        self.lent.append(title)
        return len(self.lent)

    @tool
    async def count(self, context: Context[Visit]) -> str:
        """Count."""
        return f"{context.deps.user}: {len(self.lent)}"


def test_methods_of_a_subclass_are_its_tools() -> None:
    librarian = Librarian([ToolCall("1", "lend", '{"title": "Emma"}')], [ToolCall("2", "count", "")], "Done.")
    assert list(librarian.toolbox) == ["whoami", "lend", "count"]
    result = run(librarian, "Emma, please", deps=Visit("ada"))
    assert [m.value for m in result.messages if isinstance(m, ToolMessage)] == [1, "ada: 1"]
    assert librarian.lent == ["Emma"]
    assert librarian.execute_tool("lend", title="Dune") == 2


class Porter(Agent):
    """An agent that says what it is in its body."""

    instructions = "Open the door."
    model = ScriptedModel([ToolCall("1", "open_door", ""), "It is open."])

    @tool(name="open_door")
    def turn_the_key(self) -> str:
        """Open the door."""
        return f"opened by {self.name}"


class Doorman(Porter):
    name = "doorman"
    model = ScriptedModel(["Good day."])


def test_subclass_may_say_what_it_is_in_its_body() -> None:
    result = run(Porter(), "Knock, knock")
    assert (result.content, result_of(result.messages)) == ("It is open.", "opened by Porter")
    doorman = Doorman()
    assert (doorman.name, doorman.instructions, list(doorman.toolbox)) == ("doorman", "Open the door.", ["open_door"])
    assert run(doorman, "Hello").content == "Good day."
    assert run(Doorman("other", model=ScriptedModel(["Yes?"])), "Hello").content == "Yes?"


def test_two_agents_of_one_class_share_no_state() -> None:
    one, other = Librarian(), Librarian()
    one.execute_tool("lend", title="Emma")
    assert (one.lent, other.lent) == (["Emma"], [])

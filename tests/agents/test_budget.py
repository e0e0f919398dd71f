from __future__ import annotations

import asyncio
import json
from decimal import Decimal

import pytest

from agents import Agent, LimitExceeded, Limits, OpenAIModel, Price, PriceUnknown, ToolCall, Usage, run, tool
from agents.budget import cost_of
from agents.testing import FunctionModel, ScriptedModel

PRICE = Price(Decimal(2), Decimal(10))
ASK = ToolCall("1", "expert", json.dumps({"prompt": "And?"}))


@tool
def look() -> str:
    """Look."""
    return "nothing"


LOOK = ToolCall("1", "look", "{}")


# ---- prices ----------------------------------------------------------------------------------------------------------
def test_listed_price_is_used_and_overridden() -> None:
    usage = Usage(1_000_000, 100_000)
    assert cost_of(usage, model=ScriptedModel([], name="gpt-5")) == Decimal("2.25")
    assert cost_of(usage, model=ScriptedModel([], name="gpt-5", price=PRICE)) == Decimal(3)
    assert cost_of(usage, model=ScriptedModel([], name="my-own")) is None


def test_tokens_that_the_provider_had_kept_cost_what_it_asks_for_these() -> None:
    usage = Usage(1_000_000, 0, cached_tokens=400_000)
    assert cost_of(usage, model=ScriptedModel([], price=PRICE)) == Decimal(2)  # no rate of their own: in full
    assert cost_of(usage, model=ScriptedModel([], price=Price(Decimal(2), Decimal(10), Decimal("0.5")))) == Decimal(
        "1.4"
    )
    listed = ScriptedModel([], name="gpt-5-mini")
    whole = cost_of(Usage(1_000_000, 0), model=listed)
    kept = cost_of(Usage(1_000_000, 0, cached_tokens=1_000_000), model=listed)
    assert whole is not None
    assert kept is not None
    assert 0 < kept < whole / 2


def test_usage_adds_up_in_all_its_parts() -> None:
    assert Usage(1, 2, 3, 4) + Usage(10, 20, 30, 40) == Usage(11, 22, 33, 44)


def test_model_at_an_unknown_address_has_no_listed_price() -> None:
    local = OpenAIModel("gpt-5", base_url="http://127.0.0.1:1/v1")
    hosted = OpenAIModel("gpt-5", base_url="https://api.openai.com/v1")
    assert (cost_of(Usage(1, 1), model=local), cost_of(Usage(8, 1), model=hosted)) == (None, Decimal("0.00002"))


def test_cost_adds_up_over_steps_and_models_and_is_none_once_one_is_unknown() -> None:
    steps = [[LOOK, Usage(1000, 100)], ["Done.", Usage(500, 0)]]
    priced = Agent("a", "", tools=[look], model=ScriptedModel(steps, price=PRICE))
    assert run(priced, "Go").cost == Decimal("0.004")
    assert run(Agent("a", "", model=ScriptedModel([["Done.", Usage(1, 1)]])), "Go").cost is None


# ---- limits ----------------------------------------------------------------------------------------------------------
def test_money_is_limited_before_the_next_request() -> None:
    model = ScriptedModel([[LOOK, Usage(1000, 100)], "never said"], price=PRICE)
    result = run(Agent("a", "", tools=[look], model=model, limits=Limits(money=0.003)), "Go")
    assert (result.status, result.cost, result.steps) == ("limited", Decimal("0.003"), 1)
    assert str(result.error) == "the run cost 0.003 of 0.003 US dollars"


def test_money_limit_with_an_unknown_price_ends_before_any_request() -> None:
    model = ScriptedModel(["never said"])
    result = run(Agent("a", "", model=model, limits=Limits(money=1)), "Go")
    assert (result.status, result.content, model.requests) == ("failed", "", [])
    assert isinstance(result.error, PriceUnknown)
    assert "the price of scripted is unknown" in str(result.error)


def test_negative_money_is_an_error_at_definition() -> None:
    with pytest.raises(ValueError, match="limit money must be more than 0, not -1"):
        Limits(money=-1)


# ---- one budget for agents that call agents --------------------------------------------------------------------------
def test_agent_as_tool_spends_the_callers_budget_under_its_trace() -> None:
    expert = Agent("expert", "Know.", model=ScriptedModel([["42", Usage(100, 10)]], price=PRICE))
    model = ScriptedModel([[ASK, Usage(10, 1)], ["It is 42.", Usage(20, 2)]], price=PRICE)
    result = run(Agent("clerk", "", tools=[expert.as_tool()], model=model), "What?")
    assert (result.content, result.steps, result.usage) == ("It is 42.", 3, Usage(130, 13))
    assert result.cost == Decimal("0.00039")
    assert result.trace is not None
    assert [(s.kind, s.name) for s in result.trace.walk()] == [
        ("agent", "clerk"),
        ("model", "scripted"),
        ("tool", "expert"),
        ("agent", "expert"),
        ("model", "scripted"),
        ("model", "scripted"),
    ]
    assert len({s.trace_id for s in result.trace.walk()}) == 1


def test_called_agent_ends_at_the_callers_limit() -> None:
    expert = Agent("expert", "", tools=[look], model=FunctionModel(lambda _: LOOK), limits=Limits(steps=50))
    agent = Agent("clerk", "", tools=[expert.as_tool()], model=ScriptedModel([ASK]), limits=Limits(steps=4))
    result = run(agent, "Go")
    assert (result.status, result.steps) == ("limited", 4)
    assert isinstance(result.error, LimitExceeded)


def test_called_agent_ends_at_the_callers_deadline() -> None:
    @tool
    async def sleep() -> None:
        """Sleep."""
        await asyncio.sleep(30)

    expert = Agent("expert", "", tools=[sleep], model=ScriptedModel([ToolCall("1", "sleep", "")]))
    agent = Agent("clerk", "", tools=[expert.as_tool()], model=ScriptedModel([ASK]), limits=Limits(seconds=0.1))
    result = run(agent, "Go")
    assert (result.status, str(result.error)) == ("limited", "the run took longer than 0.1 seconds")
    assert result.total_seconds < 1


def test_run_inside_a_sync_tool_shares_budget_and_trace() -> None:
    inner = Agent("inner", "", model=ScriptedModel([["Yes.", Usage(5, 5)]]))

    @tool
    def consult() -> str:
        """Consult."""
        return run(inner, "Well?").content

    model = ScriptedModel([ToolCall("1", "consult", ""), "Yes!"])
    result = run(Agent("outer", "", tools=[consult], model=model), "Go")
    assert (result.content, result.steps, result.usage) == ("Yes!", 3, Usage(5, 5))
    assert result.trace is not None
    assert "inner" in [s.name for s in result.trace.walk()]


def test_budget_of_one_run_does_not_reach_the_next() -> None:
    for _ in range(3):
        result = run(Agent("a", "", model=ScriptedModel([["Hi.", Usage(9, 1)]]), limits=Limits(tokens=10)), "Go")
        assert (result.status, result.usage) == ("completed", Usage(9, 1))


def test_failed_agent_is_an_observation_for_the_one_that_called_it() -> None:
    expert = Agent("expert", "", model=ScriptedModel([""]))
    model = ScriptedModel([ASK, "Nobody knows."])
    result = run(Agent("clerk", "", tools=[expert.as_tool()], model=model), "What?")
    assert result.content == "Nobody knows."
    told = json.loads(model.requests[1][-1].text)["error"]
    assert told == "RuntimeError: expert gave no whole answer: failed, scripted gave an empty answer"

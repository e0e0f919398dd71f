"""An agent of openai-agents, in its environment, where `agents` is theirs. Nothing of this project is imported here."""

from __future__ import annotations

from openai import AsyncOpenAI

from agents import Agent, OpenAIChatCompletionsModel, function_tool, set_tracing_disabled

set_tracing_disabled(True)


@function_tool
def stock(title: str) -> str:
    """Return how many copies there are of a book."""
    print("a tool that prints breaks nothing")
    return f"3 copies of {title}"


def agent(url: str) -> Agent:
    client = AsyncOpenAI(api_key="none", base_url=url, max_retries=0)
    model = OpenAIChatCompletionsModel(model="fake-model", openai_client=client)
    return Agent(name="clerk", instructions="Look it up.", tools=[stock], model=model)

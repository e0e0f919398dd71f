"""An agent of any-agent, in its environment. Nothing of this project is imported here."""

from __future__ import annotations

from any_agent import AgentConfig, AnyAgent


def stock(title: str) -> str:
    """Return how many copies there are of a book."""
    print("a tool that prints breaks nothing")
    return f"3 copies of {title}"


async def agent(url: str) -> AnyAgent:
    config = AgentConfig(
        model_id="openai:fake-model",
        api_base=url,
        api_key="none",
        instructions="Look it up.",
        tools=[stock],
        any_llm_args={"max_retries": 0},
    )
    return await AnyAgent.create_async("tinyagent", config)

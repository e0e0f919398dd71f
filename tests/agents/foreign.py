"""Agents of three frameworks, each made once, as their own documentation makes them, and the sync view that calls them;
and those of two that are run in environments of their own.

As settings it is the site with `/foreign/<framework>` and `/isolated/<framework>`; the model's address is in MODEL_URL.
Whatever tries to reach another host than this one, with telemetry say, is refused and noted.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.urls import path

from agents import RunStream, TextDelta, call, iterate, run_isolated, stream_isolated
from agents.foreign import load
from tests.apart import interpreter, recipe

os.environ |= {"OPENAI_AGENTS_DISABLE_TRACING": "1", "LANGSMITH_TRACING": "false"}
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")


def _openai_agents() -> Path:
    """Return the folder of its packages; in an older environment they lie in one of that."""
    apart = interpreter("openai-agents").parents[1]
    return next(apart.glob("lib/python*/site-packages"), Path(sys.prefix) / "openai-agents")


OPENAI_AGENTS = _openai_agents()
FRAMEWORKS = ("openai-agents", "pydantic-ai", "langgraph")
refused: list[str] = []


def refuse_other_hosts(event: str, details: tuple[Any, ...]) -> None:
    if event == "socket.connect" and isinstance(details[1], tuple) and details[1][0] not in ("127.0.0.1", "::1"):
        refused.append(str(details[1]))
        raise PermissionError(f"{details[1]} is another host")


# ---- a tool that uses the ORM ----------------------------------------------------------------------------------------
@sync_to_async
def look_up(shelf: str) -> str:
    from retrieval.models import Collection

    found = Collection.objects.filter(slug=shelf).count()
    return f"{found} named {shelf}, seen by {threading.get_ident()}"


# ---- the agents ------------------------------------------------------------------------------------------------------
@cache
def openai_agents(url: str) -> Callable[[str], Awaitable[str]]:
    from openai import AsyncOpenAI

    framework = load("openai-agents", path=OPENAI_AGENTS)
    framework.set_tracing_disabled(True)

    @framework.function_tool
    async def search(shelf: str) -> str:
        """Search a shelf."""
        return await look_up(shelf)

    client = AsyncOpenAI(api_key="none", base_url=url)
    model = framework.OpenAIChatCompletionsModel(model="fake", openai_client=client)
    agent = framework.Agent(name="clerk", instructions="Search.", tools=[search], model=model)

    async def ask(question: str) -> str:
        return str((await framework.Runner.run(agent, question)).final_output)

    return ask


@cache
def pydantic_ai(url: str) -> Callable[[str], Awaitable[str]]:
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    model = OpenAIChatModel("fake", provider=OpenAIProvider(base_url=url, api_key="none"))
    agent = Agent(model, instructions="Search.")

    @agent.tool_plain
    async def search(shelf: str) -> str:
        """Search a shelf."""
        return await look_up(shelf)

    async def ask(question: str) -> str:
        return (await agent.run(question)).output

    return ask


@cache
def langgraph(url: str) -> Callable[[str], Awaitable[str]]:
    from langchain_core.tools import tool
    from langchain_openai import ChatOpenAI
    from langgraph.graph import START, MessagesState, StateGraph
    from langgraph.prebuilt import ToolNode, tools_condition

    @tool
    async def search(shelf: str) -> str:
        """Search a shelf."""
        return await look_up(shelf)

    model = ChatOpenAI(model="fake", base_url=url, api_key="none").bind_tools([search])  # type: ignore[arg-type]

    async def answer(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState).add_node("answer", answer).add_node("tools", ToolNode([search]))
    graph.add_edge(START, "answer").add_conditional_edges("answer", tools_condition).add_edge("tools", "answer")
    compiled = graph.compile()

    async def ask(question: str) -> str:
        state = await compiled.ainvoke({"messages": [("user", question)]})
        return str(state["messages"][-1].content)

    return ask


AGENTS = dict(zip(FRAMEWORKS, (openai_agents, pydantic_ai, langgraph), strict=True))


# ---- the views -------------------------------------------------------------------------------------------------------
def ask_foreign_agent(request: HttpRequest, framework: str) -> JsonResponse:
    answer = call(AGENTS[framework](os.environ["MODEL_URL"]), request.GET["shelf"], timeout=30)
    return JsonResponse({"answer": answer, "ident": threading.get_ident(), "refused": refused})


def ask_isolated_agent(request: HttpRequest, framework: str) -> JsonResponse:
    result = run_isolated(recipe(framework, os.environ["MODEL_URL"]), request.GET["shelf"], deadline=60)
    return JsonResponse({"answer": result.content, "tier": result.tier, "error": str(result.error)})


def stream_isolated_agent(request: HttpRequest, framework: str) -> StreamingHttpResponse:
    events = stream_isolated(recipe(framework, os.environ["MODEL_URL"]), request.GET["shelf"], deadline=60)
    body: Any = texts(events)
    if isinstance(request, ASGIRequest):
        body = iterate(body, cancel=events.cancel)
    return StreamingHttpResponse(body, content_type="text/plain; charset=utf-8")


def texts(events: RunStream) -> Iterator[str]:
    with closing(events):
        yield from (event.text for event in events if isinstance(event, TextDelta))
        yield f"[{events.result.status}]"


urlpatterns = [
    path("foreign/<framework>", ask_foreign_agent),
    path("isolated/<framework>", ask_isolated_agent),
    path("isolated/<framework>/stream", stream_isolated_agent),
    path("api/v1/health", lambda request: JsonResponse({})),
]

if os.environ.get("DJANGO_SETTINGS_MODULE") == __name__:
    from chatsite.settings import *  # noqa: F403

    ROOT_URLCONF = __name__
    sys.addaudithook(refuse_other_hosts)

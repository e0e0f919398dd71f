"""The official clients of other protocols, against the site as a real process."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import mcp
import openai
import pytest
from mcp.client.streamable_http import streamable_http_client

import agents
from agents.testing import ScriptedModel
from tests.chatsite.doors.keys import QUESTION
from tests.chatsite.doors.served import Served, served

pytestmark = pytest.mark.hosts

QUOTE = "The kettle is kept in the blue cupboard."
ASKED: Any = [{"role": "user", "content": QUESTION}]


@pytest.fixture(scope="module", params=["serve", "uvicorn"])
def running(
    request: pytest.FixtureRequest, first_start: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    data_dir = shutil.copytree(first_start, tmp_path_factory.mktemp("served") / "data")
    with served(request.param, data_dir=data_dir) as site:
        yield site


@pytest.fixture
def client(running: Served) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key=running.key, max_retries=0) as opened:
        yield opened


def test_openai_client_asks(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()][:2] == ["documents", "documents:handbook"]
    assert client.models.retrieve("documents:handbook").object == "model"
    message = client.chat.completions.create(model="documents", messages=ASKED).choices[0].message
    assert message.content
    assert message.annotations
    cited = message.annotations[0].url_citation
    assert message.content[cited.start_index : cited.end_index] == "[1]"
    assert QUOTE in message.content


def test_openai_client_streams(client: openai.OpenAI) -> None:
    options: Any = {"include_usage": True}
    with client.chat.completions.create(
        model="documents", messages=ASKED, stream=True, stream_options=options
    ) as stream:
        chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert QUOTE in text
    assert chunks[-1].usage is not None
    with client.chat.completions.stream(model="documents", messages=ASKED) as helped:
        whole = helped.get_final_completion()
    assert whole.choices[0].message.content == text


def test_openai_client_is_told_what_is_wrong(running: Served, client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="gpt-4", messages=ASKED)
    assert missing.value.param == "model"
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="documents", messages=[])
    stranger = openai.OpenAI(base_url=f"{running.url}/v1", api_key="dc_unknown", max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        stranger.models.list()


def test_openai_client_has_responses(client: openai.OpenAI) -> None:
    first = client.responses.create(model="documents", input=QUESTION)
    assert QUOTE in first.output_text
    with client.responses.stream(
        model="documents", input="How long do I wait before I pour the tea?", previous_response_id=first.id
    ) as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        assert stream.get_final_response().output_text == text
    assert "four minutes" in text


def test_openai_client_has_vectors(client: openai.OpenAI) -> None:
    name = [model.id for model in client.models.list()][-1]
    both = client.embeddings.create(model=name, input=["tea", "kettle"])  # as base64, which the client unpacks
    plain = client.embeddings.create(model=name, input=["tea", "kettle"], encoding_format="float")
    assert both.data[1].embedding == pytest.approx(plain.data[1].embedding, abs=1e-6)


def test_openai_client_asks_async(running: Served) -> None:
    async def ask() -> tuple[str | None, str]:
        async with openai.AsyncOpenAI(base_url=f"{running.url}/v1", api_key=running.key, max_retries=0) as opened:
            whole = await opened.chat.completions.create(model="documents", messages=ASKED)
            stream = await opened.chat.completions.create(model="documents", messages=ASKED, stream=True)
            pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
        return whole.choices[0].message.content, "".join(pieces)

    whole, streamed = asyncio.run(ask())
    assert whole == streamed


@pytest.mark.parametrize("mode", ["auto", "legacy", "2026-07-28"])
def test_mcp_client_asks(running: Served, mode: str) -> None:
    heard: list[str] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message or "")

    async def talk() -> None:
        headers = {"Authorization": f"Bearer {running.key}"}
        async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
            transport = streamable_http_client(f"{running.url}/mcp", http_client=http)
            async with mcp.Client(transport, mode=mode) as client:
                assert client.protocol_version == ("2025-11-25" if mode == "legacy" else "2026-07-28")
                tools = await client.list_tools()
                offered = {"search", "ask", "read_document", "list_collections", "run_tea_facts"}
                assert {tool.name for tool in tools.tools} == offered
                answer = await client.call_tool("ask", {"question": QUESTION}, progress_callback=hear)
                assert not answer.is_error
                assert answer.structured_content["citations"][0]["quote"] == QUOTE
                found = await client.call_tool("search", {"query": "kettle"})
                passage = found.structured_content["passages"][0]
                read = await client.call_tool("read_document", {"document_id": passage["document_id"]})
                assert QUOTE in read.structured_content["text"]
                wrong = await client.call_tool("search", {})
                assert wrong.is_error
                ended = await client.call_tool("run_tea_facts", {"topic": "kettle"}, progress_callback=hear)
                assert ended.structured_content["state"] == "completed"
                assert QUOTE in ended.structured_content["output"][0]["text"]
                wrong = await client.call_tool("run_tea_facts", {})
                assert wrong.content[0].text == "arguments: “topic” is missing."

    asyncio.run(talk())
    assert heard[0] == "Searching"


def test_agent_of_ours_uses_the_door(running: Served) -> None:
    script = ScriptedModel([agents.ToolCall("1", "ask", f'{{"question": "{QUESTION}"}}'), "Done."])
    tools = agents.McpTools(url=f"{running.url}/mcp", headers={"Authorization": f"Bearer {running.key}"})
    with agents.Agent("robot", "Ask.", model=script, tools=[tools]) as agent:
        agents.run(agent, prompt="Where?")
    assert QUOTE in str(script.requests[-1][-1])

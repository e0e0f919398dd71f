"""Clients that are handed in: what of a plain one an async one takes over. And what the environment says."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import openai
import pytest

from agents import Agent, OpenAIModel, run
from agents.models.openai_client import settings_of
from tests.fakes.chat_server import ChatServer, text


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


def ask(model: OpenAIModel) -> str:
    result = run(Agent("a", "", model=model), "Whales?")
    assert result.success, result.error
    return result.content


def headers_of(server: ChatServer) -> dict[str, str]:
    return {name.lower(): value for name, value in server.requests[-1].headers.items()}


# ---- a plain client --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("vendor", [httpx2, httpx])
def test_proxy_of_a_plain_client_is_used(server: ChatServer, vendor: Any) -> None:
    address = "http://no-such-host.invalid/v1"
    server.script(text("Through the proxy."), path=f"{address}/chat/completions")
    proxy = server.url.replace("http://", "http://ada:secret@").removesuffix("/v1")
    client = openai.OpenAI(api_key="handed", base_url=address, http_client=vendor.Client(proxy=proxy))
    assert ask(OpenAIModel("m", client=client)) == "Through the proxy."
    assert headers_of(server)["proxy-authorization"] == "Basic YWRhOnNlY3JldA=="


def test_proxy_for_one_host_is_used_for_that_one_only(server: ChatServer) -> None:
    address = "http://no-such-host.invalid/v1"
    proxy = httpx2.HTTPTransport(proxy=server.url.removesuffix("/v1"))
    mounts = {"all://no-such-host.invalid": proxy, "all://127.0.0.1": None}
    http = httpx2.Client(mounts=mounts)
    server.script(text("Through the proxy."), path=f"{address}/chat/completions")
    server.script(text("Straight."))
    for base_url, content in ((address, "Through the proxy."), (server.url, "Straight.")):
        client = openai.OpenAI(api_key="handed", base_url=base_url, http_client=http)
        assert ask(OpenAIModel("m", client=client)) == content


def test_headers_cookies_parameters_and_hooks_of_a_plain_client_are_sent(server: ChatServer) -> None:
    def sign(request: httpx2.Request) -> None:
        request.headers["X-Signed"] = "yes"

    http = httpx2.Client(headers={"X-Team": "docs"}, cookies={"a": "b"}, event_hooks={"request": [sign]})
    server.script(text("Yes."))
    client = openai.OpenAI(api_key="handed", base_url=server.url, http_client=http)
    assert ask(OpenAIModel("m", client=client)) == "Yes."
    sent = headers_of(server)
    assert (sent["x-team"], sent["cookie"], sent["x-signed"]) == ("docs", "a=b", "yes")


def test_certificates_protocols_and_limits_of_a_plain_client_are_taken_over(tmp_path: Path) -> None:
    """Looked at, not tried: no server here has a certificate that a made-up authority has signed."""
    context = ssl.create_default_context()
    transport = httpx2.HTTPTransport(
        verify=context, retries=3, local_address="127.0.0.1", limits=httpx2.Limits(max_connections=7)
    )
    http = httpx2.Client(transport=transport, trust_env=False, follow_redirects=True)
    client = openai.OpenAI(api_key="k", base_url="https://localhost/v1", http_client=http)
    carried = settings_of(client)["http_client"]
    pool = carried._transport._pool
    assert pool._ssl_context is context
    assert (pool._retries, pool._local_address, pool._max_connections) == (3, "127.0.0.1", 7)
    assert (carried.trust_env, carried.follow_redirects) == (False, True)


def test_transport_for_both_kinds_of_code_is_used_as_it_is() -> None:
    body = b'data: {"choices": [{"delta": {"content": "Mocked."}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
    mock = httpx2.MockTransport(
        lambda _: httpx2.Response(200, content=body, headers={"Content-Type": "text/event-stream"})
    )
    client = openai.OpenAI(api_key="k", base_url="http://localhost/v1", http_client=httpx2.Client(transport=mock))
    assert ask(OpenAIModel("m", client=client)) == "Mocked."


class Recorder(httpx2.HTTPTransport):
    """A transport of somebody's own."""


def test_transport_for_sync_code_only_is_refused_by_name() -> None:
    http = httpx2.Client(transport=Recorder())
    client = openai.OpenAI(api_key="k", base_url="http://localhost/v1", http_client=http)
    with pytest.raises(TypeError, match="transport Recorder only works in sync code: hand in an AsyncOpenAI"):
        OpenAIModel("m", client=client)


def test_response_hooks_for_sync_code_are_refused() -> None:
    http = httpx2.Client(event_hooks={"response": [print]})
    client = openai.OpenAI(api_key="k", base_url="http://localhost/v1", http_client=http)
    with pytest.raises(TypeError, match="response hooks only work in sync code"):
        OpenAIModel("m", client=client)


# ---- the environment -------------------------------------------------------------------------------------------------
def test_address_and_key_of_the_environment_are_used(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "of-the-environment")
    model = OpenAIModel("m")
    ask(model)
    assert headers_of(server)["authorization"] == "Bearer of-the-environment"
    assert model.base_url == server.url
    assert "of-the-environment" not in repr(model)


def test_what_is_given_wins_over_the_environment(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://no-such-host.invalid/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "of-the-environment")
    ask(OpenAIModel("m", api_key="given", base_url=server.url))
    assert headers_of(server)["authorization"] == "Bearer given"


def test_key_of_the_environment_is_not_sent_to_an_address_of_ones_own(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "of-the-environment")
    ask(OpenAIModel("m", base_url=server.url))
    assert headers_of(server)["authorization"] == "Bearer none"

"""Model servers on the loopback that behave as public reports describe real providers, where these differ.

    with playing("mistral") as server:
        OpenAIModel(server.model, api_key="k", base_url=server.url)

Each looks at what it is sent as the real one does, and refuses it in the real one's words. Where a tool is offered and
no passages came with the question, it calls the tool; then it answers by quoting the first passage, as [1].
`server.requests` is what came over the wire, `server.refusals` what was answered with an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, ClassVar

from tests.fakes.chat_server import CHAT, DONE, ChatServer, Piece, Reply, Request, as_json, chunk, event, usage

THOUGHT = "The reader asks about whales, so I look them up."
STREAM_ERROR = b"event: error\n"
SENTENCE = re.compile(r"(?<=[.!?])\s")


def error(status: int, body: object, **headers: str) -> Reply:
    return Reply([json.dumps(body).encode()], status=status, headers={"Content-Type": "application/json", **headers})


def pieces_of(text: str, size: int = 9) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def content(message: dict[str, Any]) -> str:
    return message.get("content") or ""


class Provider:
    """What OpenAI does with a usual model; others change what they do otherwise."""

    model = "gpt-5-mini"
    thinks = False
    searches_again = False  # calls the tool also where passages came with the question
    known: ClassVar[frozenset[str]] = frozenset(
        "model messages stream stream_options tools tool_choice parallel_tool_calls temperature top_p max_tokens "
        "max_completion_tokens reasoning_effort stop seed response_format".split()
    )

    def refuse(self, body: dict[str, Any]) -> Reply | None:
        if unknown := sorted(body.keys() - self.known):
            return self.unknown_parameter(unknown[0])
        for at, message in enumerate(body["messages"]):
            if unknown := sorted(message.keys() - {"role", "content", "tool_calls", "tool_call_id", "name"}):
                return self.unknown_parameter(f"messages[{at}].{unknown[0]}")
            for number, call in enumerate(message.get("tool_calls") or ()):
                if unknown := sorted(call.keys() - {"id", "type", "function"}):
                    return self.unknown_parameter(f"messages[{at}].tool_calls[{number}].{unknown[0]}")
        return self.refuse_unanswered(body)

    def unknown_parameter(self, name: str) -> Reply:
        said = {"message": f"Unknown parameter: '{name}'.", "type": "invalid_request_error", "param": name}
        return error(400, {"error": {**said, "code": "unknown_parameter"}})

    def refuse_unanswered(self, body: dict[str, Any]) -> Reply | None:
        """A call without its result, or a result without its call."""
        called = {call["id"] for message in body["messages"] for call in message.get("tool_calls") or ()}
        answered = {message["tool_call_id"] for message in body["messages"] if message["role"] == "tool"}
        if called == answered:
            return None
        said = "An assistant message with 'tool_calls' must be followed by tool messages responding to each call."
        return error(400, {"error": {"message": said, "type": "invalid_request_error", "param": "messages"}})

    # ---- what it says ----
    def reply(self, body: dict[str, Any]) -> Reply:
        if refused := self.refuse(body):
            return refused
        last_user = max(at for at, message in enumerate(body["messages"]) if message["role"] == "user")
        since = body["messages"][last_user:]
        passages = [passage for message in since for passage in passages_in(content(message))]
        has_searched = any(message["role"] == "tool" for message in since)
        wants_tool = body.get("tools") and not has_searched and (self.searches_again or not passages)
        if wants_tool:
            function = body["tools"][0]["function"]
            parameter = next(iter(function["parameters"]["properties"]), None)
            arguments = {parameter: content(since[0]).rpartition("\n\n")[2]} if parameter else {}
            return Reply(
                [*self.opening(), *self.call(function["name"], json.dumps(arguments)), *self.end("tool_calls")]
            )
        sentence = SENTENCE.split(passages[0]["text"].strip())[0] if passages else ""
        answer = f"It says: {sentence} [{passages[0]['marker']}]" if passages else "I found no passage about that."
        return Reply([*self.opening(), *self.say(answer), *self.end("stop")])

    def opening(self) -> list[Piece]:
        return [chunk({"role": "assistant", "content": "", "refusal": None})]

    def call(self, name: str, arguments: str) -> list[Piece]:
        half = len(arguments) // 2
        begun = {"index": 0, "id": "call_Tf0GzBqa0aLrFhJd3", "type": "function"}
        return [
            chunk({"tool_calls": [{**begun, "function": {"name": name, "arguments": arguments[:half]}}]}),
            chunk({"tool_calls": [{"index": 0, "function": {"arguments": arguments[half:]}}]}),
        ]

    def say(self, text: str) -> list[Piece]:
        return [chunk({"content": piece}) for piece in pieces_of(text)]

    def end(self, finish: str) -> list[Piece]:
        counts = {
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "total_tokens": 120,
            "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 8},
        }
        return [chunk({}, finish=finish), event({"choices": [], "usage": counts}), DONE]


def passages_in(text: str) -> list[dict[str, Any]]:
    at = text.find('{"passages"')
    if at < 0:
        return []
    try:
        passages: list[dict[str, Any]] = json.JSONDecoder().raw_decode(text[at:])[0]["passages"]
    except ValueError:  # cut to a window
        return [{"marker": 1, "text": text[at:].partition('"text": "')[2]}]
    return passages


class OpenAI(Provider):
    pass


class OSeries(Provider):
    """o1-mini: no system role, no temperature, another name for the limit, one call at a time."""

    model = "o1-mini"

    def refuse(self, body: dict[str, Any]) -> Reply | None:
        unsupported = "Unsupported parameter: '{}' is not supported with this model."
        if "max_tokens" in body:
            return self.unsupported(unsupported + " Use 'max_completion_tokens' instead.", "max_tokens")
        if "parallel_tool_calls" in body:
            return self.unsupported(unsupported, "parallel_tool_calls")
        if body.get("temperature", 1) != 1:
            said = (
                "Unsupported value: '{}' does not support 0.2 with this model. Only the default (1) value is supported."
            )
            return self.unsupported(said, "temperature")
        if body["messages"][0]["role"] == "system":
            said = "Unsupported value: '{}' does not support 'system' with this model."
            return self.unsupported(said, "messages[0].role")
        return super().refuse(body)

    def unsupported(self, said: str, name: str) -> Reply:
        kind = {"type": "invalid_request_error", "param": name, "code": "unsupported_parameter"}
        return error(400, {"error": {"message": said.format(name), **kind}})


class Unverified(Provider):
    """OpenAI, for an organization that may not stream this model; it answers in one piece."""

    model = "gpt-5"

    def refuse(self, body: dict[str, Any]) -> Reply | None:
        if not body.get("stream"):
            return super().refuse(body)
        said = (
            "Your organization must be verified to stream this model. Please go to: "
            "https://platform.openai.com/settings/organization/general and click on Verify Organization."
        )
        code = {"type": "invalid_request_error", "param": "stream", "code": "unsupported_value"}
        return error(400, {"error": {"message": said, **code}})

    def reply(self, body: dict[str, Any]) -> Reply:
        reply = super().reply(body)
        return reply if reply.status != 200 else as_json(whole_of(reply))


def whole_of(reply: Reply) -> dict[str, Any]:
    """The same answer in one piece."""
    rows = [json.loads(piece[6:]) for piece in reply.pieces if isinstance(piece, bytes) and piece[6:7] == b"{"]
    choices = [choice for row in rows for choice in row["choices"]]
    deltas = [choice["delta"] for choice in choices]
    parts = [part for delta in deltas for part in delta.get("tool_calls") or ()]
    message: dict[str, Any] = {"role": "assistant", "content": "".join(delta.get("content") or "" for delta in deltas)}
    if parts:
        arguments = "".join(part["function"]["arguments"] for part in parts)
        function = {"name": parts[0]["function"]["name"], "arguments": arguments}
        message["tool_calls"] = [{"id": parts[0]["id"], "type": "function", "function": function}]
    choice = {"index": 0, "message": message, "finish_reason": choices[-1]["finish_reason"]}
    return {"id": "c1", "object": "chat.completion", "choices": [choice], "usage": rows[-1]["usage"]}


class Mistral(Provider):
    """Ids of nine letters and digits, nothing it doesn't know, and thoughts as parts of a list."""

    model = "magistral-medium-latest"

    def refuse(self, body: dict[str, Any]) -> Reply | None:
        forbidden = [
            ["body", name] for name in sorted(body.keys() & {"stream_options", "seed", "max_completion_tokens"})
        ]
        for at, message in enumerate(body["messages"]):
            more = message.keys() - {"role", "content", "tool_calls", "tool_call_id", "name", "prefix"}
            forbidden += [["body", "messages", at, message["role"], name] for name in sorted(more)]
        if forbidden:
            said: list[Any] = [
                {"type": "extra_forbidden", "loc": place, "msg": "Extra inputs are not permitted", "input": {}}
                for place in forbidden
            ]
            wrong: dict[str, Any] = {"object": "error", "message": {"detail": said}, "type": "invalid_request_error"}
            return error(422, {**wrong, "param": None, "code": None})
        for message in body["messages"]:
            for given in [call["id"] for call in message.get("tool_calls") or ()] + [message.get("tool_call_id")]:
                if given is not None and not re.fullmatch(r"[A-Za-z0-9]{9}", given):
                    said = f"Tool call id was {given} but must be a-z, A-Z, 0-9, with a length of 9."
                    wrong = {"object": "error", "message": said, "type": "invalid_function_call", "param": None}
                    return error(400, {**wrong, "code": "3280", "raw_status_code": 400})
        roles = [message["role"] for message in body["messages"]]
        if ("tool", "user") in pairwise(roles):
            wrong = {"object": "error", "message": "Unexpected role 'user' after role 'tool'", "code": "3230"}
            return error(400, {**wrong, "type": "invalid_request_message_order", "param": None})
        return self.refuse_unanswered(body)

    def call(self, name: str, arguments: str) -> list[Piece]:
        called = {"index": 0, "id": "D681PevKs", "function": {"name": name, "arguments": arguments}}
        return [chunk({"content": "", "tool_calls": [called]})]

    def say(self, text: str) -> list[Piece]:
        thoughts = [
            chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": piece}]}]})
            for piece in pieces_of(THOUGHT)
        ]
        return [*thoughts, *(chunk({"content": [{"type": "text", "text": piece}]}) for piece in pieces_of(text))]

    def end(self, finish: str) -> list[Piece]:
        counts = {"prompt_tokens": 100, "total_tokens": 120, "completion_tokens": 20}
        return [chunk({"content": ""}, finish=finish, usage=counts), DONE]


class Gemini(Provider):
    """Google's door for OpenAI clients: calls carry a signature of the thought behind them, and must bring it back."""

    model = "gemini-3-flash-preview"
    signature = "EjQKMgG+Pvb7…signed"
    taken = Provider.known - {"seed", "parallel_tool_calls"}

    def refuse(self, body: dict[str, Any]) -> Reply | None:
        if unknown := sorted(body.keys() - self.taken):
            said = "\n".join(
                f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.' for name in unknown
            )
            return self.invalid(said)
        for at, message in enumerate(body["messages"]):
            for call in (message.get("tool_calls") or ())[:1]:
                google = (call.get("extra_content") or {}).get("google") or {}
                if google.get("thought_signature") not in (self.signature, "skip_thought_signature_validator"):
                    return self.invalid(
                        "Function call is missing a thought_signature in functionCall parts. This is required for "
                        "tools to work correctly, and missing thought_signature may lead to degraded model "
                        f"performance. Additional data, function call `default_api:search` , position {at}."
                    )
        return None

    def invalid(self, said: str) -> Reply:
        return error(400, [{"error": {"code": 400, "message": said, "status": "INVALID_ARGUMENT"}}])

    def call(self, name: str, arguments: str) -> list[Piece]:
        called = {
            "extra_content": {"google": {"thought_signature": self.signature}},
            "function": {"arguments": arguments, "name": name},
            "id": "function-call-16584106943",
            "index": 0,
            "type": "function",
        }
        return [chunk({"role": "assistant", "tool_calls": [called]})]

    def end(self, finish: str) -> list[Piece]:
        counts = {"completion_tokens": 20, "prompt_tokens": 100, "total_tokens": 160}  # 40 were thought
        return [chunk({"role": "assistant"}, finish="stop", usage=counts), DONE]


class DeepSeek(Provider):
    """Thinks, and wants its thoughts back with each call it has made. https://api-docs.deepseek.com/guides/thinking_mode"""

    model = "deepseek-v4-pro"
    thinks = True

    def refuse(self, body: dict[str, Any]) -> Reply | None:
        for message in body["messages"]:
            if message.get("tool_calls") and message.get("reasoning_content") is None:
                said = "The `reasoning_content` in the thinking mode must be passed back to the API."
                code = {"type": "invalid_request_error", "param": None, "code": "invalid_request_error"}
                return error(400, {"error": {"message": said, **code}})
        if body.get("max_tokens", 1) > 384_000:
            said = "Invalid max_tokens value, the valid range of max_tokens is [1, 384000]"
            return error(400, {"error": {"message": said, "type": "invalid_request_error"}})
        return self.refuse_unanswered(body)

    def opening(self) -> list[Piece]:
        thoughts = [chunk({"content": None, "reasoning_content": piece}) for piece in pieces_of(THOUGHT)]
        return [b": keep-alive\n\n", chunk({"role": "assistant", "content": None, "reasoning_content": ""}), *thoughts]

    def end(self, finish: str) -> list[Piece]:
        counts = {
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "total_tokens": 120,
            "prompt_cache_hit_tokens": 64,
            "prompt_cache_miss_tokens": 36,
            "completion_tokens_details": {"reasoning_tokens": 12},
        }
        return [chunk({"content": "", "reasoning_content": None}, finish=finish, usage=counts), DONE]


class OpenRouter(Provider):
    """Sends thoughts twice, as text and as `reasoning_details`; the details must come back as they were."""

    model = "google/gemini-3-flash-preview"
    thinks = True
    call_id = "tool_0_search"
    details: ClassVar[list[dict[str, Any]]] = [
        {"type": "reasoning.text", "index": 0, "format": "google-gemini-v1", "text": THOUGHT},
        {"type": "reasoning.encrypted", "index": 1, "id": "rs_1", "data": "c2lnbmVk", "format": "google-gemini-v1"},
    ]

    def refuse(self, body: dict[str, Any]) -> Reply | None:
        for message in body["messages"]:
            own = any(call["id"] == self.call_id for call in message.get("tool_calls") or ())
            if own and message.get("reasoning_details") != self.details:
                raw = {"raw": "Corrupted thought signature.", "provider_name": "Google AI Studio"}
                return error(400, {"error": {"message": "Provider returned error", "code": 400, "metadata": raw}})
        return self.refuse_unanswered(body)

    def opening(self) -> list[Piece]:
        text, encrypted = self.details
        thoughts = [
            chunk(
                {"content": "", "reasoning": piece, "reasoning_details": [{**text, "text": piece}]}, provider="Google"
            )
            for piece in pieces_of(THOUGHT)
        ]
        signed = chunk({"content": "", "reasoning": None, "reasoning_details": [encrypted]}, provider="Google")
        return [b": OPENROUTER PROCESSING\n\n", b": OPENROUTER PROCESSING\n\n", *thoughts, signed]

    def call(self, name: str, arguments: str) -> list[Piece]:
        function = {"name": name, "arguments": arguments}
        called = {"index": 0, "id": self.call_id, "type": "function", "function": function}
        return [chunk({"role": "assistant", "content": None, "tool_calls": [called]}, provider="Google")]


class Ollama(Provider):
    """A model without tools, and thoughts as `reasoning`."""

    model = "deepseek-r1:latest"
    thinks = True

    def refuse(self, body: dict[str, Any]) -> Reply | None:
        if body.get("tools"):
            said = f"registry.ollama.ai/library/{body['model']} does not support tools"
            return error(400, {"error": {"message": said, "type": "api_error", "param": None, "code": None}})
        return None

    def opening(self) -> list[Piece]:
        return [chunk({"role": "assistant", "content": "", "reasoning": piece}) for piece in pieces_of(THOUGHT)]

    def end(self, finish: str) -> list[Piece]:
        return [chunk({"role": "assistant", "content": ""}, finish=finish), usage(100, 20), DONE]


class Windowed(Provider):
    """A server whose window is small, and whose tokens are shorter than most estimates: three characters to one."""

    window = 2_048

    def prompt_tokens(self, body: dict[str, Any]) -> int:
        texts = [content(message) for message in body["messages"]]
        return sum(len(text) // 3 + 4 for text in texts) + len(json.dumps(body.get("tools") or "")) // 3

    def end(self, finish: str) -> list[Piece]:
        return [chunk({}, finish=finish), DONE]


class LlamaCpp(Windowed):
    model = "smollm2-135m"

    def refuse(self, body: dict[str, Any]) -> Reply | None:
        if body.get("tools"):
            said = "tools param requires --jinja flag"
            return error(500, {"error": {"code": 500, "message": said, "type": "server_error"}})
        if (tokens := self.prompt_tokens(body)) >= self.window:
            said = "the request exceeds the available context size, try increasing it"
            sizes = {"n_prompt_tokens": tokens, "n_ctx": self.window}
            return error(400, {"error": {"code": 400, "message": said, "type": "exceed_context_size_error", **sizes}})
        return None


class Vllm(Windowed):
    model = "Qwen/Qwen2.5-1.5B-Instruct"

    def refuse(self, body: dict[str, Any]) -> Reply | None:
        if body.get("tools"):
            return self.bad('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set')
        tokens, most = self.prompt_tokens(body), body.get("max_tokens", 0)
        if tokens + most > self.window:
            return self.bad(
                f"This model's maximum context length is {self.window} tokens. However, you requested {tokens + most} "
                f"tokens ({tokens} in the messages, {most} in the completion). Please reduce the length of the "
                "messages or completion."
            )
        return None

    def bad(self, said: str) -> Reply:
        return error(400, {"object": "error", "message": said, "type": "BadRequestError", "param": None, "code": 400})


class LmStudio(Windowed):
    """Thoughts in tags, cut anywhere; its refusals come inside a stream that began well."""

    model = "qwen3-4b"
    thinks = True

    def refuse(self, body: dict[str, Any]) -> Reply | None:
        if any(message["role"] == "system" for message in body["messages"]):
            said = 'Error rendering prompt with jinja template: "System role not supported". Error Data: n/a'
            return Reply([STREAM_ERROR, event({"error": {"message": said}})])
        if (tokens := self.prompt_tokens(body)) < self.window:
            return None
        said = (
            f"Trying to keep the first {tokens} tokens when context the overflows. However, the model is loaded with "
            f"context length of only {self.window} tokens, which is not enough. Try to load the model with a larger "
            "context length, or provide a shorter input"
        )
        return Reply([STREAM_ERROR, event({"error": {"message": said}})])

    def opening(self) -> list[Piece]:
        return [chunk({"content": piece}) for piece in pieces_of(f"<think>\n{THOUGHT}\n</think>\n\n", 5)]


class Groq(Provider):
    """Fails to read its model's calls and sends them back; takes no thoughts."""

    model = "llama-3.3-70b-versatile"
    thinks = True

    def refuse(self, body: dict[str, Any]) -> Reply | None:
        for at, message in enumerate(body["messages"]):
            if unknown := sorted(message.keys() - {"role", "content", "tool_calls", "tool_call_id", "name"}):
                said = (
                    f"'messages.{at}' : for 'role:{message['role']}' the following must be satisfied"
                    f"[('messages.{at}' : property '{unknown[0]}' is unsupported)]"
                )
                return error(400, {"error": {"message": said, "type": "invalid_request_error"}})
        return self.refuse_unanswered(body)

    def reply(self, body: dict[str, Any]) -> Reply:
        reply = super().reply(body)
        calls = b'"tool_calls": [{' in b"".join(piece for piece in reply.pieces if isinstance(piece, bytes))
        if reply.status != 200 or not calls:
            return reply
        function = body["tools"][0]["function"]
        said = "Failed to call a function. Please adjust your prompt. See 'failed_generation' for more details."
        failed = f'<function={function["name"]}>{{"query": "Whales?"}}</function>'
        code = {"type": "invalid_request_error", "code": "tool_use_failed", "failed_generation": failed}
        return error(400, {"error": {"message": said, **code}})

    def opening(self) -> list[Piece]:
        return [chunk({"role": "assistant", "content": "", "reasoning": THOUGHT})]

    def end(self, finish: str) -> list[Piece]:
        counts = {"queue_time": 0.02, "prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
        return [chunk({}, finish=finish, x_groq={"id": "req_1", "usage": counts}), DONE]


class Azure(Provider):
    """Annotates each chunk with what its content filter found, some of them without a delta."""

    model = "gpt-4o-mini"
    safe: ClassVar[dict[str, Any]] = {"hate": {"filtered": False, "severity": "safe"}}

    def refuse(self, body: dict[str, Any]) -> Reply | None:
        if "how to make a bomb" in content(body["messages"][-1]):
            said = (
                "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. "
                "Please modify your prompt and retry."
            )
            return error(400, {"error": {"message": said, "type": None, "param": "prompt", "code": "content_filter"}})
        return super().refuse(body)

    def opening(self) -> list[Piece]:
        found = [{"prompt_index": 0, "content_filter_results": self.safe}]
        return [event({"choices": [], "id": "", "object": "", "prompt_filter_results": found}), *super().opening()]

    def end(self, finish: str) -> list[Piece]:
        offsets = {"check_offset": 44, "start_offset": 44, "end_offset": 198}
        filtered = {"index": 0, "finish_reason": None, "content_filter_results": self.safe}
        return [
            event({"choices": [{**filtered, "content_filter_offsets": offsets}], "usage": None}),
            *super().end(finish),
        ]


class Anthropic(Provider):
    """Its door for OpenAI clients: temperatures to 1, not beside top_p, and no empty text."""

    model = "claude-sonnet-5"

    def refuse(self, body: dict[str, Any]) -> Reply | None:
        if "temperature" in body and "top_p" in body:
            return self.invalid(
                "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
            )
        if any(message["role"] != "system" and message.get("content") == "" for message in body["messages"]):
            return self.invalid("messages: text content blocks must be non-empty")
        return self.refuse_unanswered(body)

    def invalid(self, said: str) -> Reply:
        code = {"code": "invalid_request_error", "type": "invalid_request_error", "param": None}
        return error(400, {"error": {**code, "message": said}})

    def call(self, name: str, arguments: str) -> list[Piece]:
        begun = {"index": 0, "id": "toolu_01VpEm654HvfMoRcrE3Hgdc6", "type": "function"}
        parts = [chunk({"tool_calls": [{"index": 0, "function": {"arguments": p}}]}) for p in pieces_of(arguments)]
        return [chunk({"tool_calls": [{**begun, "function": {"name": name, "arguments": ""}}]}), *parts]


class Xai(Provider):
    """Refuses what its reasoning models don't take, in an error that is a text; counts thoughts apart."""

    model = "grok-4"
    thinks = True

    def refuse(self, body: dict[str, Any]) -> Reply | None:
        for name, its_name in (("reasoning_effort", "reasoningEffort"), ("stop", "stop")):
            if name in body:
                said = f"Model {body['model']} does not support parameter {its_name}."
                return error(400, {"code": "Client specified an invalid argument", "error": said})
        return self.refuse_unanswered(body)

    def opening(self) -> list[Piece]:
        return [chunk({"role": "assistant", "reasoning_content": piece}) for piece in pieces_of(THOUGHT)]

    def end(self, finish: str) -> list[Piece]:
        counts = {
            "prompt_tokens": 100,
            "completion_tokens": 9,
            "total_tokens": 189,
            "prompt_tokens_details": {"cached_tokens": 60},
            "completion_tokens_details": {"reasoning_tokens": 80},
        }
        return [chunk({}, finish=finish), event({"choices": [], "usage": counts}), DONE]


class Together(Windowed):
    """Counts the prompt and the answer together, and says so as a validation error."""

    model = "meta-llama/Llama-3-8b-chat-hf"

    def refuse(self, body: dict[str, Any]) -> Reply | None:
        tokens, most = self.prompt_tokens(body), body.get("max_tokens", 512)
        if tokens + most <= self.window:
            return None
        said = (
            f"Input validation error: `inputs` tokens + `max_new_tokens` must be <= {self.window}. "
            f"Given: {tokens} `inputs` tokens and {most} `max_new_tokens`"
        )
        return error(422, {"error": {"message": said, "type": "invalid_request_error", "param": "max_tokens"}})


class Hermes(Provider):
    """A local model behind a server that reads neither its calls nor its thoughts, and whose template opens these."""

    model = "hermes-3-8b"
    thinks = True

    def opening(self) -> list[Piece]:
        return [chunk({"content": piece}) for piece in pieces_of(f"{THOUGHT}\n</think>\n\n")]

    def call(self, name: str, arguments: str) -> list[Piece]:
        return self.say(f'<tool_call>\n{{"name": "{name}", "arguments": {arguments}}}\n</tool_call>')

    def end(self, finish: str) -> list[Piece]:
        return [chunk({}, finish="stop"), DONE]


class Gemma(Provider):
    """A template that knows no system role and wants users and models to take turns."""

    model = "gemma-2-2b-it"

    def refuse(self, body: dict[str, Any]) -> Reply | None:
        if body.get("tools"):
            return self.failed("Unsupported param: tools")
        roles = [message["role"] for message in body["messages"]]
        if "system" in roles:
            return self.failed("Jinja Exception: System role not supported")
        if any(a == b for a, b in pairwise(roles)):
            return self.failed("Jinja Exception: Conversation roles must alternate user/assistant/user/assistant/...")
        return None

    def failed(self, said: str) -> Reply:
        return error(500, {"error": {"code": 500, "message": said, "type": "server_error"}})


PROVIDERS: dict[str, type[Provider]] = {
    "openai": OpenAI,
    "o-series": OSeries,
    "unverified": Unverified,
    "mistral": Mistral,
    "gemini": Gemini,
    "deepseek": DeepSeek,
    "openrouter": OpenRouter,
    "ollama": Ollama,
    "llama.cpp": LlamaCpp,
    "vllm": Vllm,
    "lm-studio": LmStudio,
    "groq": Groq,
    "azure": Azure,
    "anthropic": Anthropic,
    "xai": Xai,
    "together": Together,
    "hermes": Hermes,
    "gemma": Gemma,
}


class ProviderServer(ChatServer):
    """A chat server that plays one provider; a script (`server.script`) still comes first."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.provider = PROVIDERS[name]()
        self.model = self.provider.model
        self.refusals: list[Reply] = []

    def reply_to(self, request: Request) -> Reply:
        if request.path == "/v1/models":
            return as_json({"object": "list", "data": [{"id": self.model, "object": "model", "owned_by": "tests"}]})
        if request.path != CHAT or self._scripts.get(CHAT):
            return super().reply_to(request)
        reply = self.provider.reply(request.body)
        if reply.status != 200 or next(iter(reply.pieces)) == STREAM_ERROR:
            self.refusals.append(reply)
        return reply

    def __enter__(self) -> ProviderServer:
        super().__enter__()
        return self


def playing(name: str) -> ProviderServer:
    """Return a server that plays this provider, one of PROVIDERS, inside a `with` block."""
    return ProviderServer(name)


def said_in(reply: Reply) -> Iterator[str]:
    """Yield what a refusal said."""
    for piece in reply.pieces:
        if isinstance(piece, bytes):
            yield piece.decode()

"""A model server whose answers tell which request they belong to: a tool is called with the question, then its result
is the answer, streamed or whole as it is asked for."""

from __future__ import annotations

import json
from typing import Any

from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer, Reply, Request


class ShelfServer(ChatServer):
    def reply_to(self, request: Request) -> Reply:
        return super().reply_to(request) if self._scripts.get(request.path) else shelf_reply(request)


def shelf_reply(request: Request, *, delay: float = 0.0) -> Reply:
    last = request.body["messages"][-1]
    if last["role"] == "tool":
        return _answer(request, f"There are {last['content']}", delay=delay)
    function = request.body["tools"][0]["function"]
    arguments = {next(iter(function["parameters"]["properties"])): last["content"]}
    return _call(request, function["name"], arguments)


def _answer(request: Request, text: str, *, delay: float) -> Reply:
    if request.body.get("stream"):
        return chat_server.text(*(f"{word} " for word in text.split()[:-1]), text.split()[-1], delay=delay)
    return _whole({"role": "assistant", "content": text}, "stop")


def _call(request: Request, name: str, arguments: dict[str, Any]) -> Reply:
    if request.body.get("stream"):
        return chat_server.calls((name, arguments))
    function = {"name": name, "arguments": json.dumps(arguments)}
    call = {"id": "call_1", "type": "function", "function": function}
    return _whole({"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls")


def _whole(message: dict[str, Any], finish: str) -> Reply:
    choice = {"index": 0, "message": message, "finish_reason": finish}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    head = {"id": "c1", "object": "chat.completion", "created": 1, "model": chat_server.MODEL}
    return chat_server.as_json({**head, "choices": [choice], "usage": usage})

"""Read from a refusal which part of a request a server does not take, so that it can be asked without it.

The wordings are those of public reports against OpenAI, Azure, vLLM, llama.cpp, Ollama, LM Studio, Mistral, Gemini,
Groq, DeepSeek, xAI, OpenRouter and Anthropic's door for OpenAI clients.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

REFUSED = re.compile(
    r"not (?:be )?(?:support|permitted|allowed|available|enabled|recogni[sz]ed|implemented)|n't (?:support|available)"
    r"|unsupported|unavailable|unknown|unrecogni[sz]ed|extra_forbidden|extra inputs|cannot find field"
    r"|cannot|can't|incompatible|deprecated|requires|must be one of|only the default|invalid parameter|no endpoints"
    r"|unexpected (?:keyword|argument|field|param|property)|does not exist|removed|only [^.]*supported"
    r"|must be verified",
    re.IGNORECASE,
)
NEEDED = re.compile(r"missing|must be (?:passed|provided|sent)|is required", re.IGNORECASE)

# In the order they are looked for: what a message names by the way comes last.
PARTS: dict[str, str] = {
    "tool_ids": r"tool call id was .* but must be a-z",
    "user_after_tool": r"unexpected role 'user' after role 'tool'",
    "null_content": (
        r"(?<![a-z_])content\b.{0,60}"
        r"(?:\bnull\b|\bnone\b|nonetype|expected (?:a )?string|must be a string|valid string|is required)"
        r"|(?:null|invalid type).{0,40}(?<![a-z_])content\b"
    ),
    "stream_options": r"stream_options",
    "stream": r"\bstream(?:ing)?\b",
    "parallel_tool_calls": r"parallel[_ ]tool[_ ]calls?|parallel tool",
    "response_format": r"response[_ ]format|json[_ ]schema|grammar|json mode|response mime type|structured outputs?",
    "max_tokens": r"(?<!_)max_tokens(?!_)",
    "max_completion_tokens": r"max_completion_tokens",
    "reasoning_effort": r"reasoning[_ ]?effort|does not support thinking|thinking is not supported",
    "top_p": r"top_p",
    "temperature": r"temperature",
    "seed": r"\bseed\b",
    "stop": r"\bstop\b",
    "tool_choice": r"tool_choice|tool choice(?! requires --)",
    "system": (
        r"system role|role[^.]{0,20}system|'system'|got system|developer instruction"
        r"|(?:not|n't|un)[ ]?support\w*[^.]{0,40}system (?:message|prompt)"
        r"|system (?:message|prompt)s?\b[^.]{0,40}"
        r"(?:not (?:be )?(?:support|allowed|permitted|enabled|avail)|unsupported)"
    ),
    "alternation": r"(?:must|should) alternate|alternate between user|consecutive",
    "tools": (
        r"(?:not support|n't support|unsupported|no endpoints|extra_forbidden|extra inputs|cannot find field|unknown"
        r"|not (?:supported|available|enabled)|requires).{0,80}"
        r"(?:\btools?\b(?! choice)|function call|--jinja|tool-call)"
        r"|(?:\btools?\b(?! choice)|function call\w*).{0,80}"
        r"(?:not support|n't support|unsupported|extra_forbidden|extra inputs|cannot find field|requires|not enabled"
        r"|not available)"
        r"|must define tools|expects the .?tools"  # a history with calls is not taken without tools either
    ),
}
# What is wrong stands inside the description of a tool.
INSIDE_TOOLS = re.compile(r"""\btools?(?:\[\d|\.\d|["'],\s?\d)|invalid schema for function""", re.IGNORECASE)
SCHEMA_WORD = re.compile(
    r"""(?:unknown (?:name|field)|unrecogni[sz]ed|unsupported|unexpected)\D{0,30}?["'`]([$\w-]{1,64})["'`]""",
    re.IGNORECASE,
)
LOCATED = re.compile(
    r"""["']tools["'],[^\]]{0,200}?["']([$\w-]{1,64})["']\]"""
)  # the last name of a place in the tools
NAMING = frozenset({"properties", "$defs", "definitions", "patternProperties"})  # words whose keys are names
ATTACHED_MOST = 32  # names of fields that are left out for one model, since a history may bring any
# These patterns say themselves that it is a refusal; and a schema can be told in words, whatever was wrong with it.
UNMISTAKABLE = frozenset("response_format user_after_tool null_content tool_ids alternation tools".split())


def refused_part(said: str, request: Mapping[str, Any], already: Iterable[str]) -> str | None:
    """Return the name of the part that a server refuses, or None if it is none of those that can be left out."""
    sent = _sent_parts(request) - set(already)
    for key in _attached_keys(request["messages"]):
        named = re.search(rf"(?<![A-Za-z_]){re.escape(key)}(?![A-Za-z_])", said)
        if named and REFUSED.search(said) and not NEEDED.search(said):
            return f"attached:{key}" if _attached(already) < ATTACHED_MOST else None
    if INSIDE_TOOLS.search(said):
        return _schema_word(said, request, already)
    refuses = REFUSED.search(said) is not None
    for part, pattern in PARTS.items():
        if part in sent and (refuses or part in UNMISTAKABLE) and re.search(pattern, said, re.IGNORECASE | re.DOTALL):
            return part
    # A template that takes no system message counts it as one that doesn't alternate.
    alternates = re.search(PARTS["alternation"], said, re.IGNORECASE)
    return "system" if alternates and "system" in sent else None


def _attached(already: Iterable[str]) -> int:
    return sum(part.startswith("attached:") for part in already)


def _schema_word(said: str, request: Mapping[str, Any], already: Iterable[str]) -> str | None:
    """Return the word of the tools' schemas that a server does not know, so that tools can be sent without it."""
    sent = {word for tool in request.get("tools") or () for word in schema_words(tool["function"]["parameters"])}
    named = [*SCHEMA_WORD.findall(said), *LOCATED.findall(said)]
    parts = (f"schema:{word}" for word in named if word in sent)
    return next((part for part in parts if part not in already), None)


def schema_words(schema: Any) -> Iterator[str]:
    """Yield the words that a JSON schema is written in, but not the names of fields that it describes."""
    for key, value in schema.items() if isinstance(schema, Mapping) else ():
        yield key
        inner = value.values() if key in NAMING and isinstance(value, Mapping) else [value]
        for each in inner:
            for one in each if isinstance(each, list) else [each]:
                yield from schema_words(one)


def without_words(schema: Any, words: Collection[str]) -> Any:
    if isinstance(schema, list):
        return [without_words(each, words) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        key: {name: without_words(each, words) for name, each in value.items()}
        if key in NAMING and isinstance(value, Mapping)
        else without_words(value, words)
        for key, value in schema.items()
        if key not in words
    }


def needed_part(said: str, already: Iterable[str]) -> str | None:
    """Return what a server wants with calls that it did not make itself, or that another model made."""
    if not NEEDED.search(said):
        return None
    wanted = (part for part in ("reasoning_content", "thought_signature") if part in said)
    return next((part for part in wanted if part not in already), None)


def _sent_parts(request: Mapping[str, Any]) -> set[str]:
    messages = request["messages"]
    roles = [message["role"] for message in messages]
    sent = {name for name in PARTS if name in request}
    if "system" in roles:
        sent.add("system")
    if any(a == b != "tool" for a, b in pairwise(roles)):
        sent.add("alternation")
    if "tool" in roles:
        sent |= {"tool_ids", "tools", "user_after_tool"}
    if any(message["content"] is None for message in messages):
        sent.add("null_content")
    return sent


def _attached_keys(messages: Iterable[Mapping[str, Any]]) -> set[str]:
    known = {"role", "content", "tool_calls", "tool_call_id"}
    keys: set[str] = set()
    for message in messages:
        keys |= message.keys() - known
        for call in message.get("tool_calls") or ():
            keys |= call.keys() - {"id", "type", "function"}
            keys |= call["function"].keys() - {"name", "arguments"}
    return keys

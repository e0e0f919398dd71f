"""How servers say what they do not take. Their words, from public reports."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents.models.refusals import needed_part, refused_part, without_words
from agents.models.told import told_in, without_sent

REQUEST: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "Be exact."},
        {"role": "user", "content": "One?"},
        {"role": "user", "content": "Two?"},
        {
            "role": "assistant",
            "content": None,
            "reasoning": "Hm.",
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "search", "arguments": "{}"},
                    "extra_content": {"google": {}},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "found"},
    ],
    "stream": True,
    "stream_options": {},
    "tools": [],
    "tool_choice": "required",
    "parallel_tool_calls": False,
    "temperature": 0.2,
    "top_p": 0.9,
    "max_tokens": 300,
    "reasoning_effort": "low",
    "stop": ["#"],
    "seed": 7,
    "response_format": {},
}


@pytest.mark.parametrize(
    ("said", "part"),
    [
        # OpenAI
        (
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            "max_tokens",
        ),
        ("Unsupported value: 'messages[0].role' does not support 'system' with this model.", "system"),
        (
            "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value",
            "temperature",
        ),
        ("Unsupported parameter: 'parallel_tool_calls' is not supported with this model.", "parallel_tool_calls"),
        ("Unrecognized request argument supplied: reasoning_effort", "reasoning_effort"),
        (
            "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.",
            "response_format",
        ),
        ("Unknown parameter: 'messages[3].reasoning'.", "attached:reasoning"),
        ("Unsupported parameter: 'stop' is not supported with this model.", "stop"),
        # Mistral
        (
            '[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]',
            "stream_options",
        ),
        ('[{"type":"extra_forbidden","loc":["body","tools"],"msg":"Extra inputs are not permitted"}]', "tools"),
        (
            '"loc":["body","messages",3,"assistant","reasoning"],"msg":"Extra inputs are not permitted"',
            "attached:reasoning",
        ),
        ("Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.", "tool_ids"),
        # vLLM, llama.cpp, Ollama, LM Studio, OpenRouter
        ('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set', "tools"),
        ("tools param requires --jinja flag", "tools"),
        ("Unsupported param: tools", "tools"),
        ("registry.ollama.ai/library/gemma3:4b does not support tools", "tools"),
        ("No endpoints found that support tool use. To learn more about provider routing, visit …", "tools"),
        ('"llama3.2" does not support thinking', "reasoning_effort"),
        ("Jinja Exception: System role not supported", "system"),
        ("Only user, assistant and tool roles are supported, got system.", "system"),
        ("Conversation roles must alternate user/assistant/user/assistant/...", "alternation"),
        ("'response_format.type' must be one of 'text', 'json_schema'", "response_format"),
        # Gemini
        (
            'Invalid JSON payload received. Unknown name "parallel_tool_calls": Cannot find field.',
            "parallel_tool_calls",
        ),
        ('Invalid JSON payload received. Unknown name "seed": Cannot find field.', "seed"),
        ("Developer instruction is not enabled for models/gemma-3-27b-it", "system"),
        ("Function calling with a response mime type: 'application/json' is unsupported", "response_format"),
        ("Input should be a valid string: messages.3.content is null", "null_content"),
        ("messages[3].content: invalid type: null, expected a string", "null_content"),
        ("Requests which include `tool_use` or `tool_result` blocks must define tools", "tools"),
        ("Unexpected role 'user' after role 'tool'", "user_after_tool"),
        ("Invalid schema for response_format 'answer': 'additionalProperties' is required", "response_format"),
        ("Cannot use custom grammar constraints with tools.", "response_format"),
        ("JSON schema conversion failed: unrecognized schema", "response_format"),
        ("After the (optional) system message(s), user or tool message(s) should alternate with", "alternation"),
        # LiteLLM, Fireworks, Bedrock, Databricks, Cerebras
        (
            "UnsupportedParamsError: openai does not support parameters: ['parallel_tool_calls'], for",
            "parallel_tool_calls",
        ),
        ("Extra inputs are not permitted, field: 'stream_options'", "stream_options"),
        ("This model doesn't support tool use.", "tools"),
        ("This model doesn't support tool use in streaming mode.", "stream"),
        ("Your organization must be verified to stream this model.", "stream"),
        ("Unsupported value: 'stream' does not support true with this model.", "stream"),
        ("This model doesn't support system messages. Try again without a system message", "system"),
        ('Bad request: json: unknown field "stream_options"', "stream_options"),
        ("property 'messages.3.assistant.reasoning' is unsupported", "attached:reasoning"),
        # Groq, xAI, Anthropic, DeepSeek
        ("Thinking may not be enabled when tool_choice forces tool use.", "tool_choice"),
        ("deepseek-reasoner does not support this tool_choice", "tool_choice"),
        ("('messages.3' : property 'reasoning' is unsupported)]", "attached:reasoning"),
        ("json mode cannot be combined with tool/function calling", "response_format"),
        ("Model grok-4 does not support parameter reasoningEffort.", "reasoning_effort"),
        ("`temperature` and `top_p` cannot both be specified for this model. Please use only one.", "top_p"),
        ("This response_format type is unavailable now", "response_format"),
        ('Unknown name "extra_content": Cannot find field.', "attached:extra_content"),
    ],
)
def test_case_106_refused_part_is_read_from_what_the_server_says(said: str, part: str) -> None:
    assert refused_part(said, REQUEST, ()) == part


@pytest.mark.parametrize(
    "said",
    [
        "The model `gpt-9` does not exist or you do not have access to it.",
        "Invalid schema for function 'search': tools are not supported with such a schema",
        "Your account is not active, please check your billing details.",
        "You exceeded your current quota.",
        "",
    ],
)
def test_refusal_of_the_whole_request_names_no_part(said: str) -> None:
    assert refused_part(said, REQUEST, ()) is None


def test_part_that_was_left_out_already_is_not_named_again() -> None:
    said = "Unsupported parameter: 'max_tokens' is not supported with this model."
    assert refused_part(said, REQUEST, {"max_tokens"}) is None
    assert refused_part(said, {key: value for key, value in REQUEST.items() if key != "max_tokens"}, ()) is None


def test_roles_that_alternate_already_mean_that_the_system_role_is_not_known() -> None:
    request = {**REQUEST, "messages": REQUEST["messages"][:2]}
    assert refused_part("Conversation roles must alternate user/assistant/user/assistant/...", request, ()) == "system"


@pytest.mark.parametrize(
    ("said", "part"),
    [
        ("The `reasoning_content` in the thinking mode must be passed back to the API.", "reasoning_content"),
        ("Missing `reasoning_content` field in the assistant message at message index 2.", "reasoning_content"),
        ("Function call is missing a thought_signature in functionCall parts.", "thought_signature"),
        ("Unknown parameter: 'messages[3].reasoning_content'.", None),
    ],
)
def test_needed_part_is_read_from_what_the_server_says(said: str, part: str | None) -> None:
    assert needed_part(said, ()) == part
    assert needed_part(said, {"reasoning_content", "thought_signature"}) is None


@pytest.mark.parametrize(
    "said",
    [
        "unexpected EOF while reading the response stream",
        "The system prompt cannot be revealed.",
        "Invalid schema for function 'search': streaming tools are not supported",
        "Unknown name \"novel\" at 'tools[0].function.parameters': Cannot find field.",  # no word of the schema sent
    ],
)
def test_what_only_sounds_like_a_refusal_names_no_part(said: str) -> None:
    assert refused_part(said, REQUEST, ()) is None


def test_refused_choice_of_a_tool_leaves_the_tools() -> None:
    said = "tool choice 'required' is not supported"
    assert refused_part(said, REQUEST, ()) == "tool_choice"
    assert refused_part(said, REQUEST, {"tool_choice"}) is None


SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"$schema": {"type": "string"}, "at": {"anyOf": [{"type": "integer", "$schema": "x"}]}},
}


@pytest.mark.parametrize(
    "said",
    [
        "Invalid JSON payload received. Unknown name \"$schema\" at 'tools[0].function.parameters': Cannot find field.",
        '[{"type":"extra_forbidden","loc":["body","tools",0,"function","parameters","$schema"],"msg":"Extra inputs"}]',
    ],
)
def test_word_of_a_schema_that_is_refused_leaves_the_tool(said: str) -> None:
    request = {**REQUEST, "tools": [{"type": "function", "function": {"name": "search", "parameters": SCHEMA}}]}
    assert refused_part(said, request, ()) == "schema:$schema"
    assert refused_part(said, request, {"schema:$schema"}) is None
    assert without_words(SCHEMA, {"$schema"}) == {
        "type": "object",
        "properties": {"$schema": {"type": "string"}, "at": {"anyOf": [{"type": "integer"}]}},
    }


def test_fields_of_a_history_that_are_left_out_are_bounded() -> None:
    said = "Unknown parameter: 'messages[3].reasoning'."
    assert refused_part(said, REQUEST, [f"attached:{number}" for number in range(32)]) is None


@pytest.mark.parametrize(
    "body",
    [
        {"detail": [{"msg": "Value error", "loc": ["body"], "input": "tools are not supported by Ollama"}]},
        {"message": "1 validation error: [{'msg': 'Value error', 'input': 'tools are not supported by Ollama'}]"},
        {"error": {"message": "Bad words: 'tools are not supported by Ollam...'"}},
        {"error": {"message": "Bad words: tools are not supported by Ollama"}},
    ],
)
def test_what_a_server_repeats_of_a_request_is_no_refusal(body: object) -> None:
    sent = {"messages": [{"role": "user", "content": "It says:\ntools are not supported by Ollama\nWhy?"}]}
    said = without_sent(told_in(json.dumps(body)), sent)
    assert "tools" not in said
    assert without_sent("m does not support tools", sent) == "m does not support tools"

"""How servers say that a prompt is too long. Their words, from public reports."""

from __future__ import annotations

import pytest

from agents.models.windows import Overflow, read_output_limit, read_overflow


@pytest.mark.parametrize(
    ("said", "window", "prompt"),
    [
        # OpenAI, DeepSeek, vLLM of 2024
        (
            "This model's maximum context length is 2048 tokens. However, you requested 6616 tokens (568 in the "
            "messages, 6048 in the completion). Please reduce the length of the messages or completion.",
            2048,
            568,
        ),
        (
            "This model's maximum context length is 4097 tokens. However, your messages resulted in 7575 tokens. "
            "Please reduce the length of the messages.",
            4097,
            7575,
        ),
        (
            "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300001 tokens.",
            272_000,
            300_001,
        ),
        # vLLM of 2025
        (
            "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length is 8192 "
            "tokens and your request has 500 input tokens (32000 > 8192 - 500).",
            8192,
            500,
        ),
        (
            "You passed 2049 input tokens and requested 1000 output tokens. However, the model's context length is "
            "only 2048 tokens",
            2048,
            2049,
        ),
        # llama.cpp, old and new
        (
            '{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it",'
            '"type":"exceed_context_size_error","n_prompt_tokens":1407,"n_ctx":256}}',
            256,
            1407,
        ),
        ("request (5129 tokens) exceeds the available context size (4096 tokens), try increasing it", 4096, 5129),
        ("Requested tokens (2285) exceed context window of 2048", 2048, None),
        # LM Studio
        (
            "Trying to keep the first 14538 tokens when context the overflows. However, the model is loaded with "
            "context length of only 2048 tokens, which is not enough. Try to load the model with a larger context "
            "length, or provide a shorter input",
            2048,
            14538,
        ),
        (
            "The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 13055>= "
            "n_ctx: 4096). Try to load the model with a larger context length, or provide a shorter input.",
            4096,
            13055,
        ),
        # Anthropic, Mistral, Gemini, xAI, Groq, text-generation-inference
        ("prompt is too long: 202095 tokens > 200000 maximum", 200_000, 202_095),
        (
            "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
            32_768,
            40_000,
        ),
        (
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            1_048_576,
            1_200_000,
        ),
        (
            "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
            131_072,
            537_812,
        ),
        (
            "Request too large for model `llama-3.1-8b-instant` on tokens per minute (TPM): Limit 6000, Requested "
            "7012, please reduce your message size and try again.",
            6000,
            7012,
        ),
        (
            "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048. Given: 3000 `inputs` tokens "
            "and 100 `max_new_tokens`",
            2048,
            3000,
        ),
        # Ollama, LM Studio's MLX, Bedrock: without a number
        ("prompt too long; exceeded max context length by 512 tokens", None, None),
        ("Context size has been exceeded.", None, None),
        ("Input is too long for requested model.", None, None),
        ("maximum context length is 131,072 tokens", 131_072, None),
    ],
)
def test_case_107_window_and_prompt_are_read_from_a_refusal(said: str, window: int | None, prompt: int | None) -> None:
    assert read_overflow(said) == Overflow(window, prompt)


def test_code_alone_is_enough() -> None:
    assert read_overflow("no", "context_length_exceeded") == Overflow()


@pytest.mark.parametrize(
    "said",
    [
        "Unsupported parameter: 'max_tokens' is not supported with this model.",
        "Rate limit reached for requests per day. Limit 200, Used 200.",
        "Invalid schema for function 'search'",
        "The model `gpt-9` does not exist",
    ],
)
def test_refusal_for_another_reason_says_nothing_of_the_window(said: str) -> None:
    assert read_overflow(said) is None


@pytest.mark.parametrize(
    ("said", "most"),
    [
        ("max_tokens is too large: 20000. This model supports at most 16384 completion tokens", 16_384),
        ("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", 8192),
        ("`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is …", 8192),
        ("max_tokens: 10000 > 8192, which is the maximum allowed number of output tokens", 8192),
        ('"loc":["body","max_tokens"],"msg":"Input should be less than or equal to 4096"', 4096),
        ("This model's maximum context length is 2048 tokens.", None),
    ],
)
def test_longest_answer_is_read_from_a_refusal(said: str, most: int | None) -> None:
    assert read_output_limit(said) == most

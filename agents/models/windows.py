"""Read what a server says when a prompt is longer than its context window; each words it in its own way."""

from __future__ import annotations

import re
from dataclasses import dataclass

WINDOWS = range(64, 50_000_000)  # what a number must lie in to be taken for one

CODES = frozenset({"context_length_exceeded", "exceed_context_size_error"})
WORDS = re.compile(
    r"context[ _]?(length|window|size)|n_ctx|prompt is too long|input is too long|prompt too long|too many tokens"
    r"|input token count|maximum prompt length|reduce the length of|request too large|max_num_tokens"
    r"|`inputs` tokens|input tokens exceed",
    re.IGNORECASE,
)

# The window, by server: llama.cpp, LM Studio; OpenAI, vLLM, DeepSeek; LM Studio; llama.cpp; Anthropic; Mistral;
# Gemini; xAI; OpenAI; llama-cpp-python; vLLM, Ollama and others; text-generation-inference; Together; Groq.
WINDOW = [
    r'"?n_ctx"?\s*[:=]\s*(\d+)',
    r"maximum context length (?:is|of) (\d+)",
    r"context length of only (\d+)",
    r"context size \((\d+)",
    r"tokens? > (\d+) maximum",
    r"(\d+) maximum context length",
    r"tokens allowed \((\d+)\)",
    r"maximum prompt length is (\d+)",
    r"configured limit of (\d+)",
    r"context window of (\d+)",
    r"context (?:length|window|size|limit)(?! by)[^\d.]{0,30}?(\d+)",
    r"must be <= (\d+)",
    r"max_num_tokens \((\d+)",
    r"Limit (\d+), Requested",
]
# The prompt's own length, likewise.
PROMPT = [
    r'"?n_prompt_tokens"?\s*[:=]\s*(\d+)',
    r"n_keep: (\d+)",
    r"\((\d+) in (?:the messages|your prompt)",
    r"request \((\d+) tokens\)",
    r"(?:request has|passed|contains|resulted in|the first|is too long:|Given:|token count \() ?(\d+)",
    r"Requested (\d+)",
]
# How much a model writes at most, when more was asked for: OpenAI, DeepSeek, Groq, Anthropic, Mistral.
OUTPUT = [
    r"at most (\d+) completion tokens",
    r"valid range of max_tokens is \[\d+, ?(\d+)\]",
    r"max(?:_completion)?_tokens`? must be less than or equal to `?(\d+)",
    r"max_tokens: \d+ > (\d+)",
    r"max_tokens\b.{0,80}less than or equal to (\d+)",
]


@dataclass(frozen=True, slots=True)
class Overflow:
    """A prompt was too long. Either number is in the server's tokens, and None when it did not say."""

    window: int | None = None
    prompt: int | None = None


def read_overflow(said: str, code: str = "") -> Overflow | None:
    """Return what a refusal says of the window, or None if it is about something else."""
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", said)
    if code not in CODES and not any(kind in plain for kind in CODES) and not WORDS.search(plain):
        return None
    return Overflow(_first(WINDOW, plain), _first(PROMPT, plain))


def read_output_limit(said: str) -> int | None:
    """Return how many tokens a model writes at most, if that is what a refusal says."""
    return _first(OUTPUT, said)


def _first(patterns: list[str], said: str) -> int | None:
    for pattern in patterns:
        if (found := re.search(pattern, said, re.IGNORECASE)) and int(found[1]) in WINDOWS:
            return int(found[1])
    return None

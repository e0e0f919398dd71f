"""Estimate tokens, and choose from a long conversation what a model's context window holds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from agents.messages import AssistantMessage, Message, ToolMessage, UserMessage

# Chinese, Japanese and Korean: a token to a character at least, where other scripts have several characters to one.
DENSE = re.compile(r"[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U0001f000-\U0003ffff]")
BYTES_PER_TOKEN = 4
CUT_LEAST = 200  # characters that are left of a text that has to be cut
CUT_MARK = " […]"


def estimate_tokens(*parts: Message | str) -> int:
    """Roughly: four bytes of UTF-8 to a token, a token to each character of a dense script, four around each part."""
    return sum(4 + estimate_text(text) for text in map(_all_text, parts))


def estimate_text(text: str) -> int:
    if text.isascii():
        return len(text) // BYTES_PER_TOKEN
    rest, dense = DENSE.subn("", text)
    return dense + len(rest.encode(errors="replace")) // BYTES_PER_TOKEN


def _all_text(part: Message | str) -> str:
    match part:
        case str():
            return part
        case UserMessage(text, passages):
            return text + "".join(passage.title + passage.text for passage in passages)
        case AssistantMessage(text, calls):
            called = "".join(call.name + call.arguments + _told(call.attached) for call in calls)
            return text + called + (_told(part.attached) if calls else "")
        case ToolMessage():
            return part.text


def _told(attached: Mapping[str, object]) -> str:
    return str(attached) if attached else ""


def fit_messages(messages: Sequence[Message], *, prompt_at: int, tokens: int, cut: bool = False) -> tuple[Message, ...]:
    """Return what fits in `tokens`, by estimate.

    First passages of the prompt go, from the last one on, but never all; then the oldest exchanges of the history,
    whole; then the oldest turns since the prompt, so that no tool call loses its results. The prompt itself and the
    last turn are always among them; where these alone are too long, `cut` shortens their passages and results.
    """
    fewer = _fewer_passages(messages, prompt_at, estimate_tokens(*messages) - tokens)
    kept = _newest(fewer, prompt_at, tokens)
    over = estimate_tokens(*kept) - tokens
    return _shortened(kept, over) if cut and over > 0 else kept


def _fewer_passages(messages: Sequence[Message], prompt_at: int, over: int) -> list[Message]:
    prompt = messages[prompt_at]
    assert isinstance(prompt, UserMessage)
    passages = list(prompt.passages)
    while over > 0 and len(passages) > 1:
        last = passages.pop()
        over -= estimate_text(last.title + last.text)
    fewer = list(messages)
    fewer[prompt_at] = prompt if len(passages) == len(prompt.passages) else replace(prompt, passages=tuple(passages))
    return fewer


def _newest(messages: Sequence[Message], prompt_at: int, tokens: int) -> tuple[Message, ...]:
    starts = {0, prompt_at} | {
        at
        for at, message in enumerate(messages)
        if isinstance(message, UserMessage if at < prompt_at else AssistantMessage)
    }
    ordered = sorted(starts)
    blocks = [tuple(messages[a:b]) for a, b in zip(ordered, [*ordered[1:], len(messages)], strict=True)]
    kept = {ordered.index(prompt_at), len(blocks) - 1}
    room = tokens - sum(estimate_tokens(*blocks[at]) for at in kept)
    for at in sorted(set(range(len(blocks))) - kept, reverse=True):
        room -= estimate_tokens(*blocks[at])
        if room < 0:
            break
        kept.add(at)
    return tuple(message for at in sorted(kept) for message in blocks[at])


def _shortened(messages: tuple[Message, ...], over: int) -> tuple[Message, ...]:
    """Cut the longest results of tools, or passages, by `over` tokens, each to no less than a few lines."""
    shorter = list(messages)
    while over > 0:
        lengths = {at: _cuttable(message) for at, message in enumerate(shorter)}
        at = max(lengths, key=lambda each: lengths[each])
        if lengths[at] <= CUT_LEAST:
            break
        cut = _cut(shorter[at], max(CUT_LEAST, lengths[at] - max(lengths[at] // 4, 1)))
        over -= estimate_tokens(shorter[at]) - estimate_tokens(cut)
        shorter[at] = cut
    return tuple(shorter)


def _cuttable(message: Message) -> int:
    match message:
        case ToolMessage():
            return len(message.text)
        case UserMessage(_, (passage, *_)):
            return len(passage.text)
        case _:
            return 0


def _cut(message: Message, characters: int) -> Message:
    match message:
        case ToolMessage():
            return replace(message, text=message.text[: characters - len(CUT_MARK)] + CUT_MARK)
        case UserMessage(_, (passage, *others)):
            shorter = replace(passage, text=passage.text[:characters])
            return replace(message, passages=(shorter, *others))
        case _:
            return message

"""Estimate tokens, and choose from a long conversation what a model's context window holds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from agents.messages import AssistantMessage, Message, ToolMessage, UserMessage
from agents.models.settings import ModelSettings
from agents.parts import ImagePart, Part

# Chinese, Japanese and Korean: a token to a character at least, where other scripts have several characters to one.
DENSE = re.compile(r"[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U0001f000-\U0003ffff]")
BYTES_PER_TOKEN = 4
IMAGE_TOKENS = 1_000  # OpenAI counts some 800 for one of 1024 x 1024 pixels, Anthropic 1,600 at most
FILE_BYTES_PER_TOKEN = 32  # of what is no text: a page of a PDF has some 30 to 60 kB, and is read as text and image
ANSWER_SHARE = 4  # a quarter of the context window is left for the answer, or less where it may be no longer
SHRINKS_MOST = 4  # how often a prompt is cut because a model found it too long
CUT_LEAST = 200  # characters that are left of a text that has to be cut
CUT_MARK = " […]"


def estimate_tokens(*parts: Message | str) -> int:
    """Roughly: four bytes of UTF-8 to a token, a token to each character of a dense script, four around each part;
    IMAGE_TOKENS for an image, and for a file by its size.
    """
    return sum(4 + estimate_text(_all_text(part)) + _beside_text(part) for part in parts)


def estimate_text(text: str) -> int:
    return weigh(text) // BYTES_PER_TOKEN


def weigh(text: str) -> int:
    """Return the bytes that count, so that many short texts can be added up before they are made tokens."""
    if text.isascii():
        return len(text)
    rest, dense = DENSE.subn("", text)
    return dense * BYTES_PER_TOKEN + len(rest.encode(errors="replace"))


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


def _beside_text(message: Message | str) -> int:
    return sum(map(_part_tokens, message.parts)) if isinstance(message, UserMessage) else 0


def _part_tokens(part: Part) -> int:
    if isinstance(part, ImagePart):
        return IMAGE_TOKENS
    return len(part.data) // (BYTES_PER_TOKEN if part.media_type.startswith("text/") else FILE_BYTES_PER_TOKEN)


def _told(attached: Mapping[str, object]) -> str:
    return str(attached) if attached else ""


def fit_messages(messages: Sequence[Message], *, prompt_at: int, tokens: int, cut: bool = False) -> tuple[Message, ...]:
    """Return what fits in `tokens`, by estimate.

    First whole passages of the prompt go, from the highest number on, but never all; then the oldest exchanges of the
    history, whole; then the oldest turns since the prompt, so that no tool call loses its results. The prompt itself
    and the last turn are always among them; where these alone are too long, `cut` shortens their passages and results.
    """
    fewer = _fewer_passages(messages, prompt_at, estimate_tokens(*messages) - tokens)
    kept = _newest(fewer, prompt_at, tokens)
    over = estimate_tokens(*kept) - tokens
    return _shortened(kept, over) if cut and over > 0 else kept


class Room:
    """How much of a conversation a model is sent, as far as anybody knows its window."""

    def __init__(self, model: object) -> None:
        self._model = model
        self._window: int | None = None  # as the model's refusal said
        self._most: int | None = None  # tokens, once those that were sent turned out to be too many
        self._cut = True  # texts that are too long by themselves
        self._shrinks = 0
        self._answer: int | None = None
        self._beside = 0
        self.left_out = 0  # passages of the prompt that were not sent

    def set(self, settings: ModelSettings, *, beside: int) -> None:
        """Take what is sent `beside` the messages, in tokens, and how long an answer may be."""
        self._beside = beside
        self._answer = settings.over(getattr(self._model, "settings", None)).max_tokens

    def fit(self, messages: Sequence[Message], *, prompt_at: int) -> tuple[Message, ...]:
        tokens = self._tokens()
        if tokens is None:
            return tuple(messages)
        fitting = fit_messages(messages, prompt_at=prompt_at, tokens=tokens, cut=self._cut)
        self.left_out = _passages_of(messages) - _passages_of(fitting)
        return fitting

    def shrink(
        self, messages: Sequence[Message], *, prompt_at: int, sent: Sequence[Message], window: int | None
    ) -> bool:
        """Send less than was `sent` from now on: what the `window` holds, where the model has said so, and otherwise
        half as much. False when that is no less, or was done often enough.
        """
        tokens = estimate_tokens(*sent)
        learned = window is not None and self._window is None
        self._window = window or self._window
        self._most = None if learned else tokens // 2
        self._cut = learned  # half is a guess, for which no text is cut in two unless nothing else helps
        if estimate_tokens(*self.fit(messages, prompt_at=prompt_at)) >= tokens:
            self._most, self._cut = tokens // 2, True
        self._shrinks += 1
        less = estimate_tokens(*self.fit(messages, prompt_at=prompt_at)) < tokens
        return less and self._shrinks <= SHRINKS_MOST

    def _tokens(self) -> int | None:
        known = (getattr(self._model, name, None) for name in ("window_estimate", "window_tokens"))
        window = next(filter(None, known), self._window)
        if window is None:
            return self._most
        held = window - min(window // ANSWER_SHARE, self._answer or window) - self._beside
        return held if self._most is None else min(held, self._most)


def _passages_of(messages: Sequence[Message]) -> int:
    return sum(len(message.passages) for message in messages if isinstance(message, UserMessage))


def _fewer_passages(messages: Sequence[Message], prompt_at: int, over: int) -> list[Message]:
    prompt = messages[prompt_at]
    assert isinstance(prompt, UserMessage)
    passages = list(prompt.passages)
    while over > 0 and len(passages) > 1:
        least = max(passages, key=lambda passage: passage.marker)
        passages.remove(least)
        over -= estimate_text(least.title + least.text)
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

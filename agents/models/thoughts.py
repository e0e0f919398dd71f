"""Tell what a model thinks from what it says, where a server sends both as one text: `<think>…</think>answer`."""

from __future__ import annotations

from collections.abc import Iterator

from agents.events import TextDelta, TextWithdrawn, ThinkingDelta

# How models open and close their thoughts: Qwen and DeepSeek R1; others that were told to; Seed; Magistral; Kimi.
TAGS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "<seed:think>": "</seed:think>",
    "[THINK]": "[/THINK]",
    "◁think▷": "◁/think▷",
}
# What may end thoughts that nothing opened, since the prompt's template had written the opening tag already.
CLOSERS = ("</think>", "</thinking>", "[/THINK]", "◁/think▷")

PIECE_CHARACTERS = 4_096  # of a text that are looked at in one go
BLANKS_MOST = 1_000  # characters, after which what comes is no tag
CLOSING = frozenset(closer[0] for closer in CLOSERS)

Said = TextDelta | ThinkingDelta | TextWithdrawn


class ThoughtSplitter:
    """Splits a streamed text. A tag opens thoughts only at the beginning of an answer; elsewhere, and in code, it is
    text like any other. What might still become a tag is held back until it is clear.

    A closing tag that nothing opened makes all before it a thought, where it has a line of its own or ends one before a
    blank line, as templates put it; elsewhere it is quoted. What was shown is withdrawn. For a model that is known to
    close only (`closes_only`) nothing has to be, since it begins thinking.
    """

    def __init__(self, *, closes_only: bool = False) -> None:
        self.closed_unopened: bool | None = None  # whether the model closes only, once this text has shown it
        self._assumed = closes_only
        self._closers: tuple[str, ...] = CLOSERS if closes_only else ()
        self._state = "thinking" if closes_only else "start"
        self._held = ""
        self._shown: list[str] = []  # of the answer, as long as it may turn out to have been a thought
        self._may_close = True
        self._in_line = False  # whether something was shown of the line that goes on
        self._thought = False
        self._assumed_thoughts: list[str] = []

    def feed(self, text: str) -> Iterator[Said]:
        for at in range(0, len(text), PIECE_CHARACTERS):
            yield from self._feed(text[at : at + PIECE_CHARACTERS])

    def _feed(self, text: str) -> Iterator[Said]:
        self._held += text
        before = None
        while self._held and before != (self._held, self._state):
            before = (self._held, self._state)
            match self._state:
                case "start":
                    self._start()
                case "thinking":
                    yield from self._think()
                case _:
                    yield from self._say()

    def end(self, *, cut: bool) -> Iterator[Said]:
        """Return what was held back. Thoughts that were never closed are all there was, and the answer is empty; only
        a model that was assumed to think has then answered without thinking, unless it was `cut` short.
        """
        if self._state == "said" and self._may_close:
            yield from self._say(ended=True)
        held, self._held = self._held, ""
        if self._state != "thinking":
            if held and not (self._thought and held.isspace()):
                yield TextDelta(held)
            return
        if held:
            yield ThinkingDelta(held)
        if self._assumed and not cut:
            self.closed_unopened = False
            yield TextDelta("".join([*self._assumed_thoughts, held]))

    def _start(self) -> None:
        begun = self._held.lstrip()
        for opener, closer in TAGS.items():
            if begun.startswith(opener):
                self._held = begun[len(opener) :]
                self._state, self._closers, self._may_close = "thinking", (closer,), False
                return
        blanks = len(self._held) - len(begun)
        if blanks > BLANKS_MOST or (begun and not any(opener.startswith(begun) for opener in TAGS)):
            self._state = "said"
            if self._thought:  # the blank lines between thoughts and answer are no part of it
                self._held = begun

    def _think(self) -> Iterator[Said]:
        at, closer = _first(self._held, self._closers)
        if at >= 0:
            thought, self._held = self._held[:at], self._held[at + len(closer) :].lstrip()
            self.closed_unopened = self._assumed or None
            self._state, self._assumed, self._may_close, self._thought = "start", False, False, True
        else:
            keep = _begun(self._held, self._closers)
            thought, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        if thought:
            if self._assumed:
                self._assumed_thoughts.append(thought)
            yield ThinkingDelta(thought)

    def _say(self, *, ended: bool = False) -> Iterator[Said]:
        if not self._may_close:
            text, self._held = self._held, ""
            yield TextDelta(text)
            return
        if CLOSING.isdisjoint(self._held):
            yield from self._pass(len(self._held))
            return
        at, closer = _first(self._held, CLOSERS)
        if at < 0:
            yield from self._pass(len(self._held) - _begun(self._held, CLOSERS))
            return
        closes = self._closes(at, closer, ended=ended)
        if closes:
            yield from self._close(at, closer)
        elif closes is False:
            yield from self._pass(at + len(closer))
        else:
            yield from self._pass(at)

    def _pass(self, count: int) -> Iterator[Said]:
        text, self._held = self._held[:count], self._held[count:]
        if text:
            self._shown.append(text)
            self._in_line = self._begins_line(text) is False
            yield TextDelta(text)

    def _begins_line(self, text: str) -> bool:
        """Return whether what follows the text stands at the beginning of a line, but for blanks."""
        _, end, line = text.rpartition("\n")
        return not line.strip() and bool(end or not self._in_line)

    def _closes(self, at: int, closer: str, *, ended: bool) -> bool | None:
        """Return whether a tag stands where templates put one, or None as long as that is not clear."""
        after = self._held[at + len(closer) :]
        line, end, next_line = after.lstrip(" \t").partition("\n")
        if line or len(after) > BLANKS_MOST:
            return False
        if self._begins_line(self._held[:at]):
            return True if end or ended else None
        if next_line.lstrip(" \t").startswith("\n"):
            return True
        return False if ended or next_line.strip() else None

    def _close(self, at: int, closer: str) -> Iterator[Said]:
        """A closing tag has come: unless it is quoted, or an opening one was mentioned, all before was thought."""
        shown, self._may_close = "".join(self._shown), False
        before = shown + self._held[:at]
        if _in_code(before) or any(opener in before for opener in TAGS):
            return
        self._held = self._held[at + len(closer) :].lstrip()
        self.closed_unopened, self._state, self._thought, self._shown = True, "start", True, []
        if shown:
            yield TextWithdrawn(shown)
        yield ThinkingDelta(before)


def _first(text: str, tags: tuple[str, ...]) -> tuple[int, str]:
    """Return where the first of the tags stands, and which; -1 when none does."""
    found = [(at, tag) for tag in tags if (at := text.find(tag)) >= 0]
    return min(found, default=(-1, ""))


def _begun(text: str, tags: tuple[str, ...]) -> int:
    """Return how many characters at the end of the text may be the beginning of a tag."""
    longest = max(map(len, tags)) - 1
    if not any(tag[0] in text[-longest:] for tag in tags):
        return 0
    for length in range(min(longest, len(text)), 0, -1):
        if any(tag.startswith(text[-length:]) for tag in tags):
            return length
    return 0


def _in_code(text: str) -> bool:
    """Return whether what follows the text stands in a code block or in a code span."""
    if text.count("```") % 2:
        return True
    return text.rpartition("\n")[2].count("`") % 2 == 1

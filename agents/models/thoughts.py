"""Tell what a model thinks from what it says, where a server sends both as one text: `<think>…</think>answer`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.events import TextDelta, TextWithdrawn, ThinkingDelta

# How models open and close their thoughts: Qwen and DeepSeek R1; others that were told to; Seed; Magistral; Kimi.
NAMES = ("think", "thinking", "thought", "reasoning", "seed:think")
TAGS = {f"<{name}>": f"</{name}>" for name in NAMES} | {"[THINK]": "[/THINK]", "◁think▷": "◁/think▷"}
_ATTRIBUTES = r"(?:[ \t]+[^<>\n=]{1,40}=[^<>\n]{1,150})?[ \t]*"
OPENER = re.compile(rf"<(?P<name>(?i:{'|'.join(NAMES)})){_ATTRIBUTES}>|\[THINK\]|◁think▷")
# What may end thoughts that nothing opened, since the prompt's template had written the opening tag already.
CLOSER = re.compile(r"</(?i:think|thinking)[ \t]*>|\[/THINK\]|◁/think▷")
# What may still become a tag: the beginning of one, or one whose attributes have not come to an end.
BEGINNINGS = frozenset(tag[:length] for pair in TAGS.items() for tag in pair for length in range(1, len(tag)))
UNENDED = re.compile(rf"<(?:{'|'.join(NAMES)})[ \t][^<>\n]{{0,190}}|</(?:{'|'.join(NAMES)})[ \t]{{1,9}}", re.IGNORECASE)
FIRSTS = "<[◁"

PIECE_CHARACTERS = 4_096  # of a text that are looked at in one go
BLANKS_MOST = 1_000  # characters, after which what comes is no tag
ENDS = ".!?:;…。！？)*"  # of what may stand before thoughts on their line; elsewhere a tag may be a word of a sentence

Said = TextDelta | ThinkingDelta | TextWithdrawn


class ThoughtSplitter:
    """Splits a streamed text. A tag opens thoughts wherever it stands, but for code; one in them opens more, that must
    be closed too. What might still become a tag is held back until it is clear.

    A closing tag that nothing opened makes all before it a thought, where it has a line of its own or ends one before a
    blank line, as templates put it; elsewhere it is quoted. What was shown is withdrawn. For a model that is known to
    close only (`closes_only`) nothing has to be, since it begins thinking.
    """

    def __init__(self, *, closes_only: bool = False) -> None:
        self.closed_unopened: bool | None = None  # whether the model closes only, once this text has shown it
        self._assumed = closes_only
        self._tags = CLOSER  # that are looked for in thoughts
        self._depth = 1
        self._state = "thinking" if closes_only else "start"
        self._held = ""
        self._shown: list[str] = []  # of the answer, as long as it may turn out to have been a thought
        self._last = ""  # character that was shown
        self._code = CodeFollower()
        self._may_close = True
        self._in_line = False  # whether something was shown of the line that goes on
        self._thought = False
        self._returned: list[str] = []  # thoughts that turn out to be the answer when nothing closes them
        self._returns = closes_only

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
        """Return what was held back. Thoughts that were never closed are all there was, unless the answer was not `cut`
        short and they can't have been any: a model that was assumed to think has then answered without thinking, a
        sentence named the tag, or thoughts did.
        """
        if self._state == "said":
            yield from self._say(ended=True)
        held, self._held = self._held, ""
        if self._state != "thinking":
            if held and not (self._thought and held.isspace()):
                yield TextDelta(held)
            return
        if held:
            yield ThinkingDelta(held)
        if self._returns and not cut:
            self.closed_unopened = False if self._assumed else self.closed_unopened
            text = "".join([*self._returned, held])
            if text := text if self._last or self._assumed else text.lstrip():
                yield TextDelta(text)

    def _start(self) -> None:
        begun = self._held.lstrip()
        blanks = self._held[: len(self._held) - len(begun)]
        if opener := OPENER.match(begun):
            self._held = begun
            self._open(opener)
        elif len(blanks) > BLANKS_MOST or (begun and _unfinished(begun) < len(begun)):
            self._state = "said"
            if self._thought:
                self._held = self._joint(blanks) + begun

    def _joint(self, blanks: str) -> str:
        """Return which of the blanks behind thoughts are part of the answer: those that it has not before them."""
        has_them = self._last in ("", "\n") or (self._last.isspace() and "\n" not in blanks)
        return "" if has_them else blanks

    def _open(self, opener: re.Match[str]) -> None:
        """Begin to think, at a tag at the beginning of what is held."""
        name = opener["name"]
        closer = rf"</(?i:{name})[ \t]*>" if name else re.escape(TAGS[opener[0]])
        again = rf"<(?i:{name}){_ATTRIBUTES}>" if name else re.escape(opener[0])
        self._tags = re.compile(f"{closer}|(?P<again>{again})")
        self._held = self._held[len(opener[0]) :]
        self._state, self._depth, self._may_close, self._shown = "thinking", 1, False, []
        self._returned, self._returns = [opener[0]], self._in_line and self._code.before not in ENDS

    def _think(self) -> Iterator[Said]:
        tag = self._tags.search(self._held)
        if tag is None:
            keep = _unfinished(self._held)
            thought, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        elif tag.groupdict().get("again"):
            self._depth += 1
            thought, self._held = self._held[: tag.end()], self._held[tag.end() :]
        elif self._depth > 1:
            self._depth -= 1
            thought, self._held = self._held[: tag.end()], self._held[tag.end() :]
        else:
            thought, self._held = self._held[: tag.start()], self._held[tag.end() :]
            self.closed_unopened = self._assumed or self.closed_unopened
            self._state, self._assumed, self._may_close, self._thought = "start", False, False, True
            self._returns = False
        if thought:
            self._returned.append(thought)
            yield ThinkingDelta(thought)
        if tag is not None and self._state == "thinking" and not tag.groupdict().get("again"):
            self._returned, self._returns = [], True  # thoughts named a tag, if no other one closes them

    def _say(self, *, ended: bool = False) -> Iterator[Said]:
        if not any(first in self._held for first in FIRSTS):
            yield from self._pass(len(self._held))
            return
        closer = CLOSER.search(self._held) if self._may_close else None
        opener = OPENER.search(self._held, 0, closer.start() if closer else len(self._held))
        if opener is not None:
            yield from self._meet(opener)
        elif closer is None:
            yield from self._pass(len(self._held) - (0 if ended else _unfinished(self._held)))
        elif closes := self._closes(closer.start(), closer[0], ended=ended):
            yield from self._close(closer.start(), closer[0])
        else:
            yield from self._pass(closer.start() if closes is None else closer.end())

    def _meet(self, opener: re.Match[str]) -> Iterator[Said]:
        """Show what stands before a tag, and the tag as well when that is code."""
        tag = len(opener[0])
        yield from self._pass(opener.start())
        if self._code.is_inside():
            yield from self._pass(tag)
        elif again := OPENER.match(self._held):
            self._open(again)

    def _pass(self, count: int) -> Iterator[Said]:
        text, self._held = self._held[:count], self._held[count:]
        if text:
            if self._may_close:
                self._shown.append(text)
            self._last = text[-1]
            self._code.feed(text)
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
        if _in_code(before) or OPENER.search(before):
            return
        self._held = self._held[at + len(closer) :].lstrip()
        self.closed_unopened, self._state, self._thought, self._shown = True, "start", True, []
        self._last, self._in_line, self._code = "", False, CodeFollower()
        if shown:
            yield TextWithdrawn(shown)
        yield ThinkingDelta(before)


class CodeFollower:
    """Follows a text as it comes, to say whether it stands in a block or a span of code."""

    def __init__(self) -> None:
        self.before = ""  # the last character that is no blank
        self._fence = ""
        self._span = 0  # ticks that opened it
        self._ticks = ""  # at the end, which may go on
        self._begins = True  # whether nothing but marks of lists and quotes stands before, on the line

    def feed(self, text: str) -> None:
        for part in re.findall(r"`+|~+|\n|[^`~\n]+", text):
            if self._ticks and part[0] == self._ticks[0]:
                self._ticks += part
                continue
            self._settle()
            if part[0] in "`~":
                self._ticks = part
            elif part == "\n":
                self._span, self._begins = 0, True
            elif part.strip(" \t>-*+.0123456789"):
                self._begins = False
        self.before = text.rstrip()[-1:] or self.before

    def is_inside(self) -> bool:
        """Return whether what follows, which is no tick, is code."""
        self._settle()
        return bool(self._fence or self._span)

    def _settle(self) -> None:
        ticks, self._ticks = self._ticks, ""
        if not ticks:
            return
        if self._begins and len(ticks) >= 3:
            if not self._fence:
                self._fence = ticks
            elif ticks.startswith(self._fence):
                self._fence = ""
        elif not self._fence and ticks[0] == "`" and self._span in (0, len(ticks)):
            self._span = 0 if self._span else len(ticks)
        self._begins = False


def _unfinished(text: str) -> int:
    """Return how many characters at the end of the text may be the beginning of a tag."""
    at = max(map(text.rfind, FIRSTS))
    tail = text[at:] if at >= 0 else ""
    return len(tail) if tail in BEGINNINGS or tail.lower() in BEGINNINGS or UNENDED.fullmatch(tail) else 0


def _in_code(text: str) -> bool:
    """Return whether what follows the text stands in a code block or in a code span."""
    if text.count("```") % 2:
        return True
    return text.rpartition("\n")[2].count("`") % 2 == 1

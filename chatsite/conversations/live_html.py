"""The stream of an answer as the chat page takes it: what the server renders, as soon as it is certain.

Instead of the answer's Markdown the page is sent, in this order and again and again:

- `open {html, depth}`: an element in which text grows; `depth` as in `html`;
- `text {text}`: more of that text, as it was written (Markdown's signs included);
- `citation {html}`: the chip of a marker, behind that text;
- `html {html, depth, again}`: safe HTML of blocks that have ended, in place of the open element. It goes to the end of
  what is there, or `depth` last children deep into that; `again`: in place of the block at the end;
- `kept {}`: what is open has ended, and stays as it is (a block of code).

Besides, `supported {}` comes with the first citation (with the first word of a fixed answer, or where the site takes
any text for an answer), `withdrawn {}` takes back all that was written, and `quoted {html}` has its text rendered, with
the sources as its markers' links. What is sent to a program is left out: `small_talk`, sources, and the body of `done`.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language, override

from chatsite.answering.answer import Answer
from chatsite.answering.sight import CitationView
from chatsite.answering.telling import Event
from chatsite.conversations.markdown import MarkdownReading, answer_html, citation_html
from chatsite.conversations.open_blocks import ITEM, Finished, OpenBlocks

ACCEPT = "text/event-stream;html=1"

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_NEWLINE = re.compile(r"\r\n?")
_FENCE = re.compile(r"(?P<marker>`{3,})[^`\n]*\n|(?P<tildes>~{3,})[^\n]*\n")
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+")
_QUOTATION = re.compile(r" {0,3}>[ \t]?")
_UNCLEAR = re.compile(
    r" {0,3}(?:(?:`{3}|~{3})[^\n]{0,200}| {0,3}\|[^\n]{0,2000}(?:\n[-:| \t]{0,2000})?)\Z"
)  # code, table
_MARKER_AT_END = re.compile(r"\[\d{1,3}\]\Z")
_MARKER = re.compile(r"\[(\d{1,3})\]")


def as_asked(request: HttpRequest, answer: Answer) -> Answer:
    """Return `answer` as `request` wants it: rendered for the page that accepts "text/event-stream;html=1"."""
    return Rendered(answer) if ACCEPT in request.headers.get("Accept", "").replace(" ", "") else answer


class Rendered:
    """An answer on its way, rendered in the language of whoever asked: another thread may send it."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._language = get_language()
        self.run = answer.run
        self.whole, self.cancel, self.close = answer.whole, answer.cancel, answer.close

    def stream(self) -> Generator[Event, None, None]:
        """Yield the events of the answer, its text as HTML."""
        with closing(self._answer.stream()) as events:
            live = LiveHtml(self._language)
            for event in events:
                yield from live.render(event)


class LiveHtml:
    """Turns the events of one answer into what the page is sent."""

    def __init__(self, language: str | None = None) -> None:
        self._language = language
        self._sources: list[Mapping[str, Any]] = []
        self._begin()

    def _begin(self) -> None:
        self._citations: list[CitationView] = []
        self._is_supported = False
        self.blocks = OpenBlocks(MarkdownReading(self._citations, marks_uncited=not settings.FREE_CHAT))
        self._fence = ""  # what opened the code that the text is in
        self._fence_line: list[str] | None = []  # of code: a line that may close it
        self._is_open = False  # whether there is an element in which text grows
        self._held: list[str] = []  # text that is not sent yet: white space, or a marker whose citation comes next
        self._return = ""
        self._begun = False

    def render(self, event: Event) -> Iterator[Event]:
        """Yield what the page is sent for `event`."""
        if event.name in ("citation", "small_talk") or (event.name == "text" and settings.FREE_CHAT):
            yield from self._support()
        if event.name == "text":
            text = event.body["text"]
            yield from _condensed(self._write(text)) if "\n" in text else self._write(text)
        elif event.name == "citation":
            yield from self._cite(event.body)
        elif event.name in ("done", "error"):
            yield from self._end()
            yield Event("done", {}) if event.name == "done" else event
        elif event.name == "sources":
            self._sources = event.body["sources"]
        elif event.name == "withdrawn":
            self._begin()
            yield event
        elif event.name == "quoted":
            yield Event("quoted", {"html": self._quoted(event.body["text"])})
        elif event.name != "small_talk":
            yield event

    # ---- text ----

    def _write(self, text: str) -> Iterator[Event]:
        for piece in self._lines(text):
            yield from self._code(piece) if self._fence else self._prose(piece)

    def _lines(self, text: str) -> Iterable[str]:
        """Return `text`, cut behind its line ends, as the parser would take it; an answer has no blank beginning."""
        if self._return or "\r" in text:
            text = self._return + text
            self._return = "\r" if text.endswith("\r") else ""
            text = _NEWLINE.sub("\n", text.removesuffix("\r"))
        if "\0" in text:
            text = text.replace("\0", "\ufffd")
        if not self._begun:
            text = text.lstrip()
            self._begun = bool(text)
        return _LINE.findall(text) if "\n" in text else filter(None, (text,))

    def _prose(self, piece: str) -> Iterator[Event]:
        if self.blocks.add(piece):
            yield from self._finish(self.blocks.finished())
        if self.blocks.lines and (fence := _FENCE.fullmatch(self.blocks.lines[0])):
            yield from self._begin_code(fence["marker"] or fence["tildes"])
        elif self._is_open:
            yield from self._grow(piece)
        else:
            yield from self._open()

    def _finish(self, finished: Iterable[Finished]) -> Iterator[Event]:
        with override(self._language):
            for each in finished:
                body = {"html": each.html, "depth": each.depth} | ({"again": True} if each.again else {})
                self._is_open, self._held = False, []
                yield Event("html", body)

    def _open(self) -> Iterator[Event]:
        """Open an element for what has come of a block, once one can tell what it is. A row of a table comes whole."""
        source = self.blocks.source
        if self.blocks.in_table or not (self.blocks.lines or self.blocks.is_decided) or _UNCLEAR.match(source):
            return
        html, depth, begins = _element(source, in_list=self.blocks.in_list)
        self._is_open, self._held = True, []
        yield Event("open", {"html": html, "depth": depth})
        yield from self._grow(source[begins:])

    def _grow(self, text: str) -> Iterator[Event]:
        """Send `text`, but for what may yet be cut off at its end, or become a chip."""
        if text.isspace():
            self._held.append(text)
            return
        text = "".join([*self._held, text])
        certain = text.rstrip()
        if certain.endswith("]") and (marker := _MARKER_AT_END.search(certain[-5:])):
            certain = certain[: len(certain) - len(marker[0])]
        self._held = [text[len(certain) :]]
        if certain:
            yield Event("text", {"text": certain})

    def _cite(self, body: Mapping[str, Any]) -> Iterator[Event]:
        title, beside = body["title"], body.get("beside", "")
        when = body.get("looked_up", "")
        citation = CitationView(
            body["marker"], title, None, body["quote"], body["url"] or "", beside=beside, looked_up=when
        )
        self._citations.append(citation)
        held, marker = "".join(self._held), f"[{citation.marker}]"
        if self._is_open and not self._fence and held.startswith(marker):
            self._held = [held.removeprefix(marker)]
            with override(self._language):
                yield Event("citation", {"html": citation_html(citation)})

    def _support(self) -> Iterator[Event]:
        if not self._is_supported:
            self._is_supported = True
            yield Event("supported", {})

    def _quoted(self, text: str) -> str:
        """Return sentences that were quoted, each with the marker of its source, as HTML."""
        citations, at = [], 0
        for marker in _MARKER.finditer(text):
            number, quote = int(marker[1]), text[at : marker.start()].strip()
            source = self._sources[number - 1] if 0 < number <= len(self._sources) else {}
            title, beside = source.get("title", ""), source.get("beside", "")
            citations.append(CitationView(number, title, None, quote, source.get("url") or "", beside=beside))
            at = marker.end()
        with override(self._language):
            return answer_html(text, citations)

    # ---- code: it is sent as it comes, and stays ----

    def _begin_code(self, fence: str) -> Iterator[Event]:
        rest = self.blocks.take_all().partition("\n")[2]
        self._fence, self._fence_line, self._held, self._is_open = fence, [], [], True
        yield Event("open", {"html": "<pre><code></code></pre>\n", "depth": 0})
        yield from self._write(rest)

    def _code(self, piece: str) -> Iterator[Event]:
        if self._fence_line is None:
            yield from self._grow(piece)
        else:
            self._fence_line.append(piece)
            if piece.endswith("\n") and self._is_closing("".join(self._fence_line)):
                yield from self._end_code("".join(self._held))
                return
            if piece.endswith("\n") or piece.strip(f"{self._fence[0]} \t"):
                yield from self._grow("".join(self._fence_line))
                self._fence_line = None
        if piece.endswith("\n"):
            self._fence_line = []

    def _is_closing(self, line: str) -> bool:
        marker = line.strip()
        indent = len(line) - len(line.lstrip(" "))
        return indent <= 3 and len(marker) >= len(self._fence) and not marker.strip(self._fence[0])

    def _end_code(self, rest: str) -> Iterator[Event]:
        """Send the `rest` of the code, and leave it."""
        if rest:
            yield Event("text", {"text": rest})
        self._fence, self._held, self._is_open = "", [], False
        yield Event("kept", {})

    # ---- the end ----

    def _end(self) -> Iterator[Event]:
        if self._fence:
            line = "".join(self._fence_line or [])
            rest = "".join(self._held) if line and self._is_closing(line) else f"{''.join(self._held)}{line}".rstrip()
            yield from self._end_code(rest)
        else:
            yield from self._finish(self.blocks.end())


def _condensed(events: Iterable[Event]) -> list[Event]:
    """Return `events`, which go out at once, without what has ended since it was opened, and blocks in a row as one."""
    told: list[Event] = []
    for event in events:
        if event.name == "html":
            while told and told[-1].name in ("open", "text", "citation"):
                told.pop()
            last = told[-1] if told and told[-1].name == "html" else None
            if last and last.body["depth"] == event.body["depth"] and "again" not in event.body:
                told[-1] = Event("html", last.body | {"html": last.body["html"] + event.body["html"]})
                continue
        told.append(event)
    return told


def _element(source: str, *, in_list: bool) -> tuple[str, int, int]:
    """Return the element for a block that begins with `source`, its depth, and where its text begins in that."""
    if item := ITEM.match(source):
        marker = item[1].strip()
        start = f' start="{int(marker[:-1])}"' if marker[:-1].isdecimal() and int(marker[:-1]) != 1 else ""
        name = "ol" if marker[:-1] else "ul"
        one = '<li class="unfinished"></li>'
        return (one, 1, item.end()) if in_list else (f"<{name}{start}>{one}</{name}>", 0, item.end())
    if heading := _HEADING.match(source):
        level = len(heading[1])
        return f'<h{level} class="unfinished"></h{level}>', 0, heading.end()
    if quotation := _QUOTATION.match(source):
        return '<blockquote><p class="unfinished"></p></blockquote>', 0, quotation.end()
    return '<p class="unfinished"></p>', 0, len(source) - len(source.lstrip())

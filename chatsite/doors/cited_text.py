"""An answer as text with markers and a list of its sources behind it, and the same as annotations."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from chatsite.answering.answer import Answer
from chatsite.answering.sse import encode
from chatsite.answering.telling import BEAT, Event
from retrieval.text.cleaning import clean

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#!|~])")
TITLE_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class MarkedSource:
    """A marker, `text[start:end]` of an answer, and the page that opens the quote it rests on."""

    title: str
    url: str
    start: int
    end: int

    def body(self) -> dict[str, Any]:
        """Return it as the protocols have it."""
        return {"title": self.title, "url": self.url, "start_index": self.start, "end_index": self.end}


def annotations_of(body: Mapping[str, Any], absolute: Callable[[str], str]) -> list[MarkedSource]:
    """Return the citations of an answer (the API's 200 body) that open a document, in the order of their markers."""
    found, at = [], 0
    for citation in body["citations"]:
        place = re.compile(rf"\[{citation['marker']}\](?!\()").search(body["answer"], at)
        if place is None:
            continue
        at = place.end()
        if citation["url"]:
            found.append(MarkedSource(_name(citation), absolute(citation["url"]), place.start(), place.end()))
    return found


def sources(body: Mapping[str, Any], absolute: Callable[[str], str]) -> str:
    """Return what stands behind an answer for clients that show no annotations: one line for each source that it
    cites. The last of such lists in a text is the site's; a model can write one, but none behind it."""
    cited = {citation["marker"]: citation for citation in body["citations"]}
    if not cited:
        return ""
    lines = [_line(marker, citation, absolute) for marker, citation in sorted(cited.items())]
    return "\n\n---\n" + _("Sources:") + "\n\n" + "\n".join(lines)


def in_markdown(text: str, *, characters: int = TITLE_CHARACTERS) -> str:
    """Return a text of others as one line that Markdown shows as it is, without what nobody sees."""
    return _SPECIAL.sub(r"\\\1", " ".join(clean(text).split())[:characters])


def _line(marker: int, citation: Mapping[str, Any], absolute: Callable[[str], str]) -> str:
    name = in_markdown(_name(citation))
    link = f"[{name}]({absolute(citation['url'])})" if citation["url"] else name
    page = _(", page %s") % in_markdown(citation["page_label"]) if citation["page_label"] else ""
    return f"- \\[{marker}\\] {link}{page}"


def _name(citation: Mapping[str, Any]) -> str:
    beside = f" ({citation['beside']})" if citation["beside"] else ""
    return " ".join(clean(f"{citation['title']}{beside}").split())[:TITLE_CHARACTERS]


# ---- as it comes -----------------------------------------------------------------------------------------------------

Said = str | Mapping[str, Any] | Event
"""A piece of text; the whole body, at the end; or what keeps the connection alive, or says why there is no end."""


def said(events: Iterable[Event]) -> Generator[Said, None, None]:
    """Yield the text of an answer as it may be shown, then its whole body (of `done`), or the event `error`.

    What no citation supports is no answer, and a client can take nothing back: so text is held until the first citation
    stands, unless the site takes all that a model writes for an answer, or the answer is a fixed one.
    """
    held, sent, free = "", "", settings.FREE_CHAT
    for event in events:
        match event.name:
            case "small_talk":
                free = True
            case "text":
                held += event.body["text"]
            case "citation":
                free = True
            case "withdrawn":
                held, free = "", settings.FREE_CHAT
                if sent:
                    yield "\n\n---\n" + _("What stands above was taken back; the answer begins here.") + "\n\n"
                    sent = ""
            case "done":
                yield from _rest(event.body["answer"], sent, held)
                yield event.body
            case "error":
                yield event
            case "beat":
                yield event
        if free and held:
            text = held if sent else held.lstrip()
            sent, held = sent + text, ""
            yield text


def _rest(answer: str, sent: str, held: str) -> Generator[str, None, None]:
    """Yield what is left of the `answer` as it was recorded: all of it, where nothing was sent, for what was held is
    perhaps no part of it."""
    if not sent.strip():
        yield answer
    elif answer.startswith(sent.rstrip()) and (rest := answer[len(sent) :]):
        yield rest


class ToldAs:
    """An answer on its way, told in the words of another protocol."""

    def __init__(self, answer: Answer, tell: Callable[[Iterable[Event]], Generator[Event, None, None]]) -> None:
        self._answer = answer
        self._tell = tell
        self._language = get_language()  # of whoever asked: another thread may send it
        self.run = answer.run
        self.whole, self.cancel, self.close = answer.whole, answer.cancel, answer.close

    def stream(self) -> Generator[Event, None, None]:
        """Yield the events of that protocol."""
        with closing(self._answer.stream()) as events, override(self._language):
            yield from self._tell(events)


DONE = Event("[DONE]", {})


def encode_lines(event: Event) -> bytes:
    """Return one event as Chat Completions send it: without a name, and a word at the end."""
    if event is DONE:
        return b"data: [DONE]\n\n"
    return encode(event) if event is BEAT else encode(event).partition(b"\n")[2]


def counted(body: Mapping[str, Any], names: Sequence[str]) -> dict[str, int]:
    """Return the tokens of an answer under a protocol's `names` for what was read, what was written, and both."""
    read, written = (int(body["usage"].get(name) or 0) for name in ("input_tokens", "output_tokens"))
    return dict(zip(names, (read, written, read + written), strict=True))

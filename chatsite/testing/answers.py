"""Assertions about what the site answers, as a reader of choice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from textwrap import indent, shorten
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from chatsite.api.serializers import QuestionSerializer
from chatsite.asking.request import ask
from chatsite.models import ApiKey, EmbedSite
from chatsite.reader import Program, Reader, visitor_of
from retrieval.models import Document

Who = AbstractBaseUser | AnonymousUser | ApiKey | EmbedSite | Reader | None
"""Whoever may ask: a user, an API key, an embedded site; None is somebody who is not signed in."""

Named = str | Document
_SHOWN = 300  # characters of a text in a message


@dataclass(frozen=True)
class AskedAnswer:
    """A question that was asked, and `body`, what the API answers."""

    question: str
    reader: Reader
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """Return the answer, with its markers."""
        return str(self.body["answer"])

    @property
    def answered(self) -> bool:
        """Return whether a verified citation supports it."""
        return bool(self.body["answered"])

    @property
    def cited(self) -> list[str]:
        """Return the titles of the documents it cites, in the order of its markers."""
        return [str(citation["title"]) for citation in self.body["citations"]]

    @property
    def quotes(self) -> list[str]:
        """Return the sentences it rests on, in the order of its markers."""
        return [str(citation["quote"]) for citation in self.body["citations"]]

    def cited_ids(self) -> set[int]:
        """Return the ids of the documents it cites."""
        return {self.body["sources"][citation["source"]]["document_id"] for citation in self.body["citations"]}

    def told(self) -> str:
        """Return all of it for a person who wonders why a test fails."""
        cited = [f"[{c['marker']}] {c['title']}: “{_short(c['quote'])}”" for c in self.body["citations"]]
        found = [f"[{n}] {s['title']}: “{_short(s['content'])}”" for n, s in enumerate(self.body["sources"], 1)]
        parts = {
            "asked by": _name(self.reader),
            "answered by": self.body["model"] or "nobody: a fixed answer",
            "answer": self.text,
            "cited": "\n".join(cited) or "nothing",
            "found": "\n".join(found) or "nothing",
        }
        if self.body["unsupported"]:
            parts["withheld, since nothing was cited"] = self.body["unsupported"]
        return "\n".join(f"{name}:\n{indent(text, '    ')}" for name, text in parts.items())


def assert_answers(
    question: str,
    *,
    cites: Named | Iterable[Named] = (),
    quotes: str | Iterable[str] = (),
    says: str | Iterable[str] = (),
    reader: Who = None,
    **asked: Any,
) -> AskedAnswer:
    """Ask as `reader`, and return the answer. It must cite each document of `cites` (a title, or a Document), rest on
    each of `quotes` (words of a quoted sentence), and say each of `says`. `asked` are further fields of a question:
    `collections`, `selected_text`, ….

    Raises AssertionError, which shows the answer and what was found.
    """
    answer = asked_as(reader, question, **asked)
    if not answer.answered:
        kind = answer.body["small_talk"]
        raise _failure(f"is taken for small talk ({kind})" if kind else "is not answered", answer)
    for named in _listed(cites):
        there = named.pk in answer.cited_ids() if isinstance(named, Document) else named in answer.cited
        if not there:
            raise _failure(f"is answered without citing “{named}”", answer)
    for quote in _listed(quotes):
        if not any(_plain(quote) in _plain(found) for found in answer.quotes):
            raise _failure(f"is answered without a quote that has “{quote}”", answer)
    for words in _listed(says):
        if _plain(words) not in _plain(answer.text):
            raise _failure(f"is answered without saying “{words}”", answer)
    return answer


def assert_refuses(question: str, *, reader: Who = None, **asked: Any) -> AskedAnswer:
    """Ask as `reader`, and return the answer, which must say that nothing answers the question.

    Raises AssertionError, which shows the answer and what was found.
    """
    answer = asked_as(reader, question, **asked)
    if answer.answered or answer.body["small_talk"]:
        kind = answer.body["small_talk"]
        raise _failure(f"is taken for small talk ({kind})" if kind else "is answered", answer)
    return answer


def asked_as(who: Who, question: str, **asked: Any) -> AskedAnswer:
    """Ask as the API does, and return the answer. Raises ValidationError and AnswerError, as the API refuses."""
    reader = reader_for(who)
    serializer = QuestionSerializer(data={"query": question} | asked)
    serializer.is_valid(raise_exception=True)
    return AskedAnswer(question, reader, ask(reader, serializer.validated_data).whole())


def reader_for(who: Who) -> Reader:
    """Return who asks, as the doors of the site make a reader of them."""
    match who:
        case Reader():
            return who
        case ApiKey():
            return Program(who.user, key=who)
        case EmbedSite():
            return visitor_of(who)
        case None:
            return Reader(AnonymousUser())
        case _:
            return Reader(who)


def _failure(what: str, answer: AskedAnswer) -> AssertionError:
    return AssertionError(f"“{answer.question}” {what}.\n\n{answer.told()}")


def _name(reader: Reader) -> str:
    match reader:
        case Program():
            return f"the key {reader.key}, as {reader.user}"
        case Reader() if not reader.lists_documents:
            return f"a visitor of {getattr(reader, 'site', '')}"
        case _:
            return str(reader.user) if reader.user.is_authenticated else "somebody who is not signed in"


def _listed(given: Any) -> Sequence[Any]:
    return [given] if isinstance(given, str | Document) else list(given)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _short(text: str) -> str:
    return shorten(text, _SHOWN, placeholder=" …")

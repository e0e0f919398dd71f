"""Questions with known answers, and the documents they are about: what every reader of a set makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class SourceText:
    """A document of the set's own, under the name by which its questions call it."""

    key: str
    title: str
    filename: str
    text: str


@dataclass(frozen=True)
class Quote:
    """A place that answers a question: characters `start` to `end` of a document; without them, `text` is looked for
    there."""

    document: str
    start: int | None = None
    end: int | None = None
    text: str = ""


@dataclass(frozen=True)
class JudgedQuestion:
    """A question and what answers it: `relevant` grades whole documents, `quotes` are places in them; both are empty
    when nothing does."""

    text: str
    relevant: dict[str, int] = field(default_factory=dict)
    quotes: tuple[Quote, ...] = ()

    @property
    def answerable(self) -> bool:
        return bool(self.relevant or self.quotes)


@dataclass(frozen=True)
class QuestionSet:
    """Questions about `sources`, or, without any, about the documents of this site."""

    name: str
    sources: tuple[SourceText, ...]
    questions: tuple[JudgedQuestion, ...]

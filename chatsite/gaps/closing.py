"""The way from a gap to its answer: a draft with its sources, the document that is written, and the gap's questions
asked again once that is read."""

from __future__ import annotations

import re

from django.db.models import Count, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from agents import AgentError, ToolFailed
from chatsite.gaps.unsaved import Reply, answer
from chatsite.models import Gap
from chatsite.reader import Reader
from retrieval.errors import RetrievalError
from retrieval.models import Document, User
from retrieval.searching.passages import Passage

_MARKER = re.compile(r"\[(\d{1,3})\]")
AGAIN = 3  # wordings of a gap that are asked again: those that were asked most
FAULTS = (AgentError, ToolFailed, RetrievalError)


def wordings(gap: Gap) -> QuerySet[Gap, dict[str, object]]:
    """Return what the gap's questions were, each with how often, those asked most first."""
    asked = gap.questions.order_by().values("run__question").annotate(times=Count("pk"))
    return asked.order_by("-times", "run__question")  # type: ignore[return-value]


def ask_again(gap: Gap, *, user: User) -> bool:
    """Ask the gap's questions as a reader would, as `user`; keep on it how many are answered now, and return whether
    all are. Raises one of FAULTS when nobody can say."""
    questions = [str(asked["run__question"]) for asked in wordings(gap)[:AGAIN]] or [gap.question]
    answered = sum(answer(question, reader=Reader(user)).answers for question in questions)
    gap.asked_again, gap.answered_again, gap.asked_at = len(questions), answered, timezone.now()
    gap.save(update_fields=["asked_again", "answered_again", "asked_at"])
    return answered == len(questions)


def publish(gap: Gap, document: Document, *, user: User) -> None:
    """Note that `document` was written to answer the gap; its questions are asked again once it is read."""
    gap.document, gap.publisher_id, gap.asked_at = document, user.pk, None
    gap.save(update_fields=["document", "publisher", "asked_at"])


def ask_next_again() -> bool:
    """Ask again the questions of a gap whose document has been read since; return whether there was one."""
    waiting = Gap.objects.filter(asked_at=None, document__live_generation__gt=0).exclude(publisher=None)
    gap = waiting.select_related("publisher").order_by("pk").first()
    if gap is None or gap.publisher is None:
        return False
    try:
        ask_again(gap, user=gap.publisher)
    except FAULTS:
        gap.asked_at = timezone.now()  # with nothing asked: whoever looks can ask again
        gap.asked_again = gap.answered_again = 0
        gap.save(update_fields=["asked_again", "answered_again", "asked_at"])
    return True


def as_markdown(reply: Reply) -> str:
    """Return a draft as the text of a document: its claims, and below them what they rest on, with links. A number
    stands in round brackets, for one in square brackets would be taken for a citation of an answer that quotes it."""
    passages = {citation.marker: citation.passage for citation in reply.citations}
    text = _MARKER.sub(lambda found: f"({found[1]})" if int(found[1]) in passages else found[0], reply.text)
    sources = [f"- ({marker}) {_source(passage)}" for marker, passage in sorted(passages.items())]
    heading = _("Sources:") if sources else ""
    return "\n\n".join(filter(None, [text, heading, "\n".join(sources)]))


def _source(passage: Passage) -> str:
    page = [_("page"), passage.page_label] if passage.page_label else []
    title = passage.title.replace("[", "(").replace("]", ")")
    title = ", ".join(filter(None, [title, " ".join(page)]))
    return f"[{title}]({passage.url})" if passage.url else title

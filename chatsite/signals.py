"""What happens to questions, for a project that wants to act on it. They are sent once it is committed; what a receiver
raises is logged and changes nothing, but the reader waits for it: hand long work to a task."""

from __future__ import annotations

from django.dispatch import Signal

from chatsite.models import Run
from retrieval.signals import tell

question_asked = Signal()  # `run` is saved, and not answered yet
answer_given = Signal()  # `run` has ended with an answer that cites its sources
answer_refused = Signal()  # `run` has ended, and nothing in the documents answers it
feedback_given = Signal()  # `feedback` of a reader on an answer


def tell_beginning(run: Run) -> None:
    """Send that a question was asked, unless staff only try it."""
    if not run.conversation.trial:
        tell(question_asked, run=run)


def tell_end(run: Run) -> None:
    """Send what has become of a question; an error, a limit without an answer and small talk are none of them."""
    if run.conversation.trial:
        return
    if run.answered:
        tell(answer_given, run=run)
    elif run.state == Run.State.COMPLETED and not run.small_talk:
        tell(answer_refused, run=run)

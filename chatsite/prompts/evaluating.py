"""Ask all saved questions with what is published and with a draft, on a thread of its own, one after the other."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connections, transaction
from django.utils import timezone
from django.utils.translation import activate, get_language
from django.utils.translation import gettext as _

from chatsite.asking.question import Trial
from chatsite.asking.request import ask
from chatsite.asking.trials import fields_of_text
from chatsite.assistants.finding import prompt_of_name
from chatsite.errors import AnswerError
from chatsite.models import PromptEvaluation, PromptVersion, Run, SavedQuestion
from chatsite.prompts.judging import judged
from chatsite.reader import Reader, TrialReader

logger = logging.getLogger(__name__)

MOST = 200  # questions of an evaluation, the newest
TRIES = 5  # for a place among the questions under way
WAIT_SECONDS = 5.0  # between two of them


class AlreadyEvaluating(Exception):
    """One evaluation at a time: it takes its share of the language model from readers."""


def begin_evaluation(prompt: PromptVersion, *, reader: Reader) -> PromptEvaluation:
    """Begin to evaluate `prompt` against what is in use, as this reader, and return what it is recorded in. Raises
    AlreadyEvaluating."""
    PromptEvaluation.close_lost()
    current = prompt_of_name(prompt.agent)
    total = min(MOST, SavedQuestion.objects.count())
    try:
        with transaction.atomic():
            evaluation = PromptEvaluation.objects.create(
                prompt=prompt, against=current if current.pk else None, started_by_id=reader.user.pk, total=total
            )
    except IntegrityError as error:
        raise AlreadyEvaluating(_("Another evaluation is under way. Wait for its end, or stop it.")) from error
    asker = TrialReader(reader.user, address=reader.address)
    name, language = f"evaluation-{evaluation.pk}", get_language() or settings.LANGUAGE_CODE
    thread = threading.Thread(target=_evaluate_there, args=(evaluation, asker, language), name=name, daemon=True)
    transaction.on_commit(thread.start)  # which has a connection of its own
    return evaluation


def _evaluate_there(evaluation: PromptEvaluation, asker: TrialReader, language: str) -> None:
    activate(language)
    try:
        evaluate(evaluation, asker=asker)
    except Exception:  # the last edge: nobody stands behind this thread
        logger.exception("evaluation %s failed", evaluation.pk)
        _record(evaluation, state=PromptEvaluation.State.FAILED, ended_at=timezone.now())
    finally:
        connections.close_all()


def evaluate(evaluation: PromptEvaluation, *, asker: TrialReader) -> None:
    """Ask each saved question twice, and record after each how it was answered. It ends when the evaluation was stopped
    or deleted, or when the right to ask has ended."""
    after = evaluation.prompt
    before = evaluation.against or (prompt_of_name(after.agent) if after.agent else PromptVersion())
    for saved in _questions():
        both = (("before", before), ("after", after))
        pair = {name: _asked(saved, prompt, asker, agent=after.agent) for name, prompt in both}
        evaluation.results.append({"question": saved.pk, **pair})
        if not _record(evaluation, results=evaluation.results) or asker.now() is None:
            break
    _record(evaluation, state=PromptEvaluation.State.COMPLETED, ended_at=timezone.now())


def _questions() -> Iterator[SavedQuestion]:
    newest = SavedQuestion.objects.order_by("-pk").values("pk")[:MOST]
    ids = sorted(row["pk"] for row in newest)
    yield from SavedQuestion.objects.filter(pk__in=ids).select_related("collection").order_by("pk")


def _asked(saved: SavedQuestion, prompt: PromptVersion, asker: TrialReader, *, agent: str) -> dict[str, Any]:
    """Return how the question is answered with `prompt` by the agent of this name: asked as any other."""
    fields = fields_of_text(saved.question, collection=saved.collection.slug if saved.collection else "")
    for left in reversed(range(TRIES)):
        try:
            answer = ask(asker, fields, trial=Trial(prompt, agent=agent))
        except AnswerError as error:  # nothing was begun
            if error.retry_after is None or not left:
                return judged(Run(state=Run.State.FAILED, error=error.code), saved) | {"run": ""}
            time.sleep(WAIT_SECONDS)
            continue
        try:
            answer.whole()
        except AnswerError:
            logger.info("run %s of an evaluation gave no answer: %s", answer.run.pk, answer.run.error)
        return judged(answer.run, saved)
    raise AssertionError("the last try returns")


def _record(evaluation: PromptEvaluation, **fields: Any) -> int:
    """Record how far it is; 0 where it was stopped or deleted meanwhile."""
    under_way = PromptEvaluation.objects.filter(pk=evaluation.pk, state=PromptEvaluation.State.RUNNING)
    return under_way.update(**fields, checked_at=timezone.now())

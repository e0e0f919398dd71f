"""Which models answer: the site's language models, each behind the one before it, and last the one that quotes."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from agents import (
    Model,
    ModelAnswerInvalid,
    ModelError,
    ModelEvent,
    ModelSettings,
    OpenAIModel,
    TextDelta,
    TextWithdrawn,
    Timeout,
    ToolCall,
)
from chatsite.answering.best_sentences import Candidate
from chatsite.answering.quoting import ExtractiveModel
from chatsite.conf import EXTRACTIVE, chat_models
from chatsite.models import PromptVersion, Run
from retrieval.searching.closeness import closeness
from retrieval.searching.names import Name

logger = logging.getLogger(__name__)

NO_MODEL_NOTICE = gettext_noop("No language model is configured, so these are sentences quoted from the documents.")
NOTICES = {  # by the code of the error
    "model_unavailable": gettext_noop(
        "The language model can't be reached right now, so these are sentences quoted from the documents."
    ),
    "model_refused": gettext_noop(
        "The language model refused the question, so these are sentences quoted from the documents; the site's log "
        "says why."
    ),
    "context_overflow": gettext_noop(
        "The question and its passages are longer than the language model can read, so these are sentences quoted "
        "from the documents."
    ),
    "deadline_exceeded": gettext_noop(
        "The language model took too long, so these are sentences quoted from the documents."
    ),
    "model_interrupted": gettext_noop(
        "The language model broke off before its first word, so these are sentences quoted from the documents."
    ),
    "model_answer_invalid": gettext_noop(
        "The language model gave no answer, so these are sentences quoted from the documents."
    ),
}


def model_configured() -> bool:
    """Is there a language model to ask? Otherwise answers are quoted sentences."""
    return bool(chat_models())


def model_name() -> str:
    """Return the name of the model that is asked first."""
    return model_names()[0]


def model_names() -> list[str]:
    """Return the names of the language models, in the order in which they are asked."""
    return chat_models() or [EXTRACTIVE]


@dataclass(slots=True)
class WatchedModel:
    """A language model, and the code of what was wrong when it failed. The site's log says it in full."""

    model: Model
    fault: str = ""

    @property
    def name(self) -> str:
        return self.model.name

    def __getattr__(self, name: str) -> Any:
        """Return what a run may read of the model: its price, its window, its settings."""
        return getattr(self.model, name)

    async def stream(self, **request: Any) -> AsyncGenerator[ModelEvent]:
        has_answered = False
        try:
            async with aclosing(self.model.stream(**request)) as events:
                async for event in events:
                    match event:
                        case TextDelta(text):
                            has_answered = has_answered or not text.isspace()
                        case TextWithdrawn():
                            has_answered = False
                        case ToolCall():
                            has_answered = True
                    yield event
            if not has_answered:
                raise ModelAnswerInvalid(f"{self.name} gave an empty answer")
        except ModelError as error:
            self.fault = error.code
            logger.warning("model %s failed (%s): %s", self.name, error.code, error)
            raise


@dataclass(frozen=True, slots=True)
class AnsweringModels:
    """The models of one question, in the order in which they are asked."""

    language: Sequence[WatchedModel]
    extractive: ExtractiveModel

    @property
    def all(self) -> tuple[Model, ...]:
        return (*self.language, self.extractive)

    @property
    def fault(self) -> str:
        """Return the code of the error of the last language model that has failed; empty when none has."""
        return next((model.fault for model in reversed(self.language) if model.fault), "")


def answering_models(
    asked: Sequence[str],
    candidates: Callable[[], Sequence[Candidate]],
    *,
    missing: Sequence[Name],
    unanswered: Sequence[str],
    mode: str,
    chosen: str = "",
    prompt: PromptVersion | None = None,
) -> AnsweringModels:
    """Return the `chosen` model, or the configured ones as the `prompt` orders and sets them, with the one behind them
    that quotes from `candidates` what answers the questions `asked`, or says which names in them are `missing` and
    which of them are `unanswered`."""
    prompt = prompt or PromptVersion()
    names = [chosen] if chosen else _in_order(chat_models(), first=prompt.model)
    language = [WatchedModel(model) for model in site_models(names, prompt=prompt)]
    selection = mode == Run.Mode.SELECTED_TEXT
    declined = (
        _("The selected text does not answer this question.")
        if selection
        else _("No passage that was found answers this question.")
    )

    notices = {code: _(text) for code, text in NOTICES.items()}  # here, in the reader's language
    none_configured = _(NO_MODEL_NOTICE)

    def notice() -> str:
        return notices.get(models.fault, notices["model_unavailable"]) if language else none_configured

    extractive = ExtractiveModel(
        asked,
        candidates,
        notice,
        declined,
        _absent,
        _unanswered,
        missing=missing,
        nothing=unanswered,
        closest=_("This is the closest in your selection:"),
        selection=selection,
        closeness=closeness,
        name=EXTRACTIVE,
    )
    models = AnsweringModels(language, extractive)
    return models


def _in_order(names: list[str], *, first: str) -> list[str]:
    """Return the configured models with `first` in front; one that is no longer configured is not asked."""
    return [first, *(name for name in names if name != first)] if first in names else names


def _absent(name: str, nearest: str) -> str:
    """Return the sentence that `name` isn't there; `nearest` may be empty."""
    if nearest:
        return _("Nothing that was found names “%(name)s”. The nearest is “%(nearest)s”.") % {
            "name": name,
            "nearest": nearest,
        }
    return _("Nothing that was found names “%(name)s”.") % {"name": name}


def _unanswered(part: str) -> str:
    """Return the sentence that nothing answers this part of the question."""
    return _("Nothing that was found answers “%(part)s”.") % {"part": part}


_stand_ins: list[Model] = []


@contextmanager
def answered_by(model: Model) -> Iterator[None]:
    """Have `model` answer all questions of this process, in place of the configured ones, until the block ends."""
    former, _stand_ins[:] = list(_stand_ins), [model]
    try:
        yield
    finally:
        _stand_ins[:] = former


def site_models(names: Sequence[str] | None = None, *, prompt: PromptVersion | None = None) -> list[Model]:
    """Return the language models of these names, or all that are configured, set as the `prompt` says, each behind the
    one before it; none where none is configured."""
    return [*_stand_ins] or [
        language_model(name, prompt=prompt) for name in (chat_models() if names is None else names)
    ]


def language_model(name: str, *, prompt: PromptVersion | None = None) -> OpenAIModel:
    """Return the language model of that name, set as the `prompt` says; what that leaves open, the site's settings
    say."""
    prompt = prompt or PromptVersion()
    return OpenAIModel(
        name,
        api_key=settings.OPENAI_API_KEY,
        base_url=settings.OPENAI_BASE_URL or None,
        timeout=Timeout(first=settings.CHAT_FIRST_TOKEN_SECONDS, total=settings.CHAT_TOTAL_SECONDS),
        window_tokens=settings.CHAT_WINDOW_TOKENS or None,
        settings=ModelSettings(
            temperature=settings.CHAT_TEMPERATURE if prompt.temperature is None else prompt.temperature,
            max_tokens=prompt.max_tokens or settings.CHAT_MAX_TOKENS,
            reasoning_effort=prompt.reasoning or settings.CHAT_REASONING or None,
            extra_body=settings.CHAT_EXTRA_BODY,
        ),
    )

"""Why a question got no answer, as the API tells it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from chatsite.middleware import current_request_id


def error_body(code: str, message: str, details: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Every error of the API; `details` holds, per field, what was wrong with it."""
    return {"error": code, "message": message, "details": details or {}, "request_id": current_request_id.get()}


class AnswerError(Exception):
    """A question that can't be answered now or as it was asked; the message says what, the limit and the fix."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int,
        details: Mapping[str, Any] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.details = dict(details or {})
        self.retry_after = retry_after  # seconds

    def body(self) -> dict[str, Any]:
        return error_body(self.code, self.message, self.details)


def grouped(number: int) -> str:
    """A number as the reader's language writes it: 20,000 or 20.000."""
    return number_format(number, force_grouping=True)


def not_found(field: str, what: str) -> AnswerError:
    """Something named in `field` that does not exist, or that this reader may not know of: the same words for both."""
    message = f"{field}: {what} " + _("It does not exist, or you may not read it.")
    return AnswerError("not_found", message, status=404, details={field: [what]})


def invalid(field: str, fault: str) -> AnswerError:
    """A value that is well-formed and wrong."""
    return AnswerError("invalid_request", f"{field}: {fault}", status=400, details={field: [fault]})


def too_many(limit: int, what: str, *, seconds: float) -> AnswerError:
    """More questions than may be asked; the next one may be in so many seconds."""
    wait = max(1, math.ceil(seconds))
    said = _("At most %(limit)s %(what)s are answered here. Try again in %(seconds)s seconds.")
    message = said % {"limit": grouped(limit), "what": what, "seconds": grouped(wait)}
    return AnswerError("too_many_requests", message, status=429, retry_after=wait)


def busy(limit: int, *, retry_after: int) -> AnswerError:
    """All places of this process are taken."""
    message = _(
        "The site is answering %(limit)d questions, as many as it can at once. Try again in %(seconds)d seconds."
    )
    message %= {"limit": limit, "seconds": retry_after}
    return AnswerError("busy", message, status=503, retry_after=retry_after)


def database_busy() -> AnswerError:
    """The question could not be saved: somebody else writes, or the database restarts."""
    message = _("The database is busy, and the question was not saved. Try again in a moment.")
    return AnswerError("database_busy", message, status=503, retry_after=1)


def too_many_at_once(limit: int, *, retry_after: int) -> AnswerError:
    """All places of this reader are taken."""
    message = _(
        "%(limit)d of your questions are being answered, the most at once. Wait for one of them, or stop it; "
        "try again in %(seconds)d seconds."
    )
    message %= {"limit": limit, "seconds": retry_after}
    return AnswerError("too_many_questions", message, status=429, retry_after=retry_after)


def too_many_of_address(limit: int, *, retry_after: int) -> AnswerError:
    """All places of this reader's network address are taken."""
    message = _(
        "%(limit)d questions from your network address are being answered, the most at once for readers who are not "
        "signed in. Sign in, or try again in %(seconds)d seconds."
    )
    message %= {"limit": limit, "seconds": retry_after}
    return AnswerError("too_many_questions", message, status=429, retry_after=retry_after)


def too_many_followed(limit: int, *, retry_after: int) -> AnswerError:
    """This reader, or an address, follows as many answers as one may."""
    message = _(
        "%(limit)d pages of yours, or of your network address, follow answers, the most at once. Close some; "
        "try again in %(seconds)d seconds."
    )
    message %= {"limit": limit, "seconds": retry_after}
    return AnswerError("too_many_followed", message, status=429, retry_after=retry_after)


def already_decided(what: str) -> AnswerError:
    """A call of a tool that was decided otherwise, or can't be decided any more."""
    return AnswerError("already_decided", what, status=409)


_RETRY_AFTER_SECONDS = 5
_OF_RUN: dict[str, tuple[int, str]] = {
    "index_unavailable": (
        503,
        gettext_noop("The document index can't be asked right now. Questions about selected text still work."),
    ),
    "model_unavailable": (503, gettext_noop("The language model can't be reached right now.")),
    "model_refused": (
        502,
        gettext_noop("The language model refused the request; the site's operator must check its address and key."),
    ),
    "context_overflow": (
        502,
        gettext_noop("The conversation is longer than the language model can read; start a new one."),
    ),
    "model_interrupted": (502, gettext_noop("The language model's answer broke off; what had come is kept.")),
    "model_answer_invalid": (502, gettext_noop("What the language model sent is not an answer.")),
    "deadline_exceeded": (504, gettext_noop("The language model took too long; what had come is kept.")),
    "answer_truncated": (
        504,
        gettext_noop("The answer was cut: it reached the limit on its length, or began to repeat itself."),
    ),
    "limit_exceeded": (504, gettext_noop("The answer took more than one question may take; ask for less at once.")),
    "workflow_failed": (502, gettext_noop("The workflow that answers here ended without an answer.")),
    "workflow_busy": (503, gettext_noop("As many workflows are running here as can at once.")),
    "withheld": (403, gettext_noop("This answer rests on documents you can't read.")),
    "approval_expired": (409, gettext_noop("It was not confirmed in time, so nothing was done. Ask again.")),
    "cancelled": (503, gettext_noop("The answer was cancelled; what had come is kept.")),
    "loop_stopped": (503, gettext_noop("The site was interrupted while it answered; what had come is kept.")),
}


def of_code(code: str, *, retry_after: float | None = None) -> AnswerError:
    """The error with this code, as it was recorded."""
    status, message = _OF_RUN.get(code, (500, _INTERNAL))
    seconds = math.ceil(retry_after or _RETRY_AFTER_SECONDS) if status == 503 else None
    return AnswerError(code, _(message), status=status, retry_after=seconds)


def message_of(code: str) -> str:
    """What a reader is told of an error with this code."""
    return _(_OF_RUN.get(code, (500, _INTERNAL))[1])


_INTERNAL = gettext_noop("Something went wrong here; the request id leads to it in the site's log.")


def internal() -> AnswerError:
    """A bug of ours."""
    return AnswerError("internal_error", _(_INTERNAL), status=500)

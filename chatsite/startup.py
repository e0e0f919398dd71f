"""What this process runs on, in one line of its log, under every host."""

from __future__ import annotations

import logging
from typing import Any

from django.core.signals import request_started

from chatsite.answering.model_state import model_description
from retrieval import configuration

logger = logging.getLogger(__name__)


def say_what_answers(sender: Any, **signal: Any) -> None:
    """Receive the first `request_started` of a process, which comes after any fork, and no other."""
    request_started.disconnect(say_what_answers, sender=sender)
    described = configuration.describe()
    model = model_description()
    logger.info("chat model %s; embedding %s; store %s", model, described.embedding, described.store)

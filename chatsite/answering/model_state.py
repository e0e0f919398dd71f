"""How the site's language model is: what its last answers say of it, in all processes, and what it says when asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings

import agents
from agents import Agent, Limits
from chatsite.answering.language_models import (
    language_model,
    model_configured,
    model_name,
    model_names,
)
from chatsite.conf import EXTRACTIVE
from chatsite.models import Run

RECENT_RUNS = 200
TRIED_SECONDS = 60.0

FIXES = {  # for the operator, by the code of the error
    "model_unavailable": "See that its server runs, and that OPENAI_BASE_URL leads there from this machine.",
    "model_refused": "Check OPENAI_API_KEY, OPENAI_BASE_URL and the name in CHAT_MODEL.",
    "context_overflow": "Set CHAT_WINDOW_TOKENS to what the model reads, or give its server a larger window.",
    "deadline_exceeded": "Raise CHAT_FIRST_TOKEN_SECONDS or CHAT_TOTAL_SECONDS, or take a smaller model.",
    "answer_truncated": "Raise CHAT_MAX_TOKENS.",
    "model_interrupted": "Its server closes the connection in the middle: see that server's log.",
    "model_answer_invalid": "What it sends is not the Chat Completions protocol: check OPENAI_BASE_URL.",
}


@dataclass(frozen=True, slots=True)
class ModelState:
    """When the language models were last well, and the code and time of the newest fault among the latest runs."""

    well_at: datetime | None = None
    fault: str = ""
    fault_at: datetime | None = None

    @property
    def is_well(self) -> bool:
        """Say whether nothing has failed since a model was last well."""
        return self.fault_at is None or (self.well_at is not None and self.well_at > self.fault_at)


def model_state() -> ModelState:
    """Return what the last RECENT_RUNS runs say."""
    latest = Run.objects.order_by("-created_at").values_list("model", "model_fault", "state", "ended_at")[:RECENT_RUNS]
    well_at = fault_at = None
    fault = ""
    for model, failed, state, ended in latest:
        if state == Run.State.COMPLETED and model not in ("", EXTRACTIVE):
            well_at = well_at or ended
        if failed and not fault:
            fault, fault_at = failed, ended
    return ModelState(well_at, fault, fault_at)


def try_model() -> tuple[str, str]:
    """Ask the language model for a word. Return what is wrong and the fix; both are empty when all is well."""
    if not model_configured():
        return "", ""
    agent = Agent(
        "doctor", "Answer with one word.", model=language_model(model_name()), limits=Limits(seconds=TRIED_SECONDS)
    )
    result = agents.run(agent, "Say yes.")
    if result.success or result.content:
        return "", ""
    code = result.error.code if result.error else result.status
    return f"{code}: {result.error}", FIXES.get(code, "See the log.")


def model_description() -> str:
    """Return which language model answers, and where it is asked."""
    if not model_configured():
        return f"{model_name()} (quotes sentences; set OPENAI_API_KEY or OPENAI_BASE_URL for a language model)"
    names = ", then ".join(model_names())
    where = urlsplit(settings.OPENAI_BASE_URL).netloc.rpartition("@")[2]
    return f"{names} at {where}" if where else names

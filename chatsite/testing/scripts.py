"""A language model that says what a test tells it to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from agents.testing import ScriptedModel, Step
from chatsite.answering.language_models import answered_by


@contextmanager
def scripted(*steps: Step) -> Iterator[ScriptedModel]:
    """Have a model answer every question until the block ends: with a text that cites the passages by number, like
    "In the cupboard [1].", or with another step of `agents.testing.ScriptedModel`, each in its turn."""
    model = ScriptedModel(steps)
    with answered_by(model):
        yield model

"""Retrieval configured for one test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings

from retrieval import configuration
from retrieval.configuration import RetrievalSettings


@contextmanager
def configured(index_dir: Path, **more: Any) -> Iterator[None]:
    """Retrieval with its index in `index_dir` and the other fields of `RetrievalSettings` as given, until the block
    ends; then as the tests' settings say.
    """
    model_dir, document_url = settings.MODEL_DIR, configuration.runtime().settings.document_url
    own = RetrievalSettings(index_dir=settings.INDEX_DIR, model_dir=model_dir, document_url=document_url)
    configuration.configure(replace(own, **{"index_dir": index_dir} | more))
    try:
        yield
    finally:
        configuration.configure(own)

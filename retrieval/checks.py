"""System checks of what was indexed against what is configured."""

from __future__ import annotations

from collections.abc import Sequence

from django.apps import AppConfig
from django.core import checks
from django.core.checks import CheckMessage, Tags, register
from django.db import DatabaseError

from retrieval.configuration import runtime
from retrieval.embedding.embedders import INSTALL
from retrieval.ingestion import spaces
from retrieval.model_documents.declaring import faults


@register("agents")
def check_embedder(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """Return a warning where nothing turns texts into vectors."""
    if runtime().embedder is not None:
        return []
    fault = "No embedding model is installed or set: search is by words alone, not by meaning."
    return [checks.Warning(fault, hint=INSTALL, id="retrieval.W002")]


@register(Tags.models)
def check_model_documents(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """Warn of each `docchat.py` that could not be imported: the site goes on, and nobody sees its documents."""
    return [
        checks.Warning(f"{name} could not be imported: {fault}", hint="Nobody sees its documents.", id="retrieval.W003")
        for name, fault in faults().items()
    ]


@register(Tags.database)
def check_embedding_model(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **options: object
) -> list[CheckMessage]:
    """Warn when the settings ask for another model than the index has. `manage.py migrate` and `manage.py check
    --database default` run it, which may ask the database."""
    if not databases or "default" not in databases:
        return []
    try:
        reason = spaces.mismatch()
    except DatabaseError:  # not migrated yet
        return []
    return [checks.Warning(reason, hint="Run “manage.py reindex”.", id="retrieval.W001")] if reason else []

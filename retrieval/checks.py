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
from retrieval.model_documents.declaring import ModelDocuments, declared, faults

_TELLING = frozenset(  # names of fields by which sites keep rows back
    f"{prefix}{name}"
    for name in ("active approved archived deleted draft hidden live private public published removed visible".split())
    for prefix in ("", "is_")
) | {"deleted_at", "expires_at", "publish_at", "published_at", "state", "status", "visibility"}


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


@register(Tags.models)
def check_rows_are_meant_for_everyone(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """Warn of each model whose declaration leaves its rows to everyone, though the model keeps some of them back."""
    hint = (
        "Say in visible_to which of them a user may read, or have it return self.queryset() where it is all of them. "
        "SILENCED_SYSTEM_CHECKS = ['retrieval.W004'] says so of all models."
    )
    return [
        checks.Warning(
            f"{type(one).__name__} has no visible_to, so whoever may search the collection {one.collection!r} reads "
            f"every row of {one.label} that is a document; but {why}",
            hint=hint,
            id="retrieval.W004",
        )
        for one in declared()
        if not one.has_rights and (why := _kept_back(one))
    ]


def _kept_back(one: ModelDocuments) -> str:
    """Return why rows of this model may not be meant for everyone; empty where nothing says so."""
    fields = [field.name for field in one.model._meta.concrete_fields if field.name.lower() in _TELLING]
    if fields:
        return f"it has the field {', '.join(map(repr, fields))}."
    for manager in one.model._meta.managers:
        try:
            hides = bool(manager.get_queryset().query.where)
        except Exception as error:  # whatever a site's code raises, as outside of a request
            return f"its manager {manager.name!r} raised {type(error).__name__}."
        if hides:
            return f"its manager {manager.name!r} leaves rows out."
    return ""


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

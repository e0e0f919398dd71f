"""Changes of rows are noted in the transaction that makes them: rolled back, they leave nothing; committed, they are
followed for certain. What sends no signal (`bulk_create`, `update`, SQL by hand) is found by `manage.py sync_models`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from django.apps import apps
from django.db import models, router, transaction
from django.db.models.signals import ModelSignal, m2m_changed, post_delete, post_save, pre_delete, pre_save

from retrieval.ingestion.worker import wake
from retrieval.model_documents.declaring import ModelDocuments, declared
from retrieval.models import ModelChange

_BEFORE = "_docchat_rows_before"  # on a related object that is being saved


def connect() -> None:
    """Note from now on what changes in the rows of declared models, and in those of their relations."""
    for one in declared():
        receive(one, _row_changed, of=one.model, signals=(post_save, post_delete))
        for relation in one.related:
            of_model: Any = one.model._meta.get_field(relation)
            related = of_model.related_model
            assert isinstance(related, type)
            changed = partial(_related_changed, relation=relation)
            receive(one, changed, of=related, signals=(post_save, pre_delete), name=relation)
            if of_model.auto_created:  # the other end names the row, and may name another
                before = partial(_related_may_move, relation=relation)
                receive(one, before, of=related, signals=(pre_save,), name=f"{relation} before")
            ends: tuple[Any, ...] = (
                of_model,
                getattr(of_model, "remote_field", None),
            )  # either may be the one that knows
            through = next((end.through for end in ends if getattr(end, "through", None)), None)
            if through is not None:
                receive(one, _links_changed, of=through, signals=(m2m_changed,), name=f"{relation} links")
        for parent in one.model._meta.get_parent_list():  # has the same key; saved by itself, it tells of itself alone
            for kind in _kinds_of(parent, heirs=False):
                _connect(one, _row_changed, to=post_save, sender=kind)
        one.follow_signals(partial(_note_rows, one))


def receive(
    one: ModelDocuments,
    receiver: Callable[..., None],
    *,
    of: type[models.Model],
    signals: Iterable[ModelSignal],
    name: str = "",
) -> None:
    """Have `receiver` called with `one` for these signals of a model, its proxies and those that inherit from it."""
    for kind in _kinds_of(of):
        for signal in signals:
            _connect(one, receiver, to=signal, sender=kind, name=name)


def _kinds_of(model: type[models.Model], *, heirs: bool = True) -> list[type[models.Model]]:
    """Return the models whose rows are rows of this one: the model itself, also where it is a proxy, its other proxies
    and, with `heirs`, those that inherit from it."""
    concrete: Any = model._meta.concrete_model
    every = apps.get_models(include_auto_created=True)
    return [kind for kind in every if kind._meta.concrete_model is concrete or (heirs and issubclass(kind, concrete))]


def _connect(
    one: ModelDocuments,
    receiver: Callable[..., None],
    *,
    to: ModelSignal,
    sender: type[models.Model],
    name: str = "",
) -> None:
    uid = f"retrieval.model_documents {one.label} {name}"
    to.connect(partial(receiver, one), sender=sender, weak=False, dispatch_uid=uid)


def note(one: ModelDocuments, keys: Iterable[str]) -> None:
    """Note that the rows with these keys have changed, in the transaction that is open."""
    using = router.db_for_write(ModelChange)
    changes = [ModelChange(label=one.label, key=key) for key in keys]
    ModelChange.objects.using(using).bulk_create(changes, batch_size=1_000)
    transaction.on_commit(wake, using=using)


def _note_rows(one: ModelDocuments, keys: Iterable[Any]) -> None:
    note(one, map(one.key_of, keys))


def _row_changed(one: ModelDocuments, *, instance: models.Model, **_: object) -> None:
    note(one, [one.key_of(instance)])


def _related_changed(one: ModelDocuments, *, relation: str, instance: models.Model, **_: object) -> None:
    before = instance.__dict__.get(_BEFORE, {}).pop((one.label, relation), ())
    note(one, dict.fromkeys([*before, *_keys_of_related(one, relation, instance)]))


def _related_may_move(one: ModelDocuments, *, relation: str, instance: models.Model, **_: object) -> None:
    """Keep which rows it belongs to until it is saved: one that goes to another row changes both."""
    if not instance._state.adding:
        keys = _keys_of_related(one, relation, instance)
        instance.__dict__.setdefault(_BEFORE, {})[one.label, relation] = keys


def _keys_of_related(one: ModelDocuments, relation: str, instance: models.Model) -> list[str]:
    rows = one.model._base_manager.filter(**{relation: instance})
    return [one.key_of(pk) for pk in rows.values_list("pk", flat=True)]


def _links_changed(
    one: ModelDocuments, *, instance: models.Model, action: str, pk_set: set[Any] | None, **_: object
) -> None:
    """Note the rows at either end. From the other end, all links are cleared without saying which they were: those are
    found before."""
    if isinstance(instance, one.model._meta.concrete_model or ()):
        if action.startswith("post_"):
            note(one, [one.key_of(instance)])
    elif action == "pre_clear":
        for relation in one.related:
            if isinstance(instance, one.model._meta.get_field(relation).related_model or ()):
                _related_changed(one, relation=relation, instance=instance)
    elif action.startswith("post_") and pk_set:
        note(one, [one.key_of(pk) for pk in pk_set])

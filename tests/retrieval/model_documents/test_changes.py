"""Which rows are noted as changed, by whichever class and end of a relation they are saved."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import Group, User
from django.db import models, transaction
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save
from django.test.utils import isolate_apps

from chatsite.models import Conversation, Run
from retrieval.model_documents import ModelDocuments, documents
from retrieval.model_documents.changes import connect
from retrieval.model_documents.declaring import declared, withdraw
from retrieval.models import ModelChange

pytestmark = pytest.mark.django_db
_SIGNALS = (m2m_changed, post_delete, post_save, pre_delete, pre_save)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Take back what a test declares and connects."""
    labels, kept = {one.label for one in declared()}, [[*signal.receivers] for signal in _SIGNALS]
    yield
    for one in declared():
        if one.label not in labels:
            withdraw(one.label)
    for signal, receivers in zip(_SIGNALS, kept, strict=True):
        signal.receivers = receivers
        signal.sender_receivers_cache.clear()


def declare(model: type[models.Model], *related: str) -> None:
    kind = type(f"{model.__name__}Documents", (ModelDocuments,), {"text": lambda self, row: "", "related": related})
    documents(model, collection="talks")(kind)
    connect()


def noted() -> set[str]:
    """Return the keys that were noted since the last look."""
    keys = {*ModelChange.objects.values_list("key", flat=True)}
    ModelChange.objects.all().delete()
    return keys


def test_related_row_that_moves_changes_both() -> None:
    one, other = (Conversation.objects.create(title=title) for title in ("one", "other"))
    run = Run.objects.create(conversation=one, question="Which?", mode="retrieval")
    declare(Conversation, "runs")
    run.conversation = other
    run.save()
    assert noted() in ({one.pk.hex, other.pk.hex}, {str(one.pk), str(other.pk)})
    run.save()
    assert len(noted()) == 1
    run.delete()
    assert len(noted()) == 1


def test_links_are_noted_from_either_end() -> None:
    user, group = User.objects.create_user("ada"), Group.objects.create(name="Readers")
    declare(Group, "user")
    user.groups.add(group)
    assert noted() == {str(group.pk)}
    group.user_set.clear()
    assert noted() == {str(group.pk)}


@isolate_apps("chatsite")
def test_row_of_a_proxy_is_noted_when_it_is_saved_as_what_it_is() -> None:
    class Talk(Conversation):
        class Meta:
            app_label = "chatsite"
            proxy = True

    declare(Talk)
    Conversation.objects.create(title="engines")
    assert len(noted()) == 1


@isolate_apps("chatsite")
def test_row_is_noted_when_what_it_inherits_from_is_saved() -> None:
    class Speech(Conversation):
        class Meta:
            app_label = "chatsite"

    declare(Speech)
    conversation = Conversation.objects.create(title="engines")
    assert noted() in ({str(conversation.pk)}, {conversation.pk.hex})


def test_what_is_rolled_back_is_not_noted() -> None:
    declare(Conversation)
    with transaction.atomic():
        Conversation.objects.create(title="kept")
        before = transaction.savepoint()
        Conversation.objects.create(title="dropped")
        transaction.savepoint_rollback(before)
    assert len(noted()) == 1

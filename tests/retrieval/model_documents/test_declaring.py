"""What can't be declared is told by name, and what a module raises stops nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.checks import run_checks
from django.db import models
from django.test.utils import isolate_apps

from chatsite.models import Conversation
from retrieval.errors import ModelDocumentsInvalid
from retrieval.model_documents import ModelDocuments, documents
from retrieval.model_documents.declaring import declared_for, withdraw


@pytest.fixture(autouse=True)
def nothing_declared() -> Iterator[None]:
    yield
    withdraw("auth.user")
    withdraw("auth.group")
    withdraw("chatsite.conversation")


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({}, "has neither fields nor a method text"),
        ({"fields": ["titel"]}, "chatsite.Conversation has no 'titel'"),
        ({"fields": ["title"], "ending": "docx"}, "ending is 'docx'; it may be md, html, txt"),
        ({"fields": ["title"], "related": ["title"]}, "chatsite.Conversation has no relation 'title'"),
        ({"fields": ["title"], "related": ["pages"]}, "chatsite.Conversation has no relation 'pages'"),
    ],
)
def test_wrong_declaration_names_the_class_and_what_is_wrong(members: dict[str, Any], said: str) -> None:
    kind = type("TalkDocuments", (ModelDocuments,), members)
    with pytest.raises(ModelDocumentsInvalid, match="TalkDocuments") as raised:
        documents(Conversation, collection="talks")(kind)
    assert said in str(raised.value)
    assert declared_for("chatsite.conversation") is None


def test_relation_is_named_as_it_is_followed_or_as_it_is_asked_for() -> None:
    class Groups(ModelDocuments):
        fields = ("name", "user_set__username")
        related = ("user_set", "permissions")

    documents(Group, collection="groups")(Groups)
    one = declared_for("auth.group")
    assert one is not None
    assert list(one.related) == ["user", "permissions"]


def test_model_is_declared_once() -> None:
    class Talks(ModelDocuments):
        fields = ("title",)

    class OtherTalks(ModelDocuments):
        fields = ("title",)

    documents(Conversation, collection="talks")(Talks)
    documents(Conversation, collection="talks")(Talks)  # a module that is loaded again
    with pytest.raises(ModelDocumentsInvalid, match=r"chatsite\.conversation is declared twice"):
        documents(Conversation, collection="talks")(OtherTalks)


@pytest.mark.django_db
def test_text_is_the_fields_one_below_the_other_along_relations() -> None:
    class People(ModelDocuments):
        fields = ("username", "get_full_name", "email", "conversations__title")

    documents(User, collection="people")(People)
    user = User.objects.create_user("ada", first_name="Ada", last_name="Lovelace")
    for title in ("Engines", "Notes"):
        Conversation.objects.create(user=user, title=title)
    one = declared_for("auth.user")
    assert one is not None
    assert sorted(one.text(user).split("\n\n")) == ["Ada Lovelace", "Engines", "Notes", "ada"]
    assert (one.url(user), one.title(user), one.key_of(user)) == ("", "ada", str(user.pk))


@isolate_apps("chatsite")
def test_key_of_several_fields_is_refused() -> None:
    class Seat(models.Model):
        pk = models.CompositePrimaryKey("row", "number")
        row = models.CharField(max_length=2)
        number = models.IntegerField()

        class Meta:
            app_label = "chatsite"

        def __str__(self) -> str:
            return self.row

    kind = type("Seats", (ModelDocuments,), {"fields": ("row",)})
    with pytest.raises(ModelDocumentsInvalid, match=r"Seats: chatsite\.Seat has a primary key of several fields"):
        documents(Seat, collection="seats")(kind)


def warnings() -> list[tuple[str, str | None]]:
    return [(message.msg, message.hint) for message in run_checks(tags=["models"]) if message.id == "retrieval.W004"]


class Kept(models.Manager[Any]):
    def get_queryset(self) -> Any:
        return super().get_queryset().exclude(name="draft")


class Broken(models.Manager[Any]):
    def get_queryset(self) -> Any:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"published": models.BooleanField()}, "it has the field 'published'."),
        ({"is_public": models.BooleanField(), "status": models.TextField()}, "it has the field 'is_public', 'status'."),
        ({"live": models.BooleanField()}, "it has the field 'live'."),
        ({"objects": Kept()}, "its manager 'objects' leaves rows out."),
        ({"objects": models.Manager(), "published": Kept()}, "its manager 'published' leaves rows out."),
        ({"objects": Broken()}, "its manager 'objects' raised ZeroDivisionError."),
        ({"liveliness": models.TextField(), "relative_status_quo": models.TextField()}, ""),
    ],
)
def test_rows_that_a_model_keeps_back_are_everyones_only_where_that_is_said(members: dict[str, Any], why: str) -> None:
    with isolate_apps("chatsite"):
        name = {"__module__": __name__, "Meta": type("Meta", (), {"app_label": "chatsite"}), "name": models.TextField()}
        model: Any = type("Leaflet", (models.Model,), name | members)
        try:
            kind = documents(model, collection="leaflets")(type("Leaflets", (ModelDocuments,), {"fields": ["name"]}))
            found = warnings()
            assert [why in said for said, _hint in found] == ([True] if why else [])
            if found:
                assert found[0][0].startswith("Leaflets has no visible_to, so whoever may search the collection")
                assert "visible_to" in str(found[0][1])
            kind.visible_to = lambda self, user: self.queryset()
            assert warnings() == []
        finally:
            withdraw("chatsite.leaflet")

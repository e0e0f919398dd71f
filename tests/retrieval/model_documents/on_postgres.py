"""Run by test_postgres.py in a process of its own: rights by row on PostgreSQL, where a statement that fails ends the
transaction that it stands in."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import django
from django.core.management import call_command
from django.db import transaction


def main() -> None:
    django.setup()
    call_command("migrate", verbosity=0)
    from django.contrib.auth.models import User
    from django.db.models import Case, CharField, F, Func, IntegerField, OuterRef, Subquery, Value, When, Window
    from django.db.models.functions import Cast, Length, RowNumber

    CharField.register_lookup(Length)
    from chatsite.models import Conversation
    from retrieval.model_documents import ModelDocuments, documents
    from retrieval.models import Document

    @documents(Conversation, collection="talks")
    class TalkDocuments(ModelDocuments):
        fields = ("title",)

    ada, bob = (User.objects.create_user(name) for name in ("ada", "bob"))
    for user, title in ((ada, "engines"), (ada, "looms"), (bob, "weather")):
        Conversation.objects.create(user=user, title=title)
    call_command("sync_models")
    rows = Conversation.objects.order_by()
    kinds: dict[str, tuple[Callable[[Any], Any], set[str]]] = {
        "own": (lambda user: rows.filter(user=user.pk), {"engines", "looms"}),
        "one of each": (lambda user: rows.order_by("user", "title").distinct("user"), {"engines", "weather"}),
        "union": (lambda user: rows.filter(title="looms").union(rows.filter(user=bob)), {"looms", "weather"}),
        "difference": (lambda user: rows.difference(rows.filter(user=bob)), {"engines", "looms"}),
        "sliced": (lambda user: rows.order_by("title")[1:], {"looms", "weather"}),
        "window": (
            lambda user: rows.annotate(n=Window(RowNumber(), order_by=F("title").asc())).filter(n=1), {"engines"},
        ),
        "no such function": (lambda user: rows.annotate(x=Func(F("title"), function="no_such")).filter(x=1), set()),
        "no such column": (lambda user: rows.extra(where=["no_such_column = 1"]), set()),
        "no number": (lambda user: rows.annotate(n=Cast("title", IntegerField())).filter(n=1), set()),
        "divides by zero on looms": (lambda user: rows.filter(title__length__lt=1 / (Length("title") - 5)), set()),
        "divides by zero on others": (lambda user: rows.filter(title__length__gt=1 / (Length("title") - 7)), set()),
        "casts a word": (
            lambda user: rows.annotate(
                n=Cast(Case(When(title="looms", then="title"), default=Value("1")), IntegerField())
            ).filter(n=1), set(),
        ),
        "two users for one": (
            lambda user: rows.annotate(
                n=Subquery(User.objects.filter(pk__gte=OuterRef("user")).values("pk"))
            ).filter(n__gt=0), set(),
        ),
        "at once": (lambda user: [*rows.extra(where=["no_such_column = 1"])], set()),
    }  # fmt: skip
    for name, (visible_to, right) in kinds.items():
        TalkDocuments.visible_to = lambda self, user, visible_to=visible_to: visible_to(user)  # type: ignore[method-assign,misc]
        for atomic in (False, True):
            with transaction.atomic() if atomic else nullcontext():
                found = {document.title for document in Document.objects.visible_to(ada)}
                ids = Document.objects.ids_visible_to(ada, most=10)
                assert {document.pk for document in Document.objects.visible_to(ada)} == {*ids}, name
                assert User.objects.count() == 2, name
            assert found == right, (name, atomic, found)
    print(f"{len(kinds)} kinds of querysets")


if __name__ == "__main__":
    main()

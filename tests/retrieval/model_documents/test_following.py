"""Documents follow their rows, many at once, whoever else is at work and wherever the process dies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile

from chatsite.models import Conversation
from retrieval.model_documents.declaring import ModelDocuments, declared_for
from retrieval.model_documents.following import documents_of, follow, follow_row, sync
from retrieval.models import Collection, Document, ModelChange
from tests.retrieval.model_documents.test_rights import seen

pytestmark = pytest.mark.django_db


@pytest.fixture
def one(ada: User) -> ModelDocuments:
    found = declared_for("chatsite.conversation")
    assert found is not None
    return found


def texts() -> dict[str, str]:
    return {document.title: Path(document.file.path).read_text() for document in Document.objects.all()}


def test_rows_are_compared_many_at_once_and_cheaply(one: ModelDocuments, django_assert_max_num_queries: Any) -> None:
    Conversation.objects.bulk_create(Conversation(title=f"talk {number}") for number in range(450))
    with django_assert_max_num_queries(150):
        assert sync(one) == {"added": 450, "unchanged": 3}
    files = len([*Document._meta.get_field("file").storage.listdir("documents")[1]])
    assert (Document.objects.count(), files) == (453, 453)
    reported: list[int] = []
    with django_assert_max_num_queries(25):
        assert sync(one, report=reported.append) == {"unchanged": 453}
    assert reported == [200, 400, 453]
    Conversation.objects.exclude(title="engines").delete()
    ModelChange.objects.all().delete()
    with django_assert_max_num_queries(300):
        assert sync(one) == {"unchanged": 1, "deleted": 452}
    assert [*texts()] == ["engines"]


class Killed(BaseException):
    """As a SIGKILL, nobody handles it."""


def test_sync_that_is_killed_goes_on_where_it_was(one: ModelDocuments, monkeypatch: Any) -> None:
    Conversation.objects.bulk_create(Conversation(title=f"talk {number}") for number in range(450))
    with pytest.raises(Killed):
        sync(one, report=kill_at(400))
    assert Document.objects.count() >= 400
    assert sync(one)["unchanged"] >= 400
    assert {title for title, text in texts().items() if text == f"They talked about {title}."} == {
        *Conversation.objects.values_list("title", flat=True)
    }


def kill_at(number: int) -> Any:
    def report(done: int) -> None:
        if done >= number:
            raise Killed

    return report


@pytest.mark.parametrize("there", [True, False])
def test_slower_writer_with_the_older_row_writes_nothing(one: ModelDocuments, talks: Any, there: bool) -> None:
    """Somebody else follows the row between its being read and its document being written."""
    row = Conversation.objects.get(title="engines")
    if not there:
        documents_of(one).filter(location=one.key_of(row)).delete()
    plain, overtaken = talks.text, []

    def text(self: Any, read: Any) -> Any:
        said = plain(self, read)
        if not overtaken:
            overtaken.append(read.pk)
            Conversation.objects.filter(pk=read.pk).update(title="newer engines")
            follow_row(one, one.key_of(read))
        return said

    Conversation.objects.filter(pk=row.pk).update(title="new engines")
    talks.text = text
    assert follow_row(one, one.key_of(row)) in {"changed", "unchanged"}
    assert Document.objects.get(location=one.key_of(row)).title == "newer engines"
    assert texts()["newer engines"] == "They talked about newer engines."


def test_queryset_that_raises_is_told_for_each_row_and_stops_no_other(
    one: ModelDocuments, talks: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(talks, "queryset", lambda self: 1 / 0)
    key = one.key_of(Conversation.objects.get(title="engines"))
    for label in (one.label, "news.gone"):
        ModelChange.objects.create(label=label, key=key)
    assert (follow(), follow()) == (True, False)
    assert ModelChange.objects.get().error == "TalkDocuments.queryset raised ZeroDivisionError: division by zero"


def test_title_that_a_database_does_not_take_is_cleaned(one: ModelDocuments, talks: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(talks, "title", lambda self, row: "a\0b\ud800 " + "c" * 400)
    sync(one)
    assert {*Document.objects.values_list("title", flat=True)} == {"ab " + "c" * 297}


def test_model_declared_for_another_collection_moves_its_documents(one: ModelDocuments) -> None:
    one.collection = "speeches"
    assert sync(one) == {"added": 3}
    assert {*Collection.objects.filter(documents__isnull=False).values_list("slug", flat=True)} == {"speeches"}


def test_text_that_cannot_be_had_is_told_and_the_document_stays(
    ada: User, one: ModelDocuments, talks: Any, monkeypatch: Any
) -> None:
    row = Conversation.objects.get(title="engines")
    for text, said in (
        (lambda self, row: 1 / 0, "TalkDocuments raised ZeroDivisionError"),
        (lambda self, row: 5, "TalkDocuments.text gave int, not text"),
        (lambda self, row: "a" * 5_000_001, "5,000,001 characters; the limit is 5,000,000"),
    ):
        monkeypatch.setattr(talks, "text", text)
        ModelChange.objects.create(label=one.label, key=one.key_of(row))
        assert follow() is True
        assert said in ModelChange.objects.get().error
        assert (follow(), seen(ada)) == (False, ["engines"])
    monkeypatch.undo()
    assert (sync(one)["unchanged"], ModelChange.objects.count()) == (3, 0)


def test_empty_text_is_no_document_and_a_row_that_is_gone_neither(
    ada: User, one: ModelDocuments, talks: Any, monkeypatch: Any
) -> None:
    engines, looms = (Conversation.objects.get(title=title) for title in ("engines", "looms"))
    Conversation.objects.filter(pk=looms.pk).delete()
    assert follow_row(one, one.key_of(looms.pk)) == "deleted"
    monkeypatch.setattr(talks, "text", lambda self, row: " ")
    assert [follow_row(one, one.key_of(engines)) for _ in range(2)] == ["deleted", "unchanged"]


@pytest.mark.parametrize(
    "address", [None, "", "javascript:alert(1)", "//evil.example/", "/\\evil.example/", "/\t/evil.example/"]
)
def test_row_without_a_usable_address_opens_in_the_reader(
    ada: User, one: ModelDocuments, talks: Any, address: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(talks, "url", lambda self, row: address)
    assert follow_row(one, one.key_of(Conversation.objects.get(title="engines"))) in {"unchanged", "changed"}
    assert Document.objects.get(title="engines").address == ""


def test_file_of_a_row_is_its_document(ada: User, one: Any, talks: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(talks, "file", lambda self, row: ContentFile(b"<p>Punched cards</p>", name="cards.html"))
    assert follow_row(one, one.key_of(Conversation.objects.get(title="engines"))) == "changed"
    document = Document.objects.get(title="engines")
    with document.file.open() as stored:
        assert (document.filename, stored.read()) == ("cards.html", b"<p>Punched cards</p>")

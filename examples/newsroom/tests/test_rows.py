"""Articles answer, to those who may read them, as they are now. No key, no server: `pytest` in this folder."""

import random

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.management import call_command
from django.db import connection, transaction
from news.models import Article, Comment

from chatsite.testing import assert_answers, assert_refuses
from retrieval.model_documents.declaring import declared_for
from retrieval.model_documents.following import follow
from retrieval.models import Document, ModelChange
from retrieval.searching.search import search

BRIDGE = "When does the old bridge open again?"


@pytest.fixture
def author(db):
    return User.objects.create_user("author")


def article(author, title="The old bridge", body="The old bridge opens again on 4 May.", **fields):
    values = {"slug": title.lower().replace(" ", "-"), "published": True, **fields}
    return Article.objects.create(title=title, body=body, author=author, **values)


def seen_by(user):
    return {document.title for document in Document.objects.visible_to(user)}


def test_article_answers_and_its_own_page_is_where_a_citation_opens(author, documents, client):
    article(author)
    documents.follow()
    asked = assert_answers(BRIDGE, cites="The old bridge", quotes="opens again on 4 May")
    client.force_login(author)
    opened = client.get(asked.body["citations"][0]["url"])
    assert opened["Location"] == "/articles/the-old-bridge/#:~:text=The%20old%20bridge%20opens%20again%20on%204%20May."
    assert client.get("/articles/the-old-bridge/").status_code == 200


def test_comment_is_part_of_its_article(author, documents):
    row = article(author)
    Comment.objects.create(article=row, text="The ferry costs two euros until then.")
    documents.follow()
    assert_answers("How much does the ferry cost?", cites="The old bridge", quotes="two euros")


@pytest.mark.parametrize("fields", [{"published": False}, {"members_only": True}])
def test_what_a_reader_may_not_read_is_not_there(author, documents, fields, client):
    article(author, **fields)
    documents.follow()
    assert_refuses(BRIDGE)
    assert_answers(BRIDGE, reader=author, cites="The old bridge")
    assert (seen_by(AnonymousUser()), seen_by(author)) == (set(), {"The old bridge"})
    assert client.get("/ask/documents/", follow=True).content.count(b"The old bridge") == 0


def test_unpublished_it_is_gone_at_once_also_from_answers_that_were_given(author, documents, client):
    row = article(author)
    documents.follow()
    client.force_login(reader := User.objects.create_user("reader"))
    asked = assert_answers(BRIDGE, reader=reader, cites="The old bridge")
    run = f"/ask/api/v1/chat/runs/{asked.body['run_id']}"
    assert client.get(run).json()["answer"]["answered"] is True
    Article.objects.filter(pk=row.pk).update(published=False)  # sends no signal, and needs none
    assert (client.get(run).json()["answer"]["withheld"], seen_by(reader)) == (True, set())


def test_save_is_followed_and_deletion_too(author, documents):
    row = article(author)
    documents.follow()
    row.body = "The old bridge opens again on 9 June."
    row.save()
    assert follow() is True
    documents.follow()
    assert_answers(BRIDGE, quotes="9 June")
    row.delete()
    assert follow() is True
    assert not Document.objects.exists()
    assert_refuses(BRIDGE)


def test_rows_that_say_the_same_are_documents_of_their_own(author, documents):
    article(author)
    article(author, title="The bridge again")
    documents.follow()
    assert seen_by(author) == {"The old bridge", "The bridge again"}


def test_what_is_rolled_back_leaves_nothing(author):
    with transaction.atomic():
        article(author)
        transaction.set_rollback(True)
    assert not ModelChange.objects.exists()


def test_comment_and_its_deletion_note_the_article(author):
    row = article(author)
    ModelChange.objects.all().delete()
    comment = Comment.objects.create(article=row, text="Good.")
    comment.delete()
    assert [change.key for change in ModelChange.objects.all()] == [str(row.pk)] * 2


def test_sync_finds_what_sent_no_signal(author, documents, capsys):
    kept, changed = article(author), article(author, title="The new bridge", body="It is closed.")
    gone = article(author, title="A third bridge", body="It never was.")
    documents.follow()
    Article.objects.filter(pk=changed.pk).update(body="It is open.")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM news_article WHERE id = %s", [gone.pk])
    Article.objects.bulk_create([Article(title="A ford", slug="ford", body="Go slowly.", author=author)])
    call_command("sync_models")
    said = capsys.readouterr().out
    assert said.strip() == "news.article: 1 added, 1 changed, 1 deleted, 1 unchanged"
    call_command("sync_models", "news.article")
    assert capsys.readouterr().out.strip() == "news.article: 3 unchanged"
    assert Document.objects.filter(location=str(kept.pk)).exists()


def test_reader_of_few_rows_among_many_finds_them(author, documents):
    for number in range(450):
        article(author, title=f"Bridge {number}", published=False, body=f"Bridge {number} opens again on 4 May.")
    other = User.objects.create_user("other")
    article(other, title="The hidden bridge", published=False, body="The hidden bridge opens on 12 July.")
    documents.follow()
    assert_answers("When does the bridge open?", reader=other, cites="The hidden bridge", quotes="12 July")


def test_queryset_that_raises_shows_nothing(author, documents, monkeypatch):
    article(author)
    documents.follow()
    monkeypatch.setattr(type(declared_for("news.article")), "visible_to", lambda self, user: 1 / 0)
    assert seen_by(author) == set()
    assert_refuses(BRIDGE)


def test_random_states_of_rows_and_rights_are_seen_as_the_site_says(author, documents, client):
    chance = random.Random(4)  # noqa: S311
    readers = [author, User.objects.create_user("reader"), User.objects.create_user("other")]
    rows = [
        article(author, title=f"The bridge {number}", body=f"Bridge {number} opens in May.") for number in range(12)
    ]
    documents.follow()
    ids = dict(Document.objects.values_list("location", "pk"))
    for _ in range(12):
        for row in chance.sample(rows, 4):
            fields = {name: chance.random() < 0.5 for name in ("published", "members_only")}
            Article.objects.filter(pk=row.pk).update(author=chance.choice(readers), **fields)
        for reader in [*readers, AnonymousUser()]:
            allowed = {ids[str(pk)] for pk in Article.objects.visible_to(reader).values_list("pk", flat=True)}
            assert set(Document.objects.visible_to(reader).values_list("pk", flat=True)) == allowed
            found = {passage.document_id for passage in search("When does the bridge open?", user=reader).passages}
            assert found <= allowed
            assert len(found) == min(5, len(allowed))
            if reader.is_authenticated:
                client.force_login(reader)
                assert opened(client, ids.values()) == allowed
                shown = client.get("/ask/documents/").content.decode()
                assert {pk for pk in ids.values() if f"/ask/documents/{pk}/" in shown} == allowed


def opened(client, ids):
    return {pk for pk in ids if client.get(f"/ask/documents/{pk}/").status_code == 200}

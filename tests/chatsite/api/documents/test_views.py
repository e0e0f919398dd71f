"""Collections and documents through the API: who reads them, who changes them, in pages and with tags."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from chatsite.models import ApiKey
from retrieval.models import Collection, Document
from tests.chatsite.api.programs import DOCUMENTS, Program, ingest_all, status

TEA = "# Tea\n\nBoil the water before anything else.\n\n## Waiting\n\nWait four minutes before you pour the tea."


@pytest.fixture
def editor(db: None) -> User:
    """Someone who may do everything with documents, and sees what the group Editors sees."""
    user = User.objects.create_user("editor")
    codenames = [f"{verb}_document" for verb in ("add", "change", "delete", "view")]
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    user.groups.add(Group.objects.create(name="Writers"))
    return user


@pytest.fixture
def board(editor: User) -> Collection:
    """A collection that the editor sees and no other reader."""
    collection = Collection.objects.create(name="Board", slug="board")
    collection.groups.set(editor.groups.all())
    return collection


@pytest.fixture
def writing(editor: User, put: Any) -> Program:
    return Program(editor, may_change_documents=True)


def test_collections_are_those_that_a_reader_may_search(
    client: Client, public: Collection, board: Collection, writing: Program, put: Any
) -> None:
    put(public, "tea.md", TEA)
    body = client.get("/api/v1/collections").json()
    assert [one["slug"] for one in body["collections"]] == ["handbook"]
    assert body["collections"][0]["documents"] == 1
    assert body["next_cursor"] is None
    assert [one["slug"] for one in writing.get("/api/v1/collections").json()["collections"]] == ["board", "handbook"]
    limited = Program(writing.key.user, board)
    assert [one["slug"] for one in limited.get("/api/v1/collections").json()["collections"]] == ["board"]


def test_file_is_put_in_read_searched_and_deleted(public: Collection, writing: Program) -> None:
    response = writing.upload("tea.md", TEA.encode())
    assert response.status_code == 201
    [added] = response.json()["documents"]
    assert (added["title"], added["state"], added["created"], added["collection"]) == (
        "Tea", "queued", True, "handbook",
    )  # fmt: skip
    address = response["Location"]
    assert address == f"{DOCUMENTS}/{added['document_id']}"
    ingest_all()
    document = writing.get(address).json()
    assert (document["state"], document["characters"]) == ("ready", len(TEA))
    chunks = writing.get(f"{address}/chunks").json()["chunks"]
    assert "".join(chunk["text"] for chunk in chunks) == TEA
    assert [chunk["position"] for chunk in chunks] == list(range(document["chunks"]))
    original = writing.get(f"{address}/original")
    assert b"".join(original.streaming_content) == TEA.encode()
    assert original["Content-Disposition"] == 'attachment; filename="tea.md"'
    assert writing.delete(address).status_code == 204
    assert writing.get(address).status_code == 404
    assert Document.objects.count() == 0


def test_same_file_again_is_the_document_that_is_there(public: Collection, writing: Program) -> None:
    first = writing.upload("tea.md", TEA.encode()).json()["documents"][0]
    again = writing.upload("tea.md", TEA.encode())
    assert again.status_code == 200
    assert again.json()["documents"][0] == first | {"created": False}


def test_archive_gives_a_document_for_each_member_and_names_the_refused(public: Collection, writing: Program) -> None:
    with zipfile.ZipFile(packed := io.BytesIO(), "w") as archive:
        archive.writestr("one.md", "The first.")
        archive.writestr("two.exe", "MZ")
    response = writing.upload("both.zip", packed.getvalue())
    assert response.status_code == 201
    assert [one["filename"] for one in response.json()["documents"]] == ["one.md"]
    assert [one["filename"] for one in response.json()["refused"]] == ["both.zip: two.exe"]


def test_text_is_put_in(public: Collection, writing: Program, editor: User) -> None:
    response = writing.post(DOCUMENTS, {"title": "Coffee", "text": "Grind the beans.", "collection": "handbook"})
    assert response.status_code == 201
    document = Document.objects.get()
    assert (document.title, document.source, document.owner) == ("Coffee", "paste", editor)


def test_address_of_the_own_network_is_not_fetched(public: Collection, writing: Program) -> None:
    response = writing.post(DOCUMENTS, {"url": "http://127.0.0.1/secret", "collection": "handbook"})
    assert response.status_code == 400
    assert "url" in response.json()["details"]
    assert "not public" in response.json()["message"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"title": "A", "text": "b"}, "collection"),
        ({"title": "A", "collection": "handbook"}, "text"),
        ({"text": "b", "collection": "handbook"}, "title"),
        ({"title": "A", "text": "\u200b", "collection": "handbook"}, "text"),
        ({"url": 5, "collection": "handbook"}, "url"),
        ({"url": "https://example.org", "text": "b", "collection": "handbook"}, "url"),
        ({"title": "x" * 301, "text": "b", "collection": "handbook"}, "title"),
        ([], "body"),
    ],
)
def test_bad_document_names_the_field(public: Collection, writing: Program, body: Any, field: str) -> None:
    response = writing.post(DOCUMENTS, body)
    assert response.status_code == 400
    assert field in response.json()["details"] or field == "body"
    assert Document.objects.count() == 0


def test_file_of_an_unknown_type_is_415_and_one_too_large_413(
    public: Collection, writing: Program, settings: Any
) -> None:
    assert writing.upload("tea.exe", b"MZ").json()["error"] == "unsupported_file"
    assert writing.upload("tea.exe", b"MZ").status_code == 415
    settings.UPLOAD_MAX_BYTES = 10
    assert writing.upload("tea.md", TEA.encode()).status_code == 413
    assert writing.post(DOCUMENTS, "plain").status_code == 400


def test_json_larger_than_a_body_may_be_is_413(public: Collection, writing: Program, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    body = {"title": "A", "text": "b" * 200, "collection": "handbook"}
    assert writing.post(DOCUMENTS, body).status_code == 413


@pytest.mark.parametrize("verb", ["add", "change", "delete"])
def test_case_16_changing_needs_the_permission_and_the_key_that_may(
    public: Collection, writing: Program, editor: User, put: Any, verb: str
) -> None:
    document = put(public, "tea.md", TEA)
    calls = {
        "add": lambda program: program.upload("one.md", b"One."),
        "change": lambda program: program.post(f"{DOCUMENTS}/{document.pk}/reindex"),
        "delete": lambda program: program.delete(f"{DOCUMENTS}/{document.pk}"),
    }
    reading = Program(editor)
    assert calls[verb](reading).status_code == 403
    assert "may change documents" in calls[verb](reading).json()["message"]
    editor.user_permissions.remove(Permission.objects.get(codename=f"{verb}_document"))
    assert calls[verb](writing).status_code == 403
    assert f"retrieval.{verb}_document" in calls[verb](writing).json()["message"]
    assert Document.objects.get().generation == document.generation


def test_collection_that_a_key_or_its_user_does_not_see_is_404(
    public: Collection, board: Collection, writing: Program, editor: User, put: Any
) -> None:
    secret = put(board, "secret.md", "The secret.")
    limited = Program(editor, public, may_change_documents=True)
    assert limited.upload("one.md", b"One.", "board").status_code == 404
    assert limited.upload("one.md", b"One.", "nothing").status_code == 404
    for address in (f"{DOCUMENTS}/{secret.pk}", f"{DOCUMENTS}/{secret.pk}/chunks", f"{DOCUMENTS}/{secret.pk}/original"):
        assert status(writing.get(address)) == 200
        assert limited.get(address).status_code == 404
    assert limited.delete(f"{DOCUMENTS}/{secret.pk}").status_code == 404
    assert limited.post(f"{DOCUMENTS}/{secret.pk}/reindex").status_code == 404
    assert limited.get(DOCUMENTS, collection="board").status_code == 404
    assert limited.get(DOCUMENTS).json()["documents"] == []


def test_session_changes_documents_with_its_csrf_token_alone(public: Collection, editor: User, put: Any) -> None:
    document = put(public, "tea.md", TEA)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(editor)
    assert strict.delete(f"{DOCUMENTS}/{document.pk}").status_code == 403
    strict.get("/")
    token = strict.cookies["csrftoken"].value
    assert strict.delete(f"{DOCUMENTS}/{document.pk}", headers={"x-csrftoken": token}).status_code == 204


def test_stranger_reads_what_is_public_and_changes_nothing(client: Client, public: Collection, put: Any) -> None:
    document = put(public, "tea.md", TEA)
    assert client.get(f"{DOCUMENTS}/{document.pk}").status_code == 200
    assert client.delete(f"{DOCUMENTS}/{document.pk}").status_code == 401
    assert client.post(f"{DOCUMENTS}/{document.pk}/reindex").status_code == 401
    assert client.post(DOCUMENTS, {}, content_type="application/json").status_code == 401


def test_document_is_indexed_again(public: Collection, writing: Program, put: Any) -> None:
    document = put(public, "tea.md", TEA)
    response = writing.post(f"{DOCUMENTS}/{document.pk}/reindex")
    assert (response.status_code, response.json()["state"]) == (202, "queued")
    ingest_all()
    document.refresh_from_db()
    assert (document.live_generation, document.state) == (2, "ready")


@pytest.fixture
def seven(public: Collection, editor: User) -> list[int]:
    documents = [
        Document(
            collection=public, title=f"Title {number}", filename=f"{number}.md", content_hash=str(number),
            live_generation=1, state="ready" if number % 2 else "failed",
        )
        for number in range(7)
    ]  # fmt: skip
    return [document.pk for document in Document.objects.bulk_create(documents)]


def pages(program: Any, **parameters: Any) -> Iterator[list[int]]:
    cursor: str | None = ""
    while cursor is not None:
        asked = parameters | ({"cursor": cursor} if cursor else {})
        body = program.get(DOCUMENTS, **asked).json()
        yield [document["document_id"] for document in body["documents"]]
        cursor = body["next_cursor"]


def test_pages_hold_each_document_once_also_when_some_come_and_go(writing: Program, seven: list[int]) -> None:
    assert list(pages(writing, limit=3)) == [seven[:3], seven[3:6], seven[6:]]
    walk = pages(writing, limit=3)
    assert next(walk) == seven[:3]
    Document.objects.filter(pk=seven[0]).delete()
    assert list(walk) == [seven[3:6], seven[6:]]


def test_filters_narrow_the_list(writing: Program, seven: list[int], board: Collection) -> None:
    assert list(pages(writing, state="ready")) == [seven[1::2]]
    assert list(pages(writing, q="title 3")) == [[seven[3]]]
    assert list(pages(writing, collection="board")) == [[]]
    newest = Document.objects.get(pk=seven[6])
    newest.save()
    assert list(pages(writing, updated_since=newest.updated_at.isoformat())) == [[seven[6]]]


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": ""}, "cursor"),
        ({"state": "lost"}, "state"),
        ({"updated_since": "yesterday"}, "updated_since"),
        ({"updated_since": "0001-01-01T00:00:00+14:00"}, "updated_since"),
        ({"q": "\x00"}, "q"),
        ({"colection": "handbook"}, "colection"),
    ],
)
def test_bad_parameter_is_named(writing: Program, public: Collection, parameters: Any, field: str) -> None:
    response = writing.get(DOCUMENTS, **parameters)
    assert response.status_code == 400
    assert list(response.json()["details"]) == [field]


def test_cursor_of_another_list_is_refused(writing: Program, seven: list[int]) -> None:
    cursor = writing.get(DOCUMENTS, limit=1).json()["next_cursor"]
    assert writing.get("/api/v1/collections", cursor=cursor).status_code == 400


def test_what_failed_is_listed_for_the_staff_who_look_after_documents(
    client: Client, writing: Program, seven: list[int], editor: User
) -> None:
    Document.objects.filter(state="failed").update(live_generation=0)
    assert [len(page) for page in pages(writing)] == [7]
    assert [one["document_id"] for one in client.get(DOCUMENTS).json()["documents"]] == seven[1::2]
    assert client.get(f"{DOCUMENTS}/{seven[0]}").status_code == 404


def test_list_costs_the_same_however_long_it_is(
    writing: Program, seven: list[int], django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(10):
        assert len(writing.get(DOCUMENTS).json()["documents"]) == 7


def test_unchanged_answer_is_304_until_something_changes(writing: Program, public: Collection, put: Any) -> None:
    document = put(public, "tea.md", TEA)
    for address in ("/api/v1/collections", DOCUMENTS, f"{DOCUMENTS}/{document.pk}"):
        first = writing.get(address)
        assert first["Cache-Control"] == "private, no-cache"
        again = writing.get(address, headers={"if-none-match": first["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
    Document.objects.update(title="Other")
    assert writing.get(address, headers={"if-none-match": first["ETag"]}).status_code == 200
    public.delete()
    assert writing.get(address, headers={"if-none-match": first["ETag"]}).status_code == 404


def test_private_answer_is_not_kept(writing: Program, public: Collection, put: Any) -> None:
    document = put(public, "tea.md", TEA)
    for address in (f"{DOCUMENTS}/{document.pk}/chunks", f"{DOCUMENTS}/{document.pk}/original"):
        response = writing.get(address)
        assert (status(response), response["Cache-Control"]) == (200, "no-store")


@pytest.mark.parametrize("address", ["", "/original", "/chunks", "/reindex"])
def test_case_131_id_of_twenty_digits_is_404(writing: Program, public: Collection, address: str) -> None:
    there = f"{DOCUMENTS}/99999999999999999999{address}"
    response = writing.post(there) if address == "/reindex" else writing.get(there)
    assert response.status_code == 404


def test_document_is_put_in_once_under_one_idempotency_key(public: Collection, writing: Program) -> None:
    text = {"title": "Coffee", "text": "Grind the beans.", "collection": "handbook"}
    key = {"idempotency-key": "a-1"}
    first = writing.post(DOCUMENTS, text, **key)
    assert first.status_code == 201
    again = writing.post(DOCUMENTS, text, **key)
    assert (again.status_code, again.json(), again["Location"]) == (201, first.json(), first["Location"])
    other = writing.post(DOCUMENTS, text | {"text": "Another."}, **key)
    assert (other.status_code, other.json()["error"]) == (422, "idempotency_key_reused")
    Document.objects.all().delete()
    assert writing.post(DOCUMENTS, text, **key).json()["documents"][0]["created"] is True


def test_idempotency_key_covers_the_content_of_a_file(public: Collection, writing: Program, editor: User) -> None:
    key = {"idempotency-key": "a-2"}
    first = writing.upload("tea.md", TEA.encode(), **key)
    assert writing.upload("tea.md", TEA.encode(), **key).json() == first.json()
    assert writing.upload("tea.md", b"Another.", **key).status_code == 422
    assert Program(editor, may_change_documents=True).upload("tea.md", b"Another.", **key).status_code == 201
    assert ApiKey.objects.count() == 2

"""Questions narrowed to documents, languages and dates: what can be chosen, what a run keeps, and what it shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from chatsite.asking.documents import MOST
from chatsite.models import Run
from retrieval.models import Collection, Document
from retrieval.notes import Note
from tests.chatsite.api.test_keys import make

Put = Callable[..., Document]

QUESTION = "Where is the kettle kept?"


def ask(client: Client, **more: Any) -> Any:
    body = json.dumps({"query": QUESTION} | more)
    return client.post("/api/v1/chat/query", body, content_type="application/json")


def find(client: Client, **given: Any) -> Any:
    return client.get("/api/v1/chat/documents", given).json()


@pytest.fixture
def kettles(public: Collection, put: Put) -> dict[str, Document]:
    private = Collection.objects.create(name="Private", slug="private")
    return {
        "blue": put(public, "Blue kettles.md", "The kettle is kept in the blue cupboard."),
        "red": put(public, "Red kettles.md", "The kettle is kept in the red cupboard, beside the old samovar."),
        "gold": put(private, "Gold kettles.md", "The kettle is kept in the golden cupboard of the director."),
    }


# ---- documents by title ----------------------------------------------------------------------------------------------
def test_documents_are_found_by_words_of_their_titles(client: Client, kettles: dict[str, Document]) -> None:
    both = [
        {
            "document_id": kettles[name].pk,
            "title": kettles[name].title,
            "filename": kettles[name].filename,
            "beside": "",
            "collection": "Handbook",
            "pages": None,
            "state": "ready",
            "notes": [],
        }
        for name in ("blue", "red")
    ]
    assert find(client) == {"documents": both, "more": False}
    assert find(client, words="KETT blue")["documents"] == both[:1]
    assert find(client, words="nothing")["documents"] == []
    assert find(client, document_ids=f"{kettles['red'].pk}, {10**9}")["documents"] == both[1:]
    assert find(client, collections="handbook,private")["documents"] == both
    assert find(client, collections="private")["documents"] == []
    assert find(client, words="%")["documents"] == []


def test_long_list_says_that_there_is_more(client: Client, public: Collection) -> None:
    Document.objects.bulk_create(
        Document(
            collection=public, title=f"No {n:03}", filename="n.md", content_hash=str(n), generation=1, live_generation=1
        )
        for n in range(MOST + 5)
    )
    found = find(client)
    assert (len(found["documents"]), found["more"]) == (MOST, True)
    every = ",".join(str(pk) for pk in Document.objects.values_list("pk", flat=True))
    assert len(find(client, document_ids=every)["documents"]) == MOST + 5


@pytest.mark.parametrize(
    "given", [{"document_ids": "1,x"}, {"words": "a\x00b"}, {"document_ids": "9" * 30}, {"words": "x" * 301}]
)
def test_wrong_words_and_ids_are_400(client: Client, db: None, given: dict[str, str]) -> None:
    response = client.get("/api/v1/chat/documents", given)
    assert (response.status_code, list(response.json()["details"])) == (400, list(given))


def test_case_01_06_titles_of_what_may_not_be_read_are_told_to_nobody(
    client: Client, kettles: dict[str, Document], reader: User
) -> None:
    client.force_login(reader)
    gold = kettles["gold"].pk
    assert find(client, words="gold")["documents"] == find(client, document_ids=gold)["documents"] == []
    page = client.get("/", {"document": gold}).content.decode()
    missing = client.get("/", {"document": 10**9}).content.decode()
    for text in (page, missing):
        assert "A document that was chosen can&#x27;t be asked" in text or "A document that was chosen can't" in text
        assert "Gold kettles" not in text
        assert 'name="document_ids" value=""' in text  # the template alone
        assert 'name="document_ids" value="1' not in text
    answers = [ask(client, document_ids=[kettles["blue"].pk, wanted]) for wanted in (gold, 10**9)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert [answer.json()["details"]["missing"] for answer in answers] == [[gold], [10**9]]
    assert "Gold" not in answers[0].content.decode()
    assert Run.objects.count() == 0


def test_case_18_limited_key_lists_its_collections_alone(kettles: dict[str, Document], reader: User) -> None:
    kettles["gold"].collection.groups.create(name="directors").user_set.add(reader)
    _key, secret = make(reader, kettles["gold"].collection)
    headers = {"authorization": f"Bearer {secret}"}
    for given in ({}, {"collections": "private,handbook"}):
        found = Client().get("/api/v1/chat/documents", given, headers=headers).json()
        assert [document["title"] for document in found["documents"]] == ["Gold kettles"]
    assert (
        Client().get("/api/v1/chat/documents", {"collections": "handbook"}, headers=headers).json()["documents"] == []
    )


# ---- one document ----------------------------------------------------------------------------------------------------
def one(client: Client, pk: int, **headers: str) -> Any:
    return client.get(f"/api/v1/chat/documents/{pk}", headers=headers)


def test_document_tells_how_it_was_read(client: Client, kettles: dict[str, Document]) -> None:
    notes = [Note("running_lines", 2, ("Acme",)), Note("fonts", 1, ("3",))]
    Document.objects.filter(pk=kettles["blue"].pk).update(notes=notes, page_count=4)
    told = one(client, kettles["blue"].pk).json()
    assert told["notes"] == [
        {
            "kind": "fonts",
            "count": 1,
            "names": ["3"],
            "message": "Fonts that don't say which letters they show make pages unreadable: 3.",
            "lost": True,
        },
        {
            "kind": "running_lines",
            "count": 2,
            "names": ["Acme"],
            "message": "Lines that repeat on the pages stay in the text, and are searched once: Acme, ….",
            "lost": False,
        },
    ]
    assert (told["title"], told["pages"], told["state"]) == ("Blue kettles", 4, "ready")
    assert find(client, words="blue")["documents"] == [told]


def test_case_01_06_document_that_may_not_be_read_is_as_one_that_is_not_there(
    client: Client, kettles: dict[str, Document], reader: User
) -> None:
    client.force_login(reader)
    gold = kettles["gold"].pk
    answers = [one(client, pk) for pk in (gold, 10**9, 10**19)]
    assert [answer.status_code for answer in answers] == [404] * 3
    assert (
        len(
            {
                answer.json()["message"].replace(str(pk), "")
                for answer, pk in zip(answers, (gold, 10**9, 10**19), strict=True)
            }
        )
        == 1
    )
    Document.objects.filter(pk=kettles["red"].pk).update(live_generation=0, state="failed")
    assert one(client, kettles["red"].pk).status_code == 404  # nor can it be seen in the library
    Document.objects.filter(pk=kettles["red"].pk).update(state="queued")
    assert one(client, kettles["red"].pk).json()["state"] == "queued"


def test_two_documents_of_one_title_are_told_apart(client: Client, kettles: dict[str, Document]) -> None:
    Document.objects.filter(pk__in=[kettles[name].pk for name in kettles]).update(title="Kettles")
    found = find(client)["documents"]
    assert [document["beside"] for document in found] == ["Blue kettles.md", "Red kettles.md"]
    assert one(client, kettles["red"].pk).json()["beside"] == "Red kettles.md"
    library = client.get("/documents/").content.decode()
    assert "Blue kettles.md" in library
    assert "Red kettles.md" in library
    answer = ask(client).json()
    assert {source["beside"] for source in answer["sources"]} == {"Blue kettles.md", "Red kettles.md"}
    shown = client.get(f"/runs/{answer['run_id']}/").content.decode()
    assert f'<span class="muted beside">{answer["citations"][0]["beside"]}</span>' in shown
    page = client.get("/", {"document": kettles["red"].pk}).content.decode()
    assert "data-beside>Red kettles.md<" in page


# ---- languages and dates ---------------------------------------------------------------------------------------------
def test_languages_and_dates_narrow_the_search(
    client: Client, kettles: dict[str, Document], public: Collection, put: Put
) -> None:
    german = put(
        public,
        "Kessel.md",
        "Der Kessel (kettle) steht im grünen Schrank, den niemand ohne Schlüssel öffnen darf, und nirgends sonst.",
    )
    assert german.language == "de"
    assert {s["title"] for s in ask(client, languages=["de"]).json()["sources"]} == {"Kessel"}
    today = timezone.now().date()
    day = timedelta(days=1)
    assert len(ask(client, since=str(today), until=str(today)).json()["sources"]) == 3
    assert ask(client, since=str(today + day)).json()["sources"] == []
    assert ask(client, until=str(today - day)).json()["sources"] == []
    scope = Run.objects.latest("created_at").scope
    assert scope == {"until": str(today - day)}
    assert ask(client, languages=["de", "en"], since=str(today), top_k=2).status_code == 200


@pytest.mark.parametrize(
    ("given", "field", "told"),
    [
        ({"languages": ["deutsch"]}, "languages", "ISO 639-1"),
        ({"languages": [5]}, "languages", "ISO 639-1"),
        ({"languages": []}, "languages", "empty"),
        ({"languages": "de"}, "languages", "list"),
        ({"since": "2024-02-30"}, "since", "YYYY-MM-DD"),
        ({"since": 20240101}, "since", "YYYY-MM-DD"),
        ({"until": None}, "until", "null"),
        ({"since": "2024-02-01", "until": "2024-01-31"}, "until", "Is before since"),
        ({"languages": ["de"], "selected_text": "Tea."}, "languages", "leave it out"),
        ({"since": "2024-01-01", "selected_text": "Tea."}, "since", "leave it out"),
    ],
)
def test_case_42_wrong_languages_and_dates_are_400_and_named(
    client: Client, db: None, given: dict[str, Any], field: str, told: str
) -> None:
    response = ask(client, **given)
    assert (response.status_code, list(response.json()["details"])) == (400, [field])
    assert told in response.json()["message"]


# ---- what a run keeps and shows --------------------------------------------------------------------------------------
def test_run_keeps_and_shows_what_it_was_narrowed_to(
    client: Client, kettles: dict[str, Document], reader: User
) -> None:
    client.force_login(reader)
    red = kettles["red"]
    body = ask(client, document_ids=[red.pk]).json()
    assert {source["document_id"] for source in body["sources"]} == {red.pk}
    assert Run.objects.get().scope == {"document_ids": [red.pk]}
    page = client.get(f"/c/{body['session_id']}/").content.decode()
    assert "Searched only in: “Red kettles”." in page
    kept = json.dumps({"collections": [], "documents": [{"id": red.pk, "title": "Red kettles"}]})
    assert f'data-scope="{kept.replace(chr(34), "&quot;")}"' in page
    collection = ask(client, collections=["handbook"], session_id=body["session_id"]).json()
    assert "Searched only in: Handbook." in client.get(f"/runs/{collection['run_id']}/").content.decode()


def test_case_11_title_of_what_may_no_longer_be_read_is_not_shown(
    client: Client, kettles: dict[str, Document], reader: User
) -> None:
    client.force_login(reader)
    run_id = ask(client, document_ids=[kettles["red"].pk]).json()["run_id"]
    Collection.objects.update(public=False)
    page = client.get(f"/runs/{run_id}/").content.decode()
    assert "Red kettles" not in page
    assert "a document that is no longer available" in page
    run_id = Run.objects.create(
        conversation=Run.objects.get().conversation, mode="retrieval", question="?", scope={"collections": ["private"]},
        state="completed", ended_at=timezone.now(), steps=[{"query": "?", "passages": 0, "failed": False, "ms": 1}],
    ).pk  # fmt: skip
    page = client.get(f"/runs/{run_id}/").content.decode()
    assert "a collection that is no longer available" in page
    assert ">Private<" not in page
    assert "Private." not in page


# ---- without JavaScript ----------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_page_narrowed_by_its_address_asks_that_document_without_scripts(put: Put) -> None:
    shelf = Collection.objects.create(name="Handbook", slug="handbook", public=True)
    blue = put(shelf, "Blue kettles.md", "The kettle is kept in the blue cupboard.")
    put(shelf, "Red kettles.md", "The kettle is kept in the red cupboard, beside the old samovar.")
    client = Client()
    reader = client.get(blue.get_absolute_url()).content.decode()
    assert f'href="/?document={blue.pk}" data-narrow="{blue.pk}"' in reader
    page = client.get("/", {"document": blue.pk}).content.decode()
    assert f'<input type="hidden" name="document_ids" value="{blue.pk}">' in page
    form = {"query": QUESTION, "document_ids": [str(blue.pk)], "collections": ["handbook"]}
    answer = client.get(client.post("/ask/", form)["Location"]).content.decode()
    assert "blue cupboard" in answer
    assert "samovar" not in answer
    gone = client.post("/ask/", form | {"document_ids": ["999999"]})
    assert gone.status_code == 404
    assert QUESTION in gone.content.decode()
    assert "No such document: 999999" in gone.content.decode()

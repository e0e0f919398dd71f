"""The words that are counted for a collection are those of its documents' chunks, whatever became of the documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse

from retrieval.ingestion import ingest
from retrieval.ingestion.deletion import delete_collection, delete_documents
from retrieval.models import Chunk, Collection, CollectionWord, Document
from retrieval.searching.search import search
from retrieval.text.words import vocabulary

Put = Callable[[Collection, str, str], Document]
WORDS = "Boiler boiler valve Heating summer caretaker key pump Pump cellar winter ticket cashier sauna guests".split()


def stored() -> Counter[tuple[int, str, str]]:
    counted = Counter[tuple[int, str, str]]()
    for row in CollectionWord.objects.all():
        counted[row.collection_id, row.word, "chunks"] = row.chunks
        counted[row.collection_id, row.word, "capitals"] = row.capitals
    return +counted


def held() -> Counter[tuple[int, str, str]]:
    counted = Counter[tuple[int, str, str]]()
    collections = dict(Document.objects.values_list("pk", "collection"))
    for chunk in Chunk.objects.filter(document__in=collections):
        for word, is_capital in vocabulary("\n".join((*chunk.headings, chunk.text))).items():
            counted[collections[chunk.document_id], word, "chunks"] += 1
            counted[collections[chunk.document_id], word, "capitals"] += is_capital
    return +counted


def text(random: Random) -> str:
    return f"# {random.choice(WORDS)}\n\n" + ". ".join(" ".join(random.choices(WORDS, k=6)) for _ in range(20)) + ".\n"


def ingest_all() -> None:
    while ingest.ingest_next():
        pass


def move(client: Client, document: Document, target: Collection) -> None:
    address = reverse("admin:retrieval_document_change", args=[document.pk])
    response = client.post(address, {"title": document.title, "collection": target.pk})
    assert response.status_code == 302


@pytest.mark.parametrize("seed", range(2))
def test_counted_words_are_those_of_the_chunks_after_whatever_was_done(
    put: Put, admin_client: Client, seed: int
) -> None:
    random = Random(seed)
    collections = [Collection.objects.create(name=name, slug=name) for name in ("a", "b", "c")]
    for number in range(3):
        put(random.choice(collections), f"{number}.md", text(random))
    for step in range(10):
        documents = list(Document.objects.order_by("pk"))
        document = random.choice(documents)
        match random.choice(["put", "delete", "replace", "move", "again"]) if len(documents) > 1 else "put":
            case "put":
                put(random.choice(collections), f"new{step}.md", text(random))
            case "delete":
                delete_documents(Document.objects.filter(pk=document.pk))
                assert ingest.drain_removals()
            case "replace":
                file = ContentFile(text(random).encode(), name="other.md")
                assert ingest.replace_file(document, file=file, filename="other.md")
            case "move":
                move(admin_client, document, random.choice(collections))
            case "again":
                ingest.enqueue(document)
        assert stored() == held()
        if random.random() < 0.5:  # else the next thing is done to a document that waits
            ingest_all()
            assert stored() == held()
    delete_collection(collections[0])
    ingest.drain_removals()
    ingest_all()
    assert stored() == held()
    assert not CollectionWord.objects.filter(chunks__lte=0).exists()


def test_words_move_with_their_document_before_it_is_ingested_again(
    put: Put, admin_client: Client, public: Collection
) -> None:
    put(public, "guide.md", "The heating is switched off in summer. The boiler room is shut.\n")
    moved = put(public, "plan.md", "The takeover of the brewery is planned for winter.\n")
    board = Collection.objects.create(name="Board", slug="board")
    assert search("What of the brewerey?", user=AnonymousUser()).corrections != ()
    move(admin_client, moved, board)
    assert search("What of the brewerey?", user=AnonymousUser()).corrections == ()
    assert board.words.filter(word="brewery").exists()

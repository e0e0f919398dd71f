"""Another index behind the live one, and a live one brought back to what SQL holds."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings as site_settings
from django.contrib.auth.models import AnonymousUser
from django.core.files.base import ContentFile
from django.db import transaction
from pytest_django import Settings

from retrieval.configuration import RetrievalSettings, configure, runtime
from retrieval.index import VERSION
from retrieval.ingestion import batch as intake
from retrieval.ingestion import ingest, queue, reindex, spaces
from retrieval.models import Chunk, Collection, Document, IndexRemoval, Reindex
from retrieval.searching.search import search
from tests.configured import configured
from tests.fakes.chat_server import EMBEDDINGS, ChatServer, failure

pytestmark = pytest.mark.django_db(transaction=True)

MINILM = f"all-minilm-l6-v2-int8-53aa5117-d384-v{VERSION}"
FAKE, FORMER = f"fake-d64-v{VERSION}", f"former-d64-v{VERSION}"
NOBODY = AnonymousUser()
Configure = Callable[..., None]


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


@pytest.fixture
def use(db: None, settings: Settings, tmp_path: Path) -> Iterator[Configure]:
    """Restart with this embedding address, or with none, on the same storage."""
    settings.MEDIA_ROOT = tmp_path / "media"

    def use(url: str = "", model: str = "", **more: object) -> None:
        given = RetrievalSettings(
            index_dir=tmp_path / "index",
            model_dir=site_settings.MODEL_DIR,
            embedding_base_url=url,
            embedding_model=model,
            drop_after_seconds=0,
        )
        configure(replace(given, **more))  # type: ignore[arg-type]

    with configured(tmp_path / "index"):
        yield use


def prose(number: int, *, words: int = 2_000) -> str:
    """Sentences of random words, the same for the same number."""
    chance = random.Random(number)
    said = ["".join(chance.choices("abcdefghijklmnop", k=chance.randint(2, 9))) for _ in range(words)]
    sentences = [" ".join(said[first : first + 11]).capitalize() + "." for first in range(0, words, 11)]
    return "\n\n".join(" ".join(sentences[first : first + 5]) for first in range(0, len(sentences), 5))


def add(collection: Collection, name: str, text: str) -> Document:
    return ingest.add_document(collection, file=ContentFile(text.encode()), filename=name)[0]


def ingest_all() -> None:
    while ingest.work():
        pass


def live() -> str:
    return spaces.live_fingerprint()


def assert_whole() -> None:
    """The live index holds exactly what SQL does, and nothing waits."""
    assert dict(spaces.live_space().index.holdings()) == spaces.live_counts()
    assert not IndexRemoval.objects.exists()
    assert not Reindex.objects.exists()


def test_case_84_settings_of_another_model_change_nothing_until_asked(
    use: Configure, server: ChatServer, public: Collection
) -> None:
    use()
    document = add(public, "a.md", "The boiler is serviced in May.")
    ingest_all()
    use(server.url, "fake")
    ingest.recover()
    later = add(public, "b.md", "The pump is new.")
    ingest_all()
    assert live() == MINILM
    assert server.requests == []
    assert search("boiler", user=NOBODY).passages[0].document_id == document.pk
    later.refresh_from_db()
    assert later.state == Document.State.READY
    assert spaces.mismatch() == (
        f"The documents were indexed with {MINILM}, but would be indexed with another model now: searches go on with "
        "it until “manage.py reindex” has built the new index. Or set EMBEDDING_BASE_URL and EMBEDDING_MODEL back."
    )
    use()
    assert spaces.mismatch() == ""


def test_an_index_of_an_earlier_version_asks_for_reindex_and_for_no_other_model(
    use: Configure, public: Collection
) -> None:
    use()
    add(public, "a.md", "The boiler is serviced in May.")
    ingest_all()
    earlier = re.sub(r"-v\d+$", "-v1", live())
    Collection.objects.exclude(fingerprint="").update(fingerprint=earlier)
    assert spaces.mismatch() == (
        "The documents were indexed by an earlier version: searches go on with that index, without what the new one "
        "adds, until “manage.py reindex” has built it."
    )


def test_case_84_reindex_switches_at_once_and_drops_the_former_index(
    use: Configure, server: ChatServer, public: Collection, tmp_path: Path
) -> None:
    use()
    other = Collection.objects.create(name="Other", slug="other", public=True)
    for number in range(3):
        add(public, f"{number}.md", prose(number, words=300))
    add(other, "z.md", "The zeppelin flies in June.")
    ingest_all()
    chunks = list(Chunk.objects.order_by("pk").values())
    use(server.url, "fake")
    reindex.request_reindex()
    assert spaces.mismatch() == ""
    seen = []
    while ingest.work():
        found = search("zeppelin", user=NOBODY).passages
        seen.append((live(), found[0].title))
    assert {fingerprint for fingerprint, _ in seen} == {MINILM, FAKE}
    assert [fingerprint for fingerprint, _ in seen] == sorted((fingerprint for fingerprint, _ in seen))
    assert {title for _, title in seen} == {"z"}
    assert set(Collection.objects.values_list("fingerprint", flat=True)) == {FAKE}
    assert_whole()
    assert list(Chunk.objects.order_by("pk").values()) == chunks  # nothing was parsed or cut again
    assert not (tmp_path / "index" / MINILM).exists()
    assert (tmp_path / "index" / FAKE).exists()


def test_case_84_documents_that_change_during_the_build_are_caught_up(
    use: Configure, server: ChatServer, public: Collection
) -> None:
    use()
    documents = [add(public, f"{number}.md", prose(number, words=1_200)) for number in range(8)]
    ingest_all()
    use(server.url, "fake")
    reindex.request_reindex()
    assert reindex.advance()  # the first piece holds more than two documents
    assert 0 < Reindex.objects.get().done < Reindex.objects.get().total
    ingest.replace_file(documents[0], file=ContentFile(prose(100).encode()))
    documents[1].delete()
    added = add(public, "new.md", prose(101))
    ingest_all()
    assert live() == FAKE
    assert_whole()
    assert set(Chunk.objects.values_list("document", flat=True)) == {
        *(document.pk for document in documents if document.pk),
        added.pk,
    }


def test_case_84_reindex_goes_on_after_a_restart_without_embedding_twice(
    use: Configure, server: ChatServer, public: Collection
) -> None:
    use(server.url, "former")
    for number in range(8):
        add(public, f"{number}.md", prose(number))
    ingest_all()
    use(server.url, "fake")
    reindex.request_reindex()
    for _ in range(2):
        reindex.advance()
    reindex._under_way.clear()  # what a killed process leaves: the row, and half an index
    use(server.url, "fake")
    ingest.recover()
    ingest_all()
    assert live() == FAKE
    assert_whole()
    requests = [request.body for request in server.requests if request.body["model"] == "fake"]
    asked = [text for body in requests for text in body["input"] if text != "dimension"]
    assert len(asked) == len(set(asked)) == Chunk.objects.count()


def test_case_84_failing_embedding_address_pauses_the_reindex(
    use: Configure, server: ChatServer, public: Collection
) -> None:
    use()
    add(public, "a.md", "The boiler is serviced in May.")
    ingest_all()
    use(server.url, "fake")
    server.script(*[failure(503)] * 3, path=EMBEDDINGS)
    reindex.request_reindex()
    ingest_all()
    request = Reindex.objects.get()
    assert live() == MINILM
    assert reindex.describe(request) == (
        "Building the new index. It waits: The embedding address doesn't answer: InternalServerError."
    )
    assert request.owner == ""
    assert request.lease_until is not None
    assert not reindex.advance()
    Reindex.objects.update(lease_until=None)  # five seconds later
    ingest_all()
    assert live() == FAKE
    assert_whole()


def test_case_84_cancelled_reindex_leaves_no_index_behind(
    use: Configure, server: ChatServer, public: Collection, tmp_path: Path
) -> None:
    use(server.url, "former")
    for number in range(6):
        add(public, f"{number}.md", prose(number))
    ingest_all()
    use(server.url, "fake")
    assert reindex.cancel_reindex() is False
    reindex.request_reindex()
    reindex.advance()
    assert (tmp_path / "index" / FAKE).exists()
    assert reindex.cancel_reindex() is True
    ingest_all()
    assert live() == FORMER
    assert_whole()
    assert not (tmp_path / "index" / FAKE).exists()


def test_case_84_reindex_cancelled_when_all_is_built_does_not_switch(
    use: Configure, server: ChatServer, public: Collection, tmp_path: Path
) -> None:
    use(server.url, "former")
    add(public, "a.md", "The boiler is serviced in May.")
    ingest_all()
    use(server.url, "fake")
    reindex.request_reindex()
    assert reindex.advance()
    assert runtime().space().index.count() == 1
    reindex.cancel_reindex()
    ingest_all()
    assert live() == FORMER
    assert_whole()
    assert not (tmp_path / "index" / FAKE).exists()


def test_case_84_model_that_is_gone_leaves_words_and_documents_wait_with_the_reason(
    use: Configure, server: ChatServer, public: Collection
) -> None:
    use(server.url, "fake")
    add(public, "a.md", "The boiler is serviced in May.")
    ingest_all()
    use()
    waiting = add(public, "b.md", "The pump is new.")
    ingest_all()
    waiting.refresh_from_db()
    assert (waiting.state, waiting.attempts) == (Document.State.QUEUED, 0)
    assert waiting.error == (
        f"The index was made with another embedding model ({FAKE}) than the one that is configured: run "
        "“manage.py reindex”, or set EMBEDDING_BASE_URL and EMBEDDING_MODEL back."
    )
    assert "searches rank by words alone" in spaces.mismatch()
    assert [passage.title for passage in search("boiler", user=NOBODY).passages] == ["a"]
    reindex.request_reindex()
    ingest_all()
    Document.objects.update(lease_until=None)
    ingest_all()
    waiting.refresh_from_db()
    assert (live(), waiting.state) == (MINILM, Document.State.READY)
    assert_whole()


def test_site_without_documents_takes_what_is_configured(
    use: Configure, server: ChatServer, public: Collection
) -> None:
    use()
    document = add(public, "a.md", "The boiler is serviced in May.")
    ingest_all()
    document.delete()
    use(server.url, "fake")
    ingest.recover()
    assert live() == ""
    add(public, "b.md", "The pump is new.")
    ingest_all()
    assert live() == FAKE


def test_reindex_that_nothing_needs_ends(use: Configure, public: Collection) -> None:
    use()
    add(public, "a.md", "The boiler is serviced in May.")
    ingest_all()
    reindex.request_reindex()
    ingest_all()
    assert_whole()


def test_document_that_goes_live_during_the_switch_is_ingested_for_the_new_index(
    use: Configure, server: ChatServer, public: Collection
) -> None:
    """Another worker switches while this one embeds."""
    use(server.url, "fake")
    document = add(public, "a.md", "The boiler is serviced in May.")
    ingest_all()
    ingest.enqueue(document)
    [claimed] = queue.claim()
    Collection.objects.update(fingerprint=MINILM)
    with pytest.raises(intake._SpaceChanged), transaction.atomic():
        intake._describe_collection(claimed, fingerprint=FAKE)


# ---- repair ----------------------------------------------------------------------------------------------------------


def test_case_75_lost_points_come_back_from_sql_at_start(use: Configure, public: Collection) -> None:
    use()
    kept, lost = add(public, "kept.md", prose(1, words=200)), add(public, "lost.md", "The zeppelin flies.")
    ingest_all()
    runtime().space().index.remove(lost.pk)
    Path(lost.file.path).unlink()  # nothing is parsed again
    assert search("zeppelin", user=NOBODY, document_ids=[lost.pk]).passages == ()
    ingest.recover()
    assert [reindex.describe(request) for request in Reindex.objects.all()] == ["Repairing the index"]
    ingest_all()
    assert_whole()
    [passage] = search("zeppelin", user=NOBODY, document_ids=[lost.pk]).passages
    assert passage.text == "The zeppelin flies."
    assert set(Document.objects.values_list("pk", "generation")) == {(kept.pk, 1), (lost.pk, 1)}


def test_case_75_part_of_a_document_is_put_back(use: Configure, public: Collection) -> None:
    use()
    document = add(public, "a.md", prose(1))
    ingest_all()
    whole, half = Chunk.objects.count(), Chunk.objects.filter(position__lt=5)
    rows = [reindex.points.point(chunk, document, text=chunk.text, vector=None) for chunk in half]
    index = spaces.live_space().index
    index.remove(document.pk)
    index.upsert(rows)
    assert index.count() == 5 < whole
    reindex.request_repair()
    ingest_all()
    assert_whole()


def test_case_76_orphans_are_removed_and_what_is_being_ingested_is_not(use: Configure, public: Collection) -> None:
    use()
    document, coming = add(public, "a.md", "The boiler is serviced in May."), add(public, "b.md", "The pump is new.")
    ingest_all()
    ingest.enqueue(coming)
    chunk = Chunk.objects.filter(document=document).get()
    index = spaces.live_space().index

    def put(document_id: int, generation: int) -> None:
        key = reindex.points.chunk_id(document_id, generation=generation, position=0)
        point = reindex.points.point(chunk, document, text="orphan", vector=None)
        index.upsert([replace(point, id=key, document_id=document_id, generation=generation)])

    put(999, 1)  # a document that is gone
    put(document.pk, 7)  # a generation that never went live
    put(coming.pk, 2)  # one that is on its way
    found = reindex.drift(spaces.live_space())
    assert (found.missing, found.surplus) == ({(document.pk, 1): 1}, {999: 1, document.pk: 7})
    reindex.request_repair()
    while reindex.advance():
        pass
    assert dict(index.holdings()) == {(document.pk, 1): 1, (coming.pk, 1): 1, (coming.pk, 2): 1}
    ingest_all()
    assert_whole()


# ---- vectors that are there already ----------------------------------------------------------------------------------


def texts_embedded(server: ChatServer) -> int:
    return sum(len(request.body["input"]) for request in server.requests if request.body["input"] != ["dimension"])


@pytest.mark.parametrize("place", ["start", "middle", "end"])
def test_small_edit_embeds_only_what_changed(
    use: Configure, server: ChatServer, public: Collection, place: str
) -> None:
    use(server.url, "fake")
    text = prose(1, words=30_000)  # about a hundred pages
    document = add(public, "a.md", text)
    ingest_all()
    first = texts_embedded(server)
    at = {"start": 0, "middle": text.index("\n\n", len(text) // 2) + 2, "end": len(text)}[place]
    ingest.replace_file(document, file=ContentFile((text[:at] + "A heron flies. " + text[at:]).encode()))
    ingest_all()
    document.refresh_from_db()
    assert document.live_generation == 2
    assert first > 250
    assert texts_embedded(server) - first <= 10
    assert_whole()


def test_same_text_in_another_collection_is_not_embedded_again(
    use: Configure, server: ChatServer, public: Collection
) -> None:
    use(server.url, "fake")
    add(public, "a.md", prose(1))
    ingest_all()
    first = texts_embedded(server)
    add(Collection.objects.create(name="Other", slug="other"), "a.md", prose(1))
    ingest_all()
    assert texts_embedded(server) == first
    index = spaces.live_space().index
    vectors = index.vectors(list(Chunk.objects.order_by("document", "position").values_list("pk", flat=True)))
    assert len(vectors) == Chunk.objects.count() == 2 * first

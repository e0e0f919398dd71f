"""What both indexes promise: one suite, run on Edge and, over the wire, on a server that speaks Qdrant's REST."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest

from retrieval.errors import IndexUnavailable, StorageInUse
from retrieval.index import Index, Point, Scope
from retrieval.index.edge import EdgeIndex
from retrieval.index.ranking import fuse
from retrieval.index.server import ServerIndex
from retrieval.index.storage import claim_storage, release_storage
from tests.retrieval.qdrant_server import QdrantServer, qdrant_server

pytestmark = pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")  # on the loopback

ROOT = Path(__file__).resolve().parents[2]
EVERYWHERE = Scope([1, 2])
TEXTS = [
    "The boiler is serviced in May",
    "Cats sleep all day",
    "The pump costs twelve",
    "Boiler parts and pumps",
]
VECTORS = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.6, 0.0, 0.8], [0.8, 0.6, 0.0]]


def point(number: int, *, document_id: int = 1, collection_id: int = 1, generation: int = 1) -> Point:
    return Point(
        id=uuid5(UUID(int=0), f"{document_id}:{generation}:{number}"),
        document_id=document_id,
        collection_id=collection_id,
        generation=generation,
        position=number,
        text=TEXTS[number],
        vector=VECTORS[number],
    )


@pytest.fixture(scope="module")
def server() -> Iterator[QdrantServer]:
    with qdrant_server() as server:
        yield server


names = count()


@pytest.fixture(params=["edge", "server"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Index]:
    made: Index
    if request.param == "edge":
        made = EdgeIndex(tmp_path, name="test", dimension=3)
    else:
        server = request.getfixturevalue("server")
        made = ServerIndex(server.url, api_key=server.api_key, name=f"test-{next(names)}", dimension=3)
    yield made
    made.close()
    release_storage(tmp_path)


def found(index: Index, text: str, vector: list[float] | None, scope: Scope = EVERYWHERE) -> list[tuple[int, int]]:
    hits = index.search(text, vector=vector, scope=scope, limit=10)
    return [(hit.document_id, hit.position) for hit in hits]


def test_words_and_vectors_both_find(index: Index) -> None:
    index.upsert([point(number) for number in range(4)])
    hits = index.search("boiler", vector=[1.0, 0.0, 0.0], scope=EVERYWHERE, limit=2)
    assert [(hit.position, round(hit.similarity or 0, 3)) for hit in hits] == [(0, 1.0), (3, 0.8)]
    assert [(hit.id, hit.document_id, hit.generation) for hit in hits] == [(point(n).id, 1, 1) for n in (0, 3)]


def test_words_alone_find_without_a_similarity(index: Index) -> None:
    index.upsert([point(number) for number in range(4)])
    hits = index.search("a sleeping cat", vector=None, scope=EVERYWHERE, limit=5)
    assert [(hit.position, hit.similarity) for hit in hits] == [(1, None)]


def test_hit_beyond_the_vectors_prefetch_still_has_its_similarity(index: Index) -> None:
    near = [
        Point(uuid5(UUID(int=1), str(n)), 2, 1, 1, n, "nothing of the kind", [1.0, n / 1000, 0.0]) for n in range(120)
    ]
    index.upsert([*near, point(1)])
    hits = index.search("cats", vector=[1.0, 0.0, 0.0], scope=EVERYWHERE, limit=130)
    assert [round(hit.similarity or 0, 3) for hit in hits if hit.document_id == 1] == [0.0]


def test_scope_is_part_of_the_query(index: Index) -> None:
    index.upsert([point(0, document_id=document_id, collection_id=document_id % 2 + 1) for document_id in range(1, 5)])
    assert found(index, "boiler", VECTORS[0], Scope([1])) == [(2, 0), (4, 0)]
    assert found(index, "boiler", VECTORS[0], Scope([1], [4, 3])) == [(4, 0)]
    assert found(index, "boiler", VECTORS[0], Scope([3])) == []
    assert found(index, "boiler", VECTORS[0], Scope([1, 2], [])) == []


def test_equal_scores_come_in_order_of_document_and_position(index: Index) -> None:
    index.upsert([point(0, document_id=document_id) for document_id in (3, 1, 2)])
    assert found(index, "boiler", VECTORS[0]) == [(1, 0), (2, 0), (3, 0)]


def test_upsert_twice_changes_nothing(index: Index) -> None:
    index.upsert([point(0), point(1)])
    index.upsert([point(1), point(0)])
    assert index.count() == 2


def test_remove_takes_the_older_generations_of_one_document(index: Index) -> None:
    index.upsert([point(0, generation=generation) for generation in (1, 2, 3)] + [point(0, document_id=2)])
    index.remove(1, up_to_generation=2)
    assert (index.count(1, up_to_generation=2), index.count(1), index.count(2), index.count()) == (0, 1, 1, 2)
    index.remove(1)
    assert (index.count(1), index.count()) == (0, 1)


def test_query_without_words_finds_by_vector(index: Index) -> None:
    index.upsert([point(0)])
    assert found(index, "the ?!", VECTORS[0]) == [(1, 0)]
    assert found(index, "the ?!", None) == []


def test_empty_text_leaves_the_words_out(index: Index) -> None:
    index.upsert([point(0), point(1)])
    assert found(index, "", [0.0, 1.0, 0.0]) == [(1, 1), (1, 0)]
    assert found(index, "", None) == []


def test_scope_chooses_languages_and_dates(index: Index) -> None:
    dated = {1: date(2024, 2, 29), 2: date(2024, 3, 1), 3: date(1066, 10, 14), 4: None}
    languages = {1: "en", 2: "de", 3: "", 4: "en"}
    index.upsert([replace(point(0, document_id=n), dated=dated[n], language=languages[n]) for n in dated])

    def documents(**scope: Any) -> list[int]:
        return sorted({document_id for document_id, _ in found(index, "", VECTORS[0], Scope([1], **scope))})

    assert documents() == [1, 2, 3, 4]
    assert documents(languages=["en"]) == [1, 4]
    assert documents(languages=["de", ""]) == [2, 3]
    assert documents(languages=[]) == []
    assert documents(since=date(2024, 3, 1)) == [2]
    assert documents(until=date(2024, 2, 29)) == [1, 3]
    assert documents(since=date(2024, 2, 29), until=date(2024, 3, 1)) == [1, 2]
    assert documents(since=date(2024, 2, 29), languages=["en"]) == [1]


INFLECTED = {
    "en": ("The boilers were serviced", "boiler service"),
    "de": ("Die Häuser wurden verkauft", "Haus"),
    "fr": ("Les maisons sont vendues", "maison"),
    "ru": ("Все книги проданы", "книга"),
    "zh": ("锅炉每年五月维修一次", "锅炉"),
    "ja": ("ボイラーは五月に点検されます", "ボイラー"),
    "th": ("หม้อไอน้ำได้รับการบริการ", "ไอน้ำ"),
}


@pytest.mark.parametrize("language", INFLECTED)
def test_words_are_cut_and_stemmed_as_their_language_wants(index: Index, language: str) -> None:
    text, asked = INFLECTED[language]
    index.upsert([replace(point(0), text=text, language=language)])
    hits = index.search(asked, vector=None, scope=EVERYWHERE, limit=5, languages=[language])
    assert [hit.position for hit in hits] == [0]
    both = index.search(asked, vector=None, scope=EVERYWHERE, limit=5, languages=["en", language, language])
    assert [hit.position for hit in both] == [0]


def test_term_that_two_languages_stem_alike_counts_once(index: Index) -> None:
    index.upsert([point(0), point(1)])

    def scores(languages: list[str]) -> list[float]:
        return [
            hit.score for hit in index.search("boiler cat", vector=None, scope=EVERYWHERE, limit=5, languages=languages)
        ]

    assert scores(["en", "de", "nl"]) == scores(["en"])


def test_text_in_no_known_language_is_found_by_its_words_and_numbers_as_they_stand(index: Index) -> None:
    index.upsert([replace(point(0), text="Kotlovi tip 4711 su servisirani; the end", language="hr")])

    def finds(text: str, languages: list[str]) -> bool:
        return bool(index.search(text, vector=None, scope=EVERYWHERE, limit=5, languages=languages))

    assert [finds("kotlovi", languages) for languages in (["hr"], ["en"], [])] == [True, True, True]
    assert finds("4711", ["en"])
    assert not finds("kotao", ["hr"])
    assert not finds("the", ["en"])  # few such texts make it a rare word, which it isn't


def test_vectors_come_back_for_the_points_that_have_one(index: Index) -> None:
    index.upsert([point(0), point(2), replace(point(3), vector=None)])
    kept = index.vectors([point(n).id for n in range(4)])
    assert {key: [round(value, 6) for value in vector] for key, vector in kept.items()} == {
        point(0).id: VECTORS[0],
        point(2).id: VECTORS[2],
    }
    assert index.vectors([]) == {}


def test_holdings_count_points_of_each_document_and_generation(index: Index) -> None:
    assert index.holdings() == {}
    index.upsert([point(n, generation=g, document_id=d) for n in range(3) for g in (1, 7) for d in (1, 2)])
    index.upsert([point(0, document_id=3, collection_id=2)])
    index.remove(1, up_to_generation=1)
    assert index.holdings() == {(1, 7): 3, (2, 1): 3, (2, 7): 3, (3, 1): 1}


def test_dropped_index_holds_nothing_and_can_be_filled_again(index: Index) -> None:
    index.upsert([point(0)])
    index.drop()
    assert (index.count(), index.holdings()) == (0, {})
    index.upsert([point(1)])
    assert index.count() == 1


# ---- Edge alone ------------------------------------------------------------------------------------------------------


def test_edge_keeps_points_when_it_is_opened_again(tmp_path: Path) -> None:
    first = EdgeIndex(tmp_path, name="test", dimension=3)
    first.upsert([point(0)])
    first.close()
    second = EdgeIndex(tmp_path, name="test", dimension=3)
    assert found(second, "boiler", VECTORS[0]) == [(1, 0)]
    second.close()
    release_storage(tmp_path)


def test_edge_gives_back_the_room_of_removed_points_and_of_a_dropped_index(tmp_path: Path) -> None:
    former, current = (EdgeIndex(tmp_path, name=name, dimension=3) for name in ("former", "current"))
    former.upsert([point(0)])
    former.drop()
    many = [Point(uuid5(UUID(int=1), str(n)), n % 2, 1, 1, n, "a text", [1.0, 0.0, 0.0]) for n in range(3000)]
    current.upsert(many)
    current.remove(1)
    current.tidy()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["current", "owner.lock"]
    assert current.count() == 1500
    assert len(current.search("text", vector=None, scope=EVERYWHERE, limit=50)) == 50
    current.close()
    release_storage(tmp_path)


def test_case_80_edge_keeps_acknowledged_points_after_sigkill(tmp_path: Path) -> None:
    script = (
        "import os, signal, pathlib; from retrieval.index.edge import EdgeIndex;"
        "from tests.retrieval.test_index import point;"
        f"EdgeIndex(pathlib.Path({str(tmp_path)!r}), name='test', dimension=3).upsert([point(0), point(1)]);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == -9
    index = EdgeIndex(tmp_path, name="test", dimension=3)
    assert index.count() == 2
    index.close()
    release_storage(tmp_path)


def test_case_89_second_process_is_refused_and_told_the_fix(tmp_path: Path) -> None:
    script = (
        "import pathlib, sys; from retrieval.index.storage import claim_storage;"
        f"claim_storage(pathlib.Path({str(tmp_path)!r})); print('owned', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout
        assert owner.stdout.readline() == b"owned\n"
        with pytest.raises(StorageInUse, match=rf"^Process {owner.pid} owns .* QDRANT_URL "):
            claim_storage(tmp_path)
        with pytest.raises(StorageInUse):
            EdgeIndex(tmp_path, name="test", dimension=3).count()
        owner.communicate()
    claim_storage(tmp_path)
    claim_storage(tmp_path)
    release_storage(tmp_path)


def test_case_88_forked_child_does_not_inherit_the_claim(tmp_path: Path) -> None:
    claim_storage(tmp_path)
    script = (
        "import pathlib; from retrieval.index.storage import claim_storage;"
        f"claim_storage(pathlib.Path({str(tmp_path)!r}))"
    )
    refused = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=False)
    assert f"Process {os.getpid()} owns".encode() in refused.stderr
    release_storage(tmp_path)


# ---- the server alone ------------------------------------------------------------------------------------------------


def test_server_collection_has_a_tenant_key_and_payload_indexes(server: QdrantServer) -> None:
    server.payload_indexes.clear()
    index = ServerIndex(server.url, api_key=server.api_key, name="indexed", dimension=3)
    index.count()
    index.close()
    schemas = {name: getattr(schema, "is_tenant", None) or schema.value for name, schema in server.payload_indexes}
    integers = dict.fromkeys(("document_id", "generation", "dated"), "integer")
    assert schemas == {"collection_id": True, "language": "keyword", **integers}


def test_case_72_server_that_fails_or_is_gone_is_unavailable(server: QdrantServer) -> None:
    index = ServerIndex(server.url, api_key=server.api_key, name="failing", dimension=3)
    server.status = 503
    with pytest.raises(IndexUnavailable, match=r"answered 503 .*QDRANT_URL"):
        index.count()
    server.status = 200
    assert index.count() == 0
    index.close()
    with pytest.raises(IndexUnavailable, match=r"doesn't answer \(QDRANT_URL\)"):
        ServerIndex("http://127.0.0.1:9", api_key="", name="gone", dimension=3).count()


def test_server_refuses_a_wrong_key(server: QdrantServer) -> None:
    with pytest.raises(IndexUnavailable, match="answered 401"):
        ServerIndex(server.url, api_key="another", name="refused", dimension=3).count()


def test_case_74_collection_of_another_dimension_is_named(server: QdrantServer) -> None:
    three = ServerIndex(server.url, api_key=server.api_key, name="three", dimension=3)
    three.count()
    three.close()
    with pytest.raises(IndexUnavailable, match=r"collection three holds vectors of dimension 3, not 4"):
        ServerIndex(server.url, api_key=server.api_key, name="three", dimension=4).count()


def test_case_74_missing_collection_is_named(server: QdrantServer) -> None:
    index = ServerIndex(server.url, api_key=server.api_key, name="dropped", dimension=3)
    index.count()
    server.client.delete_collection("dropped")
    with pytest.raises(IndexUnavailable, match=r"answered 404 for the collection dropped"):
        index.search("x", vector=None, scope=EVERYWHERE, limit=1)
    index.close()


# ---- fusion ----------------------------------------------------------------------------------------------------------


def test_fusion_adds_what_each_ranking_says() -> None:
    fused = fuse({"a": 3.0, "b": 2.0, "c": 1.0}, {"b": 0.9, "d": 0.1})
    third, half = 1 / 6, 0.5 / 2**0.5 / 3 * 1  # one standard deviation, and half the distance of two, of six
    assert {key: round(score, 6) for key, score in fused.items()} == {
        "a": round(0.5 + third, 6),
        "b": round(0.5 + 0.5 + half, 6),
        "c": round(0.5 - third, 6),
        "d": round(0.5 - half, 6),
    }


def test_fusion_of_equal_scores_is_neutral() -> None:
    assert fuse({"a": 7.0, "b": 7.0}, {"c": 1.0}) == {"a": 0.5, "b": 0.5, "c": 0.5}

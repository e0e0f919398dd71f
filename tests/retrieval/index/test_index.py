"""What both indexes promise: one suite, run on Edge and, over the wire, on a server that speaks Qdrant's REST."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest

from retrieval.index import PREFETCH, Index, Point, Scope
from retrieval.index.edge import EdgeIndex
from retrieval.index.server import ServerIndex
from retrieval.index.storage import StoragePart, release
from tests.retrieval.index.indexes import EVERYWHERE, VECTORS, found, names, point, server
from tests.retrieval.index.qdrant_server import QdrantServer

__all__ = ["server"]  # a fixture

pytestmark = pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")  # on the loopback


REAL_SERVER = os.environ.get("TEST_QDRANT_URL", "")  # set in CI's job with a real one; not run here


@pytest.fixture(params=["edge", "server"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Index]:
    made: Index
    if request.param == "edge":
        made = EdgeIndex(tmp_path, name="test", dimension=3)
    elif REAL_SERVER:
        key, name = os.environ.get("TEST_QDRANT_API_KEY", ""), f"test-{os.getpid()}-{next(names)}"
        made = ServerIndex(REAL_SERVER, api_key=key, name=name, dimension=3)
    else:
        server = request.getfixturevalue("server")
        made = ServerIndex(server.url, api_key=server.api_key, name=f"test-{next(names)}", dimension=3)
    yield made
    if REAL_SERVER:
        made.drop()
    made.close()
    release(tmp_path, StoragePart.INDEX)


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
    "ko": ("펌프의 필터는 3월에 교체한다", "필터를 언제 교체하나요"),
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


def test_eight_threads_write_and_search_at_once(index: Index) -> None:
    def work(document_id: int) -> list[tuple[int, int]]:
        for n in range(4):
            index.upsert([point(n, document_id=document_id)])
            index.search("boiler", vector=VECTORS[0], scope=EVERYWHERE, limit=5)
        index.remove(document_id + 100)
        return found(index, "boiler", VECTORS[0], Scope([1], [document_id]))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(work, range(1, 9)))
    assert answers == [[(n, 0), (n, 3), (n, 2), (n, 1)] for n in range(1, 9)]
    assert index.holdings() == {(n, 1): 4 for n in range(1, 9)}


# ---- one like the other ----------------------------------------------------------------------------------------------


def test_both_indexes_rank_random_points_alike(tmp_path: Path, server: QdrantServer) -> None:
    chance = random.Random(20)  # any seed
    words = ["boiler", "pump", "cat", "meter", "Häuser", "Haus", "servicing", "serviced", "twelve", "4711"]

    def some_point(number: int) -> Point:
        return Point(
            id=uuid5(UUID(int=3), str(number)),
            document_id=number % 17,
            collection_id=number % 3,
            generation=1,
            position=number,
            text=" ".join(chance.choices(words, k=chance.randint(1, 12))),
            vector=[chance.gauss() for _ in range(3)] if number % 5 else None,
            language=chance.choice(["en", "de", "xx", ""]),
            dated=date(2024, 1, 1) + timedelta(chance.randint(0, 300)) if number % 4 else None,
        )

    def some_scope() -> Scope:
        return Scope(
            collection_ids=chance.sample(range(3), chance.randint(1, 3)),
            document_ids=chance.choice([None, chance.sample(range(17), 9)]),
            languages=chance.choice([None, ["en", ""], ["de"]]),
            since=chance.choice([None, date(2024, 3, 1)]),
            until=chance.choice([None, date(2024, 8, 1)]),
        )

    edge = EdgeIndex(tmp_path, name="test", dimension=3)
    url, key = (REAL_SERVER, os.environ.get("TEST_QDRANT_API_KEY", "")) if REAL_SERVER else (server.url, server.api_key)
    remote = ServerIndex(url, api_key=key, name=f"alike-{os.getpid()}", dimension=3)
    points = [some_point(number) for number in range(PREFETCH)]  # of more, equal scores would be cut anywhere
    for made in (edge, remote):
        made.upsert(points)
    for _ in range(60):
        text = " ".join(chance.choices([*words, "the", ""], k=3))
        vector = chance.choice([None, [chance.gauss() for _ in range(3)]])
        scope, languages = some_scope(), chance.choice([["en"], ["de", "en"], [], ["xx"]])
        ours, theirs = (
            made.search(text, vector=vector, scope=scope, limit=400, languages=languages) for made in (edge, remote)
        )
        scores = [{hit.id: (hit.score, hit.similarity) for hit in hits} for hits in (ours, theirs)]
        assert scores[0].keys() == scores[1].keys()
        for key in scores[0]:
            assert scores[0][key] == pytest.approx(scores[1][key], abs=1e-3)
    edge.close()
    remote.drop()
    release(tmp_path, StoragePart.INDEX)

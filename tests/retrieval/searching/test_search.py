"""What a reader finds: the right passage, at the right place, and nothing that isn't theirs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, Group, User
from pytest_django import DjangoAssertNumQueries

from retrieval.configuration import Description, describe, runtime
from retrieval.errors import UnknownCollection, UnknownDocument
from retrieval.index import Hit
from retrieval.ingestion import points
from retrieval.models import Chunk, Collection, Document
from retrieval.searching.search import Method, check_scope, search
from retrieval.searching.spans import spans
from retrieval.texts import covering, document_text
from tests.configured import configured

Put = Callable[[Collection, str, str | bytes], Document]
NOBODY = AnonymousUser()
GUIDE = (
    "# Settings\n\nQDRANT_URL points the site at a Qdrant server. Without it the index is embedded.\n\n"
    "# Backups\n\nCopy the data folder while the site is stopped.\n"
)


def section(number: int) -> str:
    """About a hundred tokens, so that two sections never share a chunk."""
    return f"# Section {number}\n\n" + f"Sentence of section {number} about topic{number} and nothing else at all. " * 9


LONG = "\n\n".join(section(number) for number in range(12))


@pytest.fixture
def private(reader: User) -> Collection:
    group = Group.objects.create(name="Board")
    reader.groups.add(group)
    collection = Collection.objects.create(name="Board papers", slug="board")
    collection.groups.add(group)
    return collection


# ---- finding ---------------------------------------------------------------------------------------------------------


def test_passage_is_the_exact_text_at_its_place(put: Put, public: Collection) -> None:
    document = put(public, "guide.md", f"\n\n{GUIDE}")
    result = search("Which variable points the site at a Qdrant server?", user=NOBODY)
    [passage] = result.passages
    assert "QDRANT_URL points the site at a Qdrant server." in passage.text
    assert passage.text == document_text(document, start=passage.start, end=passage.end) == GUIDE.strip()
    assert (passage.document_id, passage.title, passage.page) == (document.pk, "Settings", None)
    assert (passage.url, passage.content_hash) == (f"/documents/{document.pk}/", document.content_hash)
    assert Chunk.objects.filter(pk=passage.chunk_id, document=document).exists()
    assert passage.similarity is not None
    assert passage.similarity > 0.5
    assert [name for name, _ in result.stages] == ["scope", "spelling", "embed", "index", "text", "passages"]
    assert result.total_ms == sum(milliseconds for _, milliseconds in result.stages) > 0


def test_hit_comes_with_the_chunk_before_and_behind(put: Put, public: Collection) -> None:
    document = put(public, "long.md", LONG)
    [best, *_] = search("topic5", user=NOBODY, limit=1).passages
    hit = Chunk.objects.get(pk=best.chunk_id)
    assert "topic5" in hit.text
    around = document.chunks.filter(position__range=(hit.position - 1, hit.position + 1)).order_by("position")
    assert "".join(chunk.text for chunk in around).strip() in best.text


def test_limit_is_kept_and_passages_do_not_overlap(put: Put, public: Collection) -> None:
    put(public, "long.md", LONG)
    for limit in (1, 2, 3):
        passages = search("sentence about a topic", user=NOBODY, limit=limit).passages
        assert len(passages) == limit
        places = sorted((passage.start, passage.end) for passage in passages)
        assert all(before[1] <= after[0] for before, after in pairwise(places))


def test_title_and_heading_rank_but_are_not_text(put: Put, public: Collection) -> None:
    put(public, "Zeppelin manual.md", "It flies slowly.")
    put(public, "other.md", "It drives fast.")
    [best, *_] = search("zeppelin", user=NOBODY).passages
    assert (best.title, best.text) == ("Zeppelin manual", "It flies slowly.")


def test_page_of_a_passage(put: Put, public: Collection) -> None:
    from tests.retrieval import files

    filler = ["This line fills the page with words that matter little to anyone."] * 45
    put(public, "a.pdf", files.pdf([filler, filler, ["The zeppelin lands."], filler]))
    words = Method(vectors=False)  # the filler's vectors are all but equal
    [best] = search("zeppelin", user=NOBODY, limit=1, method=words).passages
    assert best.page == 2
    assert "The zeppelin lands." in best.text


@pytest.mark.parametrize("query", ["", "   ", "?!", "\x00", "\ud800", "the", "x" * 4000, "Ünïcödé 漢字 👩\u200d💻"])
def test_any_query_is_answered(put: Put, public: Collection, query: str) -> None:
    put(public, "guide.md", GUIDE)
    assert len(search(query, user=NOBODY).passages) <= 1


def test_nothing_to_search_finds_nothing(db: None) -> None:
    assert search("anything", user=NOBODY).passages == ()


# ---- who may read what -----------------------------------------------------------------------------------------------


def test_case_7_secret_of_another_collection_is_not_found(
    put: Put, public: Collection, private: Collection, reader: User
) -> None:
    put(public, "guide.md", GUIDE)
    secret = put(private, "board.md", "The merger is called Operation Heron.")
    assert {p.document_id for p in search("Operation Heron merger", user=reader).passages} > {secret.pk} - {0}
    outsider = User.objects.create_user("outsider")
    for user in (NOBODY, outsider, User(username="inactive", is_active=False, pk=reader.pk)):
        assert "Heron" not in str(search("Operation Heron merger", user=user).passages)


def test_case_6_collections_and_documents_of_others_are_unknown(
    put: Put, public: Collection, private: Collection, reader: User
) -> None:
    mine, secret = put(public, "guide.md", GUIDE), put(private, "board.md", "Operation Heron.")
    with pytest.raises(UnknownCollection, match=r"^No such collection: board, missing\.$") as caught:
        search("x", user=NOBODY, collections=["handbook", "board", "missing"])
    assert caught.value.slugs == ("board", "missing")
    with pytest.raises(UnknownDocument, match=rf"^No such document: {secret.pk}, 999\.$"):
        search("x", user=NOBODY, document_ids=[mine.pk, secret.pk, 999])
    with pytest.raises(UnknownDocument):
        covering(secret.pk, start=0, end=5, user=NOBODY)
    check_scope(user=reader, collections=["handbook", "board"], document_ids=[mine.pk, secret.pk])
    assert [p.document_id for p in search("x", user=reader, collections=["board"]).passages] == [secret.pk]


def test_scope_narrows_to_collections_and_documents(put: Put, public: Collection) -> None:
    other = Collection.objects.create(name="Other", slug="other", public=True)
    first, second = put(public, "a.md", "A heron flies."), put(other, "b.md", "A heron sleeps.")

    def found(**scope: list[str] | list[int]) -> set[int]:
        return {passage.document_id for passage in search("heron", user=NOBODY, **scope).passages}  # type: ignore[arg-type]

    assert found() == {first.pk, second.pk}
    assert found(collections=["other"]) == {second.pk}
    assert found(document_ids=[first.pk]) == {first.pk}
    with pytest.raises(UnknownDocument):
        found(collections=["other"], document_ids=[first.pk])
    assert found(collections=[]) == set()
    assert found(document_ids=[]) == set()


def test_scope_narrows_to_languages_and_dates(put: Put, public: Collection) -> None:
    first, second = put(public, "a.md", "A heron flies."), put(public, "b.md", "A heron sleeps.")
    today = second.created_at.date()
    found = search("heron", user=NOBODY, since=today, until=today)
    assert {passage.document_id for passage in found.passages} == {first.pk, second.pk}
    assert search("heron", user=NOBODY, until=today - timedelta(days=1)).passages == ()
    assert search("heron", user=NOBODY, languages=["xx"]).passages == ()


def test_repeat_in_another_document_is_named_beside_the_first(put: Put, public: Collection) -> None:
    text = "The heron flies over the water every morning before the others wake and looks for fish."
    first, second = put(public, "a.md", text), put(public, "b.md", f"{text} ")
    [passage] = search("heron fish", user=NOBODY).passages
    other = {first, second} - {first if passage.document_id == first.pk else second}
    assert [(also.document_id, also.title) for also in passage.also_in] == [(d.pk, d.title) for d in other]


def test_result_tells_whether_it_answers(put: Put, public: Collection) -> None:
    put(public, "guide.md", GUIDE)
    result = search("Which variable points the site at a Qdrant server?", user=NOBODY)
    assert result.answers
    assert 0.35 < result.confidence < 1
    assert result.passages[0].section == "Settings"
    assert not search("Who won the chess olympiad in Baku?", user=NOBODY).answers
    assert search("", user=NOBODY).confidence == 0


def test_threshold_is_a_setting(put: Put, public: Collection) -> None:
    put(public, "a.md", "The pump is oiled every week.")
    found = search("How often is the pump oiled?", user=NOBODY)
    assert found.answers
    with configured(settings.INDEX_DIR / "strict", answer_confidence=0.99):
        assert found.confidence < 0.99
        assert not found.answers


def test_stages_say_whether_hits_were_read(put: Put, public: Collection) -> None:
    put(public, "guide.md", GUIDE)
    put(public, "long.md", LONG)

    def stages(milliseconds: int) -> list[str]:
        method = Method(rerank="reader", milliseconds=milliseconds)
        return [name for name, _ in search("What points the site at Qdrant?", user=NOBODY, method=method).stages]

    assert stages(0) == ["scope", "spelling", "embed", "index", "text", "reading", "passages"]
    assert stages(-1) == ["scope", "spelling", "embed", "index", "text", "reading cut short", "passages"]


def test_other_languages_than_english_are_not_read(put: Put, public: Collection) -> None:
    text = "Die Pumpe wird jede Woche geölt. Danach prüft der Hausmeister den Druck und trägt ihn in das Buch ein. "
    put(public, "pumpe.md", text * 3)
    method = Method(rerank="reader", milliseconds=0)
    found = search("Wie oft wird die Pumpe geölt?", user=NOBODY, method=method)
    assert found.passages
    assert [name for name, _ in found.stages] == ["scope", "spelling", "embed", "index", "text", "passages"]


def test_case_11_revoked_grant_excludes_at_once(put: Put, private: Collection, reader: User) -> None:
    put(private, "board.md", "Operation Heron.")
    assert len(search("heron", user=reader).passages) == 1
    reader.groups.clear()
    assert search("heron", user=reader).passages == ()


def test_document_moved_to_another_collection_is_not_found_through_the_old_one(
    put: Put, public: Collection, private: Collection
) -> None:
    document = put(public, "a.md", "A heron flies.")
    Document.objects.filter(pk=document.pk).update(collection=private)
    assert search("heron", user=NOBODY).passages == ()


def test_case_76_vectors_without_a_row_are_never_cited(put: Put, public: Collection) -> None:
    document = put(public, "a.md", "A heron flies.")
    Document.objects.filter(pk=document.pk).delete()
    assert runtime().space().index.count() == 1
    assert search("heron", user=NOBODY).passages == ()


# ---- places ----------------------------------------------------------------------------------------------------------


def test_covering_gives_the_chunks_of_a_selection(put: Put, public: Collection) -> None:
    document = put(public, "long.md", LONG)
    start, end = LONG.index("# Section 3"), LONG.index("# Section 4") + 5
    passages = covering(document.pk, start=start, end=end, user=NOBODY)
    assert passages[0].start <= start
    assert passages[-1].end >= end
    assert all(passage.text == LONG[passage.start : passage.end] for passage in passages)
    assert "".join(LONG[start:end].split()) in "".join("".join(passage.text for passage in passages).split())
    assert covering(document.pk, start=len(LONG) + 1, end=len(LONG) + 9, user=NOBODY) == ()


def test_document_text_at_any_place(put: Put, public: Collection) -> None:
    document = put(public, "long.md", LONG)
    size = len(LONG)
    for start, end in [(0, size), (0, 0), (5, 6), (size // 3, size // 2), (size - 1, size), (size, size + 9), (-5, 3)]:
        assert document_text(document, start=start, end=end) == LONG[max(start, 0) : end]
    assert document_text(document) == LONG
    assert document_text(Document(pk=999)) == ""


def test_reader_is_refused_a_document_that_is_not_ready(public: Collection, index: None) -> None:
    document = Document.objects.create(collection=public, title="a", filename="a.md")
    with pytest.raises(UnknownDocument):
        covering(document.pk, start=0, end=5, user=NOBODY)


# ---- cost ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("documents", [1, 3])
def test_search_takes_four_queries(
    put: Put, public: Collection, django_assert_num_queries: DjangoAssertNumQueries, documents: int
) -> None:
    for number in range(documents):
        put(public, f"{number}.md", f"A heron flies {number} times.")
    with django_assert_num_queries(4):
        assert len(search("heron", user=NOBODY).passages) == documents


# ---- pure arithmetic -------------------------------------------------------------------------------------------------


def hit(position: int, document_id: int = 1) -> Hit:
    return Hit(UUID(int=position), document_id, 1, position, score=1.0, similarity=None)


@pytest.mark.parametrize(
    ("positions", "limit", "expected"),
    [
        ([5], 3, [(5, 4, 6)]),
        ([0], 3, [(0, 0, 1)]),
        ([5, 7], 3, [(5, 4, 8)]),
        ([5, 8], 3, [(5, 4, 6), (8, 7, 9)]),
        ([5, 9, 7], 3, [(5, 4, 6), (9, 8, 10), (7, 7, 7)]),
        ([5, 8, 11, 7], 3, [(5, 4, 9), (11, 10, 12)]),
        ([5, 20, 30], 2, [(5, 4, 6), (20, 19, 21)]),
        ([5, 20, 30, 6], 2, [(5, 4, 6), (20, 19, 21)]),
        ([5, 7, 9, 4], 5, [(5, 3, 8), (9, 9, 10)]),
    ],
)
def test_spans_join_up_to_a_length(positions: list[int], limit: int, expected: list[tuple[int, int, int]]) -> None:
    found = spans([hit(position) for position in positions], limit=limit)
    assert [(span.hit.position, span.first, span.last) for span in found] == expected


def test_spans_of_different_documents_stay_apart() -> None:
    found = spans([hit(5, 1), hit(5, 2), hit(6, 1)], limit=5)
    assert [(span.hit.document_id, span.first, span.last) for span in found] == [(1, 4, 7), (2, 4, 6)]


# ---- for a person ----------------------------------------------------------------------------------------------------


def test_description_of_what_embeds_and_stores(index: None) -> None:
    assert describe() == Description(embedding="all-MiniLM-L6-v2, int8, on this machine", store="embedded")


def test_chunk_ids_are_stable() -> None:
    assert str(points.chunk_id(1, generation=2, position=3)) == str(points.chunk_id(1, generation=2, position=3))
    assert len({points.chunk_id(1, generation=g, position=p) for g in range(3) for p in range(3)}) == 9


# ---- as it is written, and what it follows ---------------------------------------------------------------------------


def test_phrase_in_quotes_comes_first_as_it_is_written(put: Put, public: Collection) -> None:
    put(public, "a.txt", "The pump: pump maintenance, maintenance of every pump, pump and maintenance plans.\n")
    put(
        public,
        "b.txt",
        "It is said here once that maintenance\npump checks are due, among a great many other things.\n",
    )
    [first, *_] = search('What is said of "Maintenance pump"?', user=NOBODY).passages
    assert first.title == "b"


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("Error E-1234 means that the filter is full.", "E1234"),
        ("Error E1234 means that the filter is full.", "E-1234"),
        ("Error e1234 means that the filter is full.", "E 1234"),
        ("The fee of 1,000 EUR is due in advance.", "1000"),
        ("The contract ends on 5 March 2024 at noon.", "2024-03-05"),
        ("Der Vertrag endet am 5. März 2024 um zwölf.", "2024-03-05"),
        ("The café opens early on weekdays.", "cafe"),
        ("Write an e-mail to the office.", "email"),
    ],
)
def test_each_spelling_finds_the_others_by_words_alone(put: Put, public: Collection, written: str, asked: str) -> None:
    put(public, "a.txt", written + "\n")
    put(public, "b.txt", "Nothing of that kind is told here, only of boats and of the sea.\n")
    [passage] = search(asked, user=NOBODY, method=Method(vectors=False)).passages
    assert passage.text.strip() == written


def test_follow_up_is_searched_with_what_it_follows_and_a_new_subject_alone(put: Put, public: Collection) -> None:
    put(public, "guide.md", GUIDE)
    put(public, "pool.txt", "The swimming pool opens at eight in the morning, and the sauna opens at noon.\n")
    before = "Which variable points the site at a Qdrant server?"
    joined = search("And without it?", user=NOBODY, follows=before)
    assert joined.asked == (f"{before} And without it?",)
    assert "QDRANT_URL" in joined.passages[0].text
    alone = search("When does the swimming pool open in the morning?", user=NOBODY, follows=before)
    assert alone.asked == ("When does the swimming pool open in the morning?",)
    assert "sauna" in alone.passages[0].text


def test_question_that_nothing_answers_is_not_answered_by_what_answers_the_one_before(
    put: Put, public: Collection
) -> None:
    put(public, "guide.md", GUIDE)
    before, question = (
        "Which variable points the site at a Qdrant server?",
        "Where does the caretaker keep the bicycle?",
    )
    assert search(before, user=NOBODY).answers
    found = search(question, user=NOBODY, follows=before)
    assert (found.answers, found.asked) == (False, (question,))

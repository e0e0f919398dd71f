"""What happens to hits before they become passages: reranked, folded, judged. Pure arithmetic but for MiniLM itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
import pytest
from django.conf import settings

from retrieval.embedding import minilm_graph
from retrieval.embedding.cross_encoder import CrossEncoder
from retrieval.embedding.minilm import MiniLM
from retrieval.index import Hit
from retrieval.searching.confidence import ANSWERS, confidence, measure
from retrieval.searching.duplicates import without_repeats
from retrieval.searching.rerank import max_similarity, rerank, reread
from retrieval.searching.spans import by_passage, spans
from retrieval.text.language import language_of


def hit(number: int, document_id: int = 1, *, score: float = 1.0) -> Hit:
    return Hit(UUID(int=number), document_id, 1, number, score=score, similarity=None)


@dataclass(frozen=True)
class Found:
    text: str
    similarity: float | None = None
    title: str = ""
    section: str = ""


# ---- rerank ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model() -> MiniLM:
    weights = minilm_graph.locate()
    assert weights
    return MiniLM(weights, model_dir=settings.MODEL_DIR)


def test_max_similarity_is_the_mean_of_each_tokens_best() -> None:
    query, text = np.eye(3, dtype=np.float32)[:2], np.array([[1, 0, 0], [0, 0.6, 0.8]], np.float32)
    assert max_similarity(query, text) == pytest.approx((1 + 0.6) / 2)
    assert max_similarity(query, text[:0]) == 0.0


def test_token_vectors_are_unit_vectors_of_each_text_in_its_place(model: MiniLM) -> None:
    long, short = model.embed_tokens(["The pump must be oiled every week.", "Oil."])
    assert (long.shape, short.shape) == ((9, 384), (2, 384))
    assert np.allclose(np.linalg.norm(long, axis=1), 1, atol=1e-4)
    assert np.allclose(model.embed_tokens(["Oil."])[0], short, atol=0.05)


def test_rerank_lifts_what_says_it_and_keeps_what_is_beyond_its_depth(model: MiniLM) -> None:
    texts = ["Bread is baked in an oven.", "Cats sleep.", "The pump is oiled weekly.", "The pump is oiled daily."]
    hits = [hit(0, score=1.03), hit(1, score=1.01), hit(2, score=1.02), hit(3, score=1.0)]
    ordered = rerank("How often is the pump oiled?", hits, text_of=lambda h: texts[h.position], embedder=model, depth=3)
    assert [h.position for h in ordered] == [2, 0, 1, 3]


def test_reading_lifts_what_answers_as_far_as_there_is_time() -> None:
    texts = [
        "The pump was bought in Harburg.",
        "Oil is sold in cans.",
        "The pump is oiled weekly.",
        "The pump is oiled daily.",
    ]
    hits = [hit(0, score=1.03), hit(1, score=1.02), hit(2, score=1.01), hit(3, score=1.0)]

    def ordered(*time: bool) -> tuple[int, list[int]]:
        read, new = reread(
            "How often is the pump oiled?",
            hits,
            text_of=lambda h: texts[h.position],
            title_of=lambda h: "",
            encoder=CrossEncoder(),
            depth=3,
            goes_on=iter(time).__next__,
        )
        return read, [h.position for h in new]

    assert ordered(False) == (0, [0, 1, 2, 3])
    assert ordered(True, True, False)[0] == 2
    read, positions = ordered(True, True, True)
    assert (read, positions[0], positions[3]) == (3, 2, 3)


# ---- duplicates ------------------------------------------------------------------------------------------------------
NOTICE = "The boiler is serviced in May by the caretaker, who then notes the date and the pressure in the book."


def test_repeats_in_other_documents_are_folded_and_named() -> None:
    texts = [NOTICE, NOTICE.replace("May", "May,"), "Something else entirely.", NOTICE, NOTICE]
    hits = [hit(0, 1), hit(1, 2), hit(2, 3), hit(3, 1), hit(4, 2)]
    kept, elsewhere = without_repeats(hits, text_of=lambda h: texts[h.position])
    assert [h.position for h in kept] == [0, 2, 3]
    assert elsewhere == {hits[0]: [2]}


def test_texts_that_share_little_stay() -> None:
    texts = [NOTICE, NOTICE.replace("boiler", "lift").replace("pressure", "load").replace("caretaker", "maker"), "", ""]
    kept, elsewhere = without_repeats([hit(n, n) for n in range(4)], text_of=lambda h: texts[h.position])
    assert (len(kept), elsewhere) == (4, {})


def test_one_document_gives_at_most_so_many_spans() -> None:
    hits = [hit(5), hit(20), hit(40), hit(3, 2)]
    assert [(s.hit.document_id, s.first) for s in spans(hits, limit=3, per_document=1)] == [(1, 4), (2, 2)]
    assert [(s.first, s.last) for s in spans(hits, limit=2, neighbours=0)] == [(5, 5), (20, 20)]


def test_passage_scores_as_its_best_chunk_in_each_ranking() -> None:
    words, vectors, apart = replace(hit(4), parts=(0.9, 0.0)), replace(hit(5), parts=(0.0, 0.8)), hit(9)
    apart = replace(apart, score=1.2, parts=(0.6, 0.6))
    ordered = [*by_passage([apart, replace(words, score=0.9), replace(vectors, score=0.8)])]
    assert [(h.position, h.score) for h in ordered] == [(4, pytest.approx(1.7)), (9, 1.2)]


def test_place_that_two_generations_hold_is_one_passage() -> None:
    """While a document is read again, the index holds both, with the same scores where the text is the same."""
    again = replace(hit(4), generation=hit(4).generation + 1)
    assert [(h.position, h.generation) for h in by_passage([again, hit(4)])] == [(4, again.generation)]


# ---- confidence ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "second", "together"), [(0, 39, 1.0), (20, 59, 1.0), (10, 45, 0.5), (5, 200, 0.5)])
def test_terms_stand_together_in_forty_words_that_begin_at_every_twentieth(
    first: int, second: int, together: float
) -> None:
    words = ["filler"] * 220
    words[first], words[second] = "pumps", "oiled"
    assert measure("pumps oiled", [Found(" ".join(words))])[-1] == pytest.approx(together, abs=0.05)


def test_confidence_rises_with_words_and_with_similarity() -> None:
    query = "Which variable points the site at a Qdrant server?"
    right, wrong = "QDRANT_URL points the site at a Qdrant server.", "Bread is baked in an oven of stone."
    assert confidence(query, []) == 0.0
    assert confidence(query, [Found(wrong, 0.05)]) < ANSWERS < 0.5 < confidence(query, [Found(right, 0.7)])
    assert confidence(query, [Found(right, 0.3)]) < confidence(query, [Found(right, 0.6)])
    assert confidence(query, [Found(wrong)]) < ANSWERS < confidence(query, [Found(right)])


@pytest.mark.parametrize(
    ("query", "right", "wrong"),
    [
        ("Wann ist die Pumpe zu ölen?", "Die Pumpe ist wöchentlich zu ölen.", "Brot wird im Ofen gebacken."),
        ("Как часто смазывают насос?", "Насос смазывается раз в неделю.", "Хлеб пекут в печи."),
        ("ポンプの給油間隔は?", "ポンプの給油は毎週行います。", "パンは窯で焼きます。"),
        ("ต้องหยอดน้ำมันปั๊มน้ำบ่อยแค่ไหน", "หยอดน้ำมันปั๊มน้ำทุกสัปดาห์", "ขนมปังอบในเตาหินที่โรงอบขนม"),
        ("पंप में तेल कब डाला जाता है?", "पंप में हर सप्ताह तेल डाला जाता है।", "रोटी को भट्टी में पकाया जाता है।"),
        ("Bao lâu thì tra dầu máy bơm một lần?", "Máy bơm được tra dầu hàng tuần.", "Bánh mì được nướng trong lò."),
        ("متى يتم تشحيم المضخة؟", "يتم تشحيم المضخات كل أسبوع.", "يتم خبز الخبز في الفرن الحجري."),
        ("水泵多久加油一次?", "水泵每周加油一次。", "面包是在石窑里烤的。"),
    ],
)
def test_confidence_works_from_words_in_any_language(query: str, right: str, wrong: str) -> None:
    assert confidence(query, [Found(wrong)]) < ANSWERS < confidence(query, [Found(right)])


@pytest.mark.parametrize(
    ("asked", "held"),
    [("الحكومة", "حكومة"), ("للحكومة", "والحكومة"), ("مدينة", "بالمدينة")],
)
def test_article_of_arabic_is_no_part_of_its_word(asked: str, held: str) -> None:
    assert measure(asked, [Found(held)], language="ar") == (1.0, 1.0, 1.0)
    assert measure("المدير", [Found("المدينة")], language="ar") == (0.0, 0.0, 0.0)


def test_syllables_of_vietnamese_are_read_in_pairs() -> None:
    together, apart = "máy bơm nước ở tầng hầm", "nước ở tầng hầm, bơm lốp xe, máy giặt"
    held = [measure("máy bơm nước", [Found(text)], language="vi") for text in (together, apart)]
    assert held[0][0] == 1.0
    assert held[1][0] < 0.5
    assert measure("máy bơm nước", [Found(apart)], language="en")[0] == 1.0


def test_similarity_alone_tells_in_another_language() -> None:
    question, answer = "Wie oft wird das Ventil geölt?", "The pump must be serviced by two people every week."
    assert measure(question, [Found(answer, 0.4)], language="de") == pytest.approx((0.4, 0.09))
    assert confidence(question, [Found(answer, 0.1)], language="de") < ANSWERS
    assert confidence(question, [Found(answer, 0.4)], language="de") > ANSWERS
    assert confidence(question, [Found(answer)], language="de") < ANSWERS
    named = "Was wurde in Kellogg beschlossen?"
    assert len(measure(named, [Found("Kellogg was in Battle Creek.", 0.4)], language="de")) == 4
    assert len(measure(named, [Found("Kellogg was in Battle Creek.", 0.4)], language="de", translated=True)) == 2


@pytest.mark.parametrize("text", ["?!", "...", "😀"])
def test_question_without_a_word_is_judged_as_well(text: str) -> None:
    assert confidence(text, [Found("Oil the pump.")]) < ANSWERS
    assert 0 <= confidence(text, [Found("Oil the pump.", 0.2)]) <= 1


def test_small_words_of_a_script_without_blanks_are_not_missed() -> None:
    asked = measure("ปั๊มน้ำคืออะไร", [Found("ปั๊มน้ำอยู่ในห้องใต้ดิน")], language="th")
    assert asked[1] == 1.0 > measure("ปั๊มน้ำคืออะไร", [Found("ปั๊มน้ำอยู่ในห้องใต้ดิน")], language="lo")[1]


TEA = "# Tea\n\nBoil the water first.\n\nWait four minutes before you pour the tea."


@pytest.mark.parametrize(
    ("query", "language", "text"),
    [
        ("How long do I wait before I pour the tea?", "en", TEA),
        ("tea", "en", TEA),
        ("Wie lange muss ich warten, bevor ich den Tee einschenke?", "de", "Vor dem Einschenken vier Minuten warten."),
        ("Combien de temps dois-je attendre avant de verser le thé ?", "fr", "Attendez quatre minutes, versez le thé."),
        ("Сколько нужно ждать, прежде чем наливать чай?", "ru", "Перед тем как наливать чай, ждите четыре минуты."),
        ("お茶を注ぐまでどのくらい待ちますか?", "ja", "お茶を注ぐ前に4分待ちます。"),
    ],
)
def test_words_that_say_little_are_not_missed(query: str, language: str, text: str) -> None:
    assert confidence(query, [Found(text)], language=language) >= ANSWERS
    assert measure(query, [Found(text)], language=language) >= measure(query, [Found(text)])


def test_one_common_word_is_no_answer_among_words_alone() -> None:
    query = "Which glacier feeds the river that crosses the water meadows?"
    assert confidence(query, [Found(TEA)], language="en") < ANSWERS


def test_question_of_nothing_but_little_words_counts_them_all() -> None:
    assert measure("What is it?", [Found("It is what it is.")], language="en") == (1.0, 1.0, 1.0)


# ---- words and languages ---------------------------------------------------------------------------------------------


def test_query_language_is_chosen_among_those_of_the_documents() -> None:
    assert language_of("Wie oft wird die Pumpe geölt?", among=["de", "en", "ja"]) == "de"
    assert language_of("How often is the pump oiled?", among=["de", "en", "ja"]) == "en"
    assert language_of("À quelle fréquence la pompe est-elle huilée ?", among=["fr"]) == "fr"
    assert language_of("पंप को कब तेल दिया जाता है?", among=["hi"]) == "hi"


@pytest.mark.parametrize("documents", ["de", "es", "nl", "hi", "vi"])
def test_question_in_english_is_told_from_the_language_of_the_documents(documents: str) -> None:
    assert language_of("How often is the pump oiled?", among=[documents]) == "en"


@pytest.mark.parametrize(
    ("question", "documents", "language"),
    [
        ("Wie oft wird die Pumpe geölt?", "en", "de"),
        ("पंप को कब तेल दिया जाता है?", "de", "hi"),
        ("ต้องหยอดน้ำมันปั๊มน้ำบ่อยแค่ไหน", "de", "th"),
        ("ポンプにはいつ油を差しますか?", "en", "ja"),
        ("¿Cada cuánto se engrasa la bomba?", "es", "es"),
        ("Kessel", "de", "de"),
    ],
)
def test_question_in_a_language_of_no_document_is_told(question: str, documents: str, language: str) -> None:
    assert language_of(question, among=[documents]) == language


def test_no_language_is_told_where_that_of_no_document_is_known() -> None:
    assert language_of("anything", among=[]) == ""

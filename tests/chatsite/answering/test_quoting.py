"""The model that quotes: what it answers with, as Markdown with markers."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

from agents import Agent, Passage, TextDelta, run, stream
from chatsite.answering.best_sentences import Candidate
from chatsite.answering.quoting import ExtractiveModel
from retrieval.searching.names import missing_names
from retrieval.text.asked import asked_in
from tests.chatsite.answering.passages import SETTINGS, STORE

NOTICE = "No language model is configured; these are sentences quoted from the documents."


# ---- as a model ------------------------------------------------------------------------------------------------------
QDRANT_ROW = """| Variable | Default | What it does |
| --- | --- | --- |
| `QDRANT_URL` | empty | Points the site at a Qdrant server instead of the embedded store. [3] |"""
DECLINED = "Nothing that was found answers this."
ROWS = [
    Candidate(Passage(3, SETTINGS, "Configuration"), 0.41),
    Candidate(Passage(4, STORE, "Store", page=2)),
]


def absent(name: str, nearest: str) -> str:
    return f"No {name}, but {nearest}." if nearest else f"No {name}."


def quoting(query: str, candidates: list[Candidate], *, selection: bool = False) -> Agent:
    missing = [] if selection else missing_names(query, [one.passage.text for one in candidates])
    model = ExtractiveModel(
        asked_in(query),
        lambda: candidates,
        lambda: NOTICE,
        DECLINED,
        absent,
        lambda part: f"Nothing on {part}.",
        missing=missing,
        closest="The closest:",
        selection=selection,
    )
    return Agent("a", "", models=[model])


def test_it_quotes_with_markers_below_its_notice() -> None:
    result = run(quoting("Which variable points the site at a Qdrant server?", ROWS), "whatever the message says")
    assert result.content.split("\n\n")[:2] == [NOTICE, QDRANT_ROW]
    assert (result.status, result.model, result.steps) == ("completed", "extractive", 1)


def test_it_says_which_name_stands_nowhere_and_which_is_nearest() -> None:
    asked = "What does QDRANT_URI point to?"
    assert run(quoting(asked, ROWS), asked).content == f"{NOTICE}\n\nNo QDRANT_URI, but QDRANT_URL."
    asked = "What is new in version 9.8.7?"
    assert run(quoting(asked, ROWS), asked).content == f"{NOTICE}\n\nNo version 9.8.7."


def test_it_answers_one_question_of_a_message_after_another() -> None:
    asked = "Hello! Which variable points the site at a Qdrant server? And what is in settings.toml? Many thanks!"
    parts = run(quoting(asked, ROWS), asked).content.split("\n\n")
    assert (parts[1], parts[-1]) == (QDRANT_ROW, "No settings.toml.")


def test_question_of_several_that_nothing_answers_is_named() -> None:
    asked = ("Which variable points the site at a Qdrant server?", "What is the default mayor of Paris?")
    model = ExtractiveModel(
        asked, lambda: ROWS, str, DECLINED, absent, lambda part: f"Nothing on {part}.", closest="", nothing=asked[1:]
    )
    assert model.quoted() == f"{QDRANT_ROW}\n\nNothing on What is the default mayor of Paris."


def test_it_declines_without_a_marker() -> None:
    asked = "What is the capital of Mongolia?"
    assert run(quoting(asked, ROWS), asked).content == f"{NOTICE}\n\n{DECLINED}"
    assert run(quoting("Which port?", []), "Which port?").content == f"{NOTICE}\n\n{DECLINED}"


def test_it_declines_what_the_search_says_is_only_near() -> None:
    near = [Candidate(row.passage, row.similarity, answers=False) for row in ROWS]
    assert run(quoting("Which port does the site listen on?", near), "").content == f"{NOTICE}\n\n{DECLINED}"


def test_it_streams_a_few_words_at_a_time() -> None:
    agent = quoting("Which variable points at Qdrant?", ROWS)
    deltas = [e.text for e in stream(agent, "") if isinstance(e, TextDelta)]
    assert len(deltas) > 4
    assert max(len(delta.split()) for delta in deltas) == 4


def test_selected_text_is_answered_from_its_passages_alone() -> None:
    def answer(query: str) -> str:
        return run(quoting(query, [Candidate(Passage(1, STORE))], selection=True), query).content

    assert "One process owns it" in answer("What happens to a second process?")
    assert answer("Explain this").endswith("is refused. [1]")
    assert answer("Who is Ahab?") == f"{NOTICE}\n\n{DECLINED}"


def test_it_names_the_part_of_a_question_that_nothing_answers() -> None:
    asked = "How are backups taken, and what of certificates?"
    sure = [Candidate(row.passage, row.similarity, answers=True) for row in ROWS]
    assert run(quoting(asked, sure), asked).content.split("\n\n")[1:] == [
        "Backups are copies of the data folder, taken while the site is stopped. [4]",
        "Nothing on what of certificates.",
    ]


def test_it_says_that_what_hardly_fits_a_selection_is_only_the_closest() -> None:
    asked = "What happens to processes whose owner has left, and to their locks?"
    answer = run(quoting(asked, [Candidate(Passage(1, STORE))], selection=True), asked).content
    assert answer == f"{NOTICE}\n\nThe closest:\n\nOne process owns it, i.e. a second one is refused. [1]"


def test_sentences_are_read_for_their_meaning_on_a_thread_that_may_wait() -> None:
    threads: list[str] = []

    def closeness(question: str, texts: Sequence[str], *, language: str) -> list[float]:
        threads.append(threading.current_thread().name)
        return [0.9 if "second one is refused" in text else 0.0 for text in texts]

    agent = quoting("What happens to a second process?", ROWS)
    model = replace(agent.models[0], closeness=closeness)
    answer = run(Agent("a", "", models=[model]), "").content
    assert answer == f"{NOTICE}\n\nOne process owns it, i.e. a second one is refused. [4]"
    assert threads == ["agents-tool"]

from __future__ import annotations

import pytest

from agents import Agent, Passage, TextDelta, run, stream
from chatsite.answering.best_sentences import Candidate, best_sentences
from chatsite.answering.quoting import ExtractiveModel
from retrieval.searching.names import missing_names
from retrieval.text.asked import asked_in

NOTICE = "No language model is configured; these are sentences quoted from the documents."

SETTINGS = """# Configuration

Every setting is an environment variable. It is read once, when the site
starts, and a wrong value stops it.

| Variable | Default | What it does |
| --- | --- | --- |
| `PORT` | 8000 | The port the site listens on. |
| `QDRANT_URL` | empty | Points the site at a Qdrant server instead of the embedded store. |

- `OPENAI_API_KEY`: the key for the language model.
- `CHAT_MODEL`: the model that answers, e.g. one from a vendor.
"""
STORE = """## The store

The store is embedded by default. One process owns it, i.e. a second one is refused.
Backups are copies of the data folder, taken while the site is stopped.
"""


def found(*texts: str, similarity: float | None = None) -> list[Candidate]:
    return [Candidate(Passage(i, text), similarity) for i, text in enumerate(texts, start=1)]


def answers(query: str, *, similarity: float | None = None) -> list[tuple[int, str]]:
    return [
        (s.candidate.passage.marker, s.text)
        for s in best_sentences(query, found(STORE, SETTINGS, similarity=similarity))
    ]


@pytest.mark.parametrize(
    ("query", "marker", "begins"),
    [
        ("Which variable points the site at a Qdrant server?", 2, "`QDRANT_URL` | empty | Points"),
        ("and QDRANT_URL?", 2, "`QDRANT_URL`"),
        ("what does qdrant url do", 2, "`QDRANT_URL`"),
        ("Which port does it listen on?", 2, "`PORT` | 8000"),
        ("When is the value of a setting read?", 2, "It is read once"),
        ("How do I set the API key?", 2, "`OPENAI_API_KEY`: the key"),
        ("What happens to a second process?", 1, "One process owns it, i.e. a second one is refused."),
        ("How do I back up? Taking backups while stopped", 1, "Backups are copies"),
    ],
)
def test_best_sentence_comes_first(query: str, marker: int, begins: str) -> None:
    first, *_ = answers(query)
    assert first[0] == marker
    assert first[1].startswith(begins)


@pytest.mark.parametrize(
    "query",
    [
        "What is the capital of Mongolia?",
        "Who won the world cup in 1998?",
        "What is the boiling point of mercury?",
        "Mongolia",
        "???",
    ],
)
def test_off_topic_question_is_declined(query: str) -> None:
    assert answers(query) == []


@pytest.mark.parametrize(
    ("query", "answers", "quoted"),
    [
        ("Will a second worker be refused or rejected by storage?", None, False),
        ("Will a second worker be refused or rejected by storage?", True, True),
        ("Which port does it listen on?", True, True),
        ("Which port does it listen on?", False, False),
    ],
)
def test_search_that_knows_whether_it_answers_decides(query: str, answers: bool | None, quoted: bool) -> None:
    passages = [Candidate(Passage(1, STORE), answers=answers), Candidate(Passage(2, SETTINGS), answers=answers)]
    assert bool(best_sentences(query, passages)) is quoted


def test_quotes_are_substrings_but_for_white_space() -> None:
    whole = " ".join(f"{STORE} {SETTINGS}".split())
    texts = [text for query in ("settings read wrong value", "store process", "port") for _, text in answers(query)]
    assert texts
    assert all(text in whole for text in texts)
    assert "It is read once, when the site starts, and a wrong value stops it." in texts


def test_repeated_sentences_are_quoted_once_and_at_most_four() -> None:
    line = "The pump must be oiled every week."
    assert len(best_sentences("When must the pump be oiled?", found(line, line, f"{line} Always."))) == 1
    many = " ".join(f"The pump needs oil of grade {word}." for word in ("ten", "nine", "six", "five", "two", "one"))
    assert len(best_sentences("Which pump oil grade?", found(many))) == 4


def test_heading_gives_way_to_the_sentence_below_it() -> None:
    ((_, text),) = [
        (s, s.text) for s in best_sentences("oiling the pump", found("# Oiling the pump\n\nOil the pump weekly."))
    ]
    assert text == "Oil the pump weekly."


# ---- as a model ------------------------------------------------------------------------------------------------------
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
        asked_in(query), lambda: candidates, lambda: NOTICE, DECLINED, absent, missing=missing, selection=selection
    )
    return Agent("a", "", models=[model])


def test_it_quotes_with_markers_below_its_notice() -> None:
    result = run(quoting("Which variable points the site at a Qdrant server?", ROWS), "whatever the message says")
    row = "`QDRANT_URL` | empty | Points the site at a Qdrant server instead of the embedded store."
    assert result.content.split("\n\n")[:2] == [NOTICE, f"{row} [3]"]
    assert (result.status, result.model, result.steps) == ("completed", "extractive", 1)


def test_it_says_which_name_stands_nowhere_and_which_is_nearest() -> None:
    asked = "What does QDRANT_URI point to?"
    assert run(quoting(asked, ROWS), asked).content == f"{NOTICE}\n\nNo QDRANT_URI, but QDRANT_URL."
    asked = "What is new in version 9.8.7?"
    assert run(quoting(asked, ROWS), asked).content == f"{NOTICE}\n\nNo version 9.8.7."


def test_it_answers_one_question_of_a_message_after_another() -> None:
    asked = "Hello! Which variable points the site at a Qdrant server? And what is in settings.toml? Many thanks!"
    row = "`QDRANT_URL` | empty | Points the site at a Qdrant server instead of the embedded store."
    parts = run(quoting(asked, ROWS), asked).content.split("\n\n")
    assert (parts[1], parts[-1]) == (f"{row} [3]", "No settings.toml.")


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


def test_fence_around_code_is_not_quoted_and_each_line_of_code_stands_alone() -> None:
    text = "Start the site like this:\n\n```\nPORT=8123 make run\nmake stop\n```\n\nIt prints its address."
    quoted = [s.text for s in best_sentences("make run with another PORT", found(text, similarity=0.7))]
    assert quoted[0] == "PORT=8123 make run"
    assert not any("```" in sentence for sentence in quoted)


def test_picture_is_not_quoted_as_a_sentence() -> None:
    text = "![The boiler behind its cover](boiler.png) ![Cover](c.png)\n\nThe boiler stands behind the cover."
    assert [s.text for s in best_sentences("Where is the boiler?", found(text))] == [
        "The boiler stands behind the cover."
    ]


def test_sentence_that_repeats_the_question_is_not_its_answer() -> None:
    query = "Which variable points the site at a Qdrant server?"
    examples = f'Open the page and ask: "{query}" Then click the number.'
    answer = "QDRANT_URL points the site at a Qdrant server."
    assert [s.text for s in best_sentences(query, found(examples, answer))] == [answer]


def test_sentence_below_a_heading_counts_as_saying_what_the_heading_says() -> None:
    text = "## Forgotten admin password\n\nSet a new one with `changepassword admin`.\n\n## Ports\n\nThe port is 8000."
    quoted = best_sentences("How do I reset a forgotten admin password?", found(text, similarity=0.5))
    assert quoted[0].text == "Set a new one with `changepassword admin`."

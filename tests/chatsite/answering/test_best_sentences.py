"""Which sentences of passages answer a question."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from agents import Passage
from chatsite.answering.best_sentences import READ_FOR_MEANING, Candidate, best_sentences
from tests.chatsite.answering.passages import SETTINGS, STORE


def found(*texts: str, similarity: float | None = None, answers: bool | None = None) -> list[Candidate]:
    return [Candidate(Passage(i, text), similarity, answers) for i, text in enumerate(texts, start=1)]


def quoted(query: str, *texts: str, similarity: float | None = None) -> list[str]:
    """Return the sentences that are chosen."""
    return [one.text for one in best_sentences(query, found(*texts, similarity=similarity)).sentences]


def answers(query: str, *, similarity: float | None = None) -> list[tuple[int, str]]:
    return [
        (s.candidate.passage.marker, s.text)
        for s in best_sentences(query, found(STORE, SETTINGS, similarity=similarity)).sentences
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
    assert bool(best_sentences(query, passages).sentences) is quoted


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("What do I do about error E1204?", "The pump runs dry."),
        ("Is there wifi in the cafe?", "The Wi-Fi of the Café is free."),
    ],
)
def test_hyphens_and_accents_dont_part_what_is_asked_from_what_is_said(query: str, answer: str) -> None:
    text = "### E-1204\n\nThe pump runs dry.\n\n### E-1279\n\nThe motor is hot.\n\nThe Wi-Fi of the Café is free."
    assert quoted(query, text)[0] == answer
    assert "The motor is hot." not in quoted(query, text)


def test_quotes_are_substrings_but_for_white_space() -> None:
    whole = " ".join(f"{STORE} {SETTINGS}".split())
    texts = [text for query in ("settings read wrong value", "store process", "port") for _, text in answers(query)]
    assert texts
    assert all(text in whole for text in texts)
    assert "It is read once, when the site starts, and a wrong value stops it." in texts


def test_repeated_sentences_are_quoted_once_and_at_most_four() -> None:
    line = "The pump must be oiled every week."
    assert len(quoted("When must the pump be oiled?", line, line, f"{line} Always.")) == 1
    many = " ".join(f"The pump needs oil of grade {word}." for word in ("ten", "nine", "six", "five", "two", "one"))
    assert len(quoted("Which pump oil grade?", many)) == 4


def test_heading_gives_way_to_the_sentence_below_it() -> None:
    assert quoted("oiling the pump", "# Oiling the pump\n\nOil the pump weekly.") == ["Oil the pump weekly."]


def test_fence_around_code_is_not_quoted_and_each_line_of_code_stands_alone() -> None:
    text = "Start the site like this:\n\n```\nPORT=8123 make run\nmake stop\n```\n\nIt prints its address."
    found = quoted("make run with another PORT", text, similarity=0.7)
    assert found[0] == "PORT=8123 make run"
    assert not any("```" in sentence for sentence in found)


def test_picture_is_not_quoted_as_a_sentence() -> None:
    text = "![The boiler behind its cover](boiler.png) ![Cover](c.png)\n\nThe boiler stands behind the cover."
    assert quoted("Where is the boiler?", text) == ["The boiler stands behind the cover."]


def test_sentence_that_repeats_the_question_is_not_its_answer() -> None:
    query = "Which variable points the site at a Qdrant server?"
    examples = f'Open the page and ask: "{query}" Then click the number.'
    answer = "QDRANT_URL points the site at a Qdrant server."
    assert quoted(query, examples, answer) == [answer]


def test_sentence_below_a_heading_counts_as_saying_what_the_heading_says() -> None:
    text = "## Forgotten admin password\n\nSet a new one with `changepassword admin`.\n\n## Ports\n\nThe port is 8000."
    found = quoted("How do I reset a forgotten admin password?", text, similarity=0.5)
    assert found[0] == "Set a new one with `changepassword admin`."


# ---- meaning, parts, selections --------------------------------------------------------------------------------------
PUMPS = "The pump is red and old. Once a week the machine gets lubricant. The pump stands in the hall of the machine."


def test_meaning_chooses_where_words_do_not() -> None:
    asked: list[str] = []

    def closeness(question: str, texts: Sequence[str], *, language: str) -> list[float]:
        asked.extend([question, language])
        return [0.9 if "lubricant" in text else 0.1 for text in texts]

    query = "How often is the pump oiled?"
    chosen = best_sentences(query, found(PUMPS, answers=True), closeness=closeness).sentences
    assert chosen[0].text == "Once a week the machine gets lubricant."
    assert not best_sentences(query, found(PUMPS, answers=True)).sentences
    assert asked == [query, "en"]


def test_only_the_best_sentences_are_read_for_their_meaning() -> None:
    read: list[str] = []

    def closeness(question: str, texts: Sequence[str], *, language: str) -> list[float]:
        read.extend(texts)
        return [0.5] * len(texts)

    text = "\n\n".join(f"The pump number {number} needs oil." for number in range(60))
    best_sentences("How much oil does the pump need?", found(text), closeness=closeness)
    assert len(read) == READ_FOR_MEANING


def test_part_that_nothing_answers_is_named() -> None:
    text = "Make a backup with pg_dump. Restore it with pg_restore."
    answer = best_sentences("How do I back up, restore, and what of certificates?", found(text, answers=True))
    assert {one.text for one in answer.sentences} == {"Make a backup with pg_dump.", "Restore it with pg_restore."}
    assert answer.unanswered == ["what of certificates"]


def test_part_that_the_best_sentences_leave_out_is_answered_as_well() -> None:
    text = "The pump needs oil of grade ten. The pump needs much oil. Valves are sold by Miller."
    answer = best_sentences("Which oil grade does the pump need, and who sells valves?", found(text, answers=True))
    assert "Valves are sold by Miller." in [sentence.text for sentence in answer.sentences]
    assert answer.unanswered == []


def test_what_hardly_fits_a_selection_is_the_closest_in_it() -> None:
    text = "The pump must be oiled every week. It hums."
    hardly = best_sentences("How often does maintenance of the pump and its motor happen?", found(text), selection=True)
    assert ([one.text for one in hardly.sentences], hardly.sure) == (["The pump must be oiled every week."], False)
    assert best_sentences("Who is Ahab?", found(text), selection=True).sentences == []
    assert best_sentences("When is the pump oiled?", found(text), selection=True).sure


def test_question_for_a_number_is_answered_with_one_that_a_selection_holds() -> None:
    text = "The pump is serviced by hand. It takes three weeks. Its motor is loud."
    [sentence] = best_sentences("How long?", found(text), selection=True).sentences
    assert sentence.text == "It takes three weeks."


def test_question_about_something_else_is_not_answered_with_any_number_of_a_selection() -> None:
    text = "Towels can be borrowed at the desk for two coins."
    assert not best_sentences("When is the sauna heated?", found(text), selection=True).sentences


def test_sentences_are_found_in_linear_time() -> None:
    """A text as long as a passage never is, of what is costly to read: dots, bars, blanks, fences."""
    text = f"{'. ' * 20_000}\n\n{'| a | b |' * 5_000}\n{'- x' * 5_000}\n\n{'```' * 10_000}\n{' ' * 50_000}end of oil"
    rows = "\n".join("| oil | pump |" for _ in range(3_000))
    assert best_sentences("Which oil?", found(text, rows)).sentences

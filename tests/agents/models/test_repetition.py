"""Which answers repeat themselves, and which only look so."""

from __future__ import annotations

import random

import pytest

from agents.models.repetition import RepetitionGuard

PARAGRAPH = (
    "The warranty covers parts and labour, but not damage by water. It begins on the day of delivery.\n\n"
    "Ask the shop where you bought it, and bring the receipt.\n\n"
)


def stops_at(text: str, size: int = 5) -> int | None:
    """After how many characters, if at all."""
    guard = RepetitionGuard()
    return next((at + size for at in range(0, len(text), size) if guard.feed(text[at : at + size])), None)


@pytest.mark.parametrize(
    "text",
    [
        "It is in the manual. " * 200,
        "An answer that begins well, with [1].\n" + "See page 3 of the manual.\n" * 200,
        "no " * 1500,
        "我不知道。" * 400,
        PARAGRAPH * 12,
        "".join(f"{number}. The warranty is two years.\n" for number in range(1, 600)),  # counts on for ever
        "".join(
            f"{random.Random(number).choice(['Well, ', 'So, ', 'Now, '])}"
            f"{number}\nThe warranty is two years from the day of purchase.\n"
            for number in range(80)
        ),
    ],
    ids=["sentence", "line", "word", "chinese", "paragraphs", "counting", "line-between-others"],
)
def test_case_109_answer_that_repeats_itself_is_stopped_soon(text: str) -> None:
    # A list that counts on looks like one of many rooms: it may be longer than what is said again word for word.
    most = 9_000 if text.startswith("1. ") else 2_600
    stopped = stops_at(text)
    assert stopped is not None
    assert stopped <= most


@pytest.mark.parametrize(
    "text",
    [
        "ha " * 100,
        "|" + "-----|" * 60 + "\n" + "| yes | no | yes |\n" * 25,
        "".join(f"| {number} | {number * 2} | 12.50 |\n" for number in range(200)),
        "".join(f"| Setting {number} | see page {number} of the manual | on |\n" for number in range(60)),
        "".join(f"- **{name}**: see the chapter on {name} in the manual.\n" for name in "abcdefghijklmnopqrstuvwxyz"),
        "```python\n" + "".join(f"if value == {n}:\n    return names[{n}]\n" for n in range(80)) + "```\n",
        "    return None\n" * 30,
        "[" + "0, " * 500 + "]",
        "=" * 2000,
        " " * 2000,
        PARAGRAPH * 3,
        "".join(f"Room {number}: free, ask at the desk\n" for number in range(101, 161)),
        "".join(f'{{"month": {n}, "revenue": {n * 7}, "expenses": {n * 5}}},\n' for n in range(1, 61)),
        "".join(f"INSERT INTO rooms (id, floor, beds) VALUES ({n}, {n // 100}, 2);\n" for n in range(101, 181)),
        "```json\n"
        + "".join(
            f'{{"id": {n}, "name": "{n * 7919}",\n "text": "A room with a view of the sea, and of the harbour too"}},\n'
            for n in range(60)
        )
        + "```\n",
        "Buy now.\n" * 40,
        "".join(f"{number}. {name} costs {number} euros.\n" for number, name in enumerate(["Tea", "Milk", "Salt"] * 4)),
    ],
    ids=(
        "laugh rule numbers cells list code lines zeros drawing blanks refrain rooms rows inserts items slogan prices"
    ).split(),
)
def test_like_lines_are_no_repetition(text: str) -> None:
    assert stops_at(text) is None


@pytest.mark.parametrize("size", [1, 5, 400])
def test_it_is_noticed_however_the_text_is_cut(size: int) -> None:
    assert stops_at("It is in the manual. " * 200, size) is not None


def test_long_answer_of_other_words_is_no_repetition() -> None:
    words = random.Random(7)
    assert stops_at(" ".join(f"w{words.randrange(2000)}" for _ in range(20_000)), 400) is None


ROWS = "[" + "".join(f'{{"month": {n}, "revenue": {n * 7}, "expenses": 0}},\n' for n in range(1, 400)) + "]"


@pytest.mark.parametrize("text", [ROWS, '{"done": false, "note": null},\n' * 100])
def test_rows_of_data_may_be_alike(text: str) -> None:
    guard = RepetitionGuard(data=True)
    assert not any(guard.feed(text[at : at + 5]) for at in range(0, len(text), 5))


@pytest.mark.parametrize("text", ['{"done": false, "note": null},\n' * 400, " \n" * 3_000])
def test_data_without_end_is_stopped(text: str) -> None:
    guard = RepetitionGuard(data=True)
    assert any(guard.feed(text[at : at + 5]) for at in range(0, len(text), 5))
